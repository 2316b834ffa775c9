"""What a file of a repository is, and whether zoo lets a library read it. Nothing here runs or loads a file.

zoo reads safetensors, JSON and plain text. Everything else stays unread; a pickle is read only where a person names
that very file, and then as tensors only (`weights_only=True`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.errors import UnsafeContent, WeightsError
from zoo.io.documents import check_document
from zoo.io.names import check_file
from zoo.io.settings import hub_cache
from zoo.io.tensors import check_safetensors

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS = {
    "weights": {".safetensors"},
    "configuration": {".json", ".jsonl"},
    "text": {".txt", ".md", ".model", ".tiktoken", ".jinja", ".yaml", ".yml", ".toml", ".csv", ".gitattributes", ""},
    "pickle": {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npy", ".npz", ".th", ".pyt"},
    "code": {".py", ".pyc", ".so", ".dll", ".dylib", ".sh", ".exe", ".ipynb", ".js", ".whl", ".cu"},
}


def kind_of(name: str) -> str:
    """`weights`, `configuration`, `text`, `pickle`, `code`, or `other`, by the end of the name.

    Example:
        >>> kind_of("model.safetensors"), kind_of("pytorch_model.bin"), kind_of("tf_model.h5")
        ('weights', 'pickle', 'other')
    """
    suffix = PurePosixPath(name.lower()).suffix
    return next((kind for kind, suffixes in _KINDS.items() if suffix in suffixes), "other")


def check_content(path: Path, name: str) -> tuple[str, ...]:
    """Let a file through, or refuse it. Returns the other repositories that a configuration refers to.

    Raises:
        UnsafeContent: a configuration that asks for code, or a safetensors file whose header lies.
        WeightsError: the file cannot be read.
    """
    try:
        if kind_of(name) == "configuration":
            return check_document(path, name)
        if kind_of(name) == "weights":
            check_safetensors(path, name)
    except OSError as error:
        raise WeightsError(f"{name} cannot be read: {error.strerror or error}. Fix: fetch it again.") from error
    return ()


def check_folder(folder: Path, inside: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Let a folder through: each file of it passes `check_content`. Returns what each refers to elsewhere, by file.

    Links may lead to files within `inside`. Without it that is the folder itself, and for a snapshot in the hub's
    cache, which is made of such links, the cache.

    Raises:
        UnsafeContent: a file that is refused, or a link that leads out.
        WeightsError: a file cannot be read, or parts of the weights are missing.
    """
    names = list(files_in(folder))
    if inside is None and folder.resolve().is_relative_to(hub_cache().resolve()):
        inside = hub_cache()
    found = {}
    for name in names:
        if (folder / name).is_symlink() and not (folder / name).exists():
            continue  # a link to nothing: no loader can read it
        check_place(folder, name, inside)
        found[name] = check_content(folder / name, name)
    check_complete(folder, names)
    return found


def files_in(folder: Path) -> list[str]:
    """The files of a folder and of what is below it, sorted, with slashes between the parts of a name."""
    found = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]  # walk does not follow them
        found += [Path(root, name).relative_to(folder).as_posix() for name in files + links]
    return sorted(found)


def check_place(folder: Path, name: str, inside: Path | None = None) -> None:
    """Refuse a file that lies elsewhere, or that is none.

    Raises:
        UnsafeContent: a link that leads out of the folder, or no file (a folder behind a link, a pipe).
    """
    check_file(name)
    real = (folder / name).resolve()
    home = (inside or folder).resolve()
    if not real.is_relative_to(home):
        raise UnsafeContent(f"{name} is a link that leads out of {home}, to {real}. Fix: copy the file instead.")
    if not real.is_file():
        raise UnsafeContent(f"{name} is no file. Fix: remove it, or fetch the repository again.")


def check_complete(folder: Path, names: Iterable[str]) -> None:
    """See that all parts of the weights are there, where an index names them.

    Raises:
        WeightsError: a part is missing.
    """
    there = set(names)
    for index in sorted(there):
        if not index.endswith(".safetensors.index.json"):
            continue
        content = json.loads((folder / index).read_bytes())
        parts = content.get("weight_map", {}).values() if isinstance(content, dict) else []
        base = PurePosixPath(index).parent
        lost = sorted({str(base / part) for part in parts} - there)
        if lost:
            raise WeightsError(
                f"{len(lost)} parts of the weights that {index} names are missing: {', '.join(lost[:3])}. "
                "Fix: run `zoo fetch` for this repository on a connected machine."
            )
