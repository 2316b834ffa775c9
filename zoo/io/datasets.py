"""Data sets of the hub, as files: which of them hold the data, and how they come. No script of a repository is run.

A repository with tables in several folders holds several data sets ("configurations"); one is chosen by its folder:
`hf-data:NAMESPACE/NAME/FOLDER@REVISION`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zoo.errors import Offline, UnknownName, UsageError
from zoo.io.listing import ask_listing
from zoo.io.names import check_file, check_repository, check_revision
from zoo.io.repository import Snapshot, cached, fetch_repository
from zoo.io.settings import offline
from zoo.io.transport import client

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = "hf-data:"
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
SUFFIXES = (*TABLES, *IMAGES, *SOUNDS, ".txt")
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What files, folders and cells call the parts of a data set, and what zoo calls them."""
_DEEPEST = 6  # folders below each other


@dataclass(frozen=True)
class DataName:
    """`hf-data:NAMESPACE/NAME[/FOLDER][@REVISION]`, taken apart."""

    repository: str
    folder: str = ""
    revision: str = ""


def parse_data_name(name: str) -> DataName:
    """Take a name of a data set of the hub apart.

    Raises:
        UsageError: it is none.

    Example:
        >>> parse_data_name("hf-data:org/pets/small@v2")
        DataName(repository='org/pets', folder='small', revision='v2')
    """
    place, _, revision = name.removeprefix(DATA).partition("@")
    namespace, _, rest = place.partition("/")
    title, _, folder = rest.partition("/")
    if not title:
        raise UsageError(f"{name!r} names no data set of the hub. Fix: write {DATA}NAMESPACE/NAME[@REVISION].")
    repository = check_repository(f"{namespace}/{title}")
    return DataName(repository, check_file(folder) if folder else "", check_revision(revision) if revision else "")


def fetch_dataset(name: str) -> tuple[Snapshot, str]:
    """Bring the data files of a data set into the hub's cache. Returns them, and the folder within where they begin.

    Raises:
        UsageError: the repository holds several data sets, and none is named.
        UnknownName: no such folder.
        Offline, WeightsError, UnsafeContent, StoreError: as `fetch_repository` says.
    """
    asked = parse_data_name(name)
    revision = asked.revision or "main"
    names = None if offline() else _listed(asked.repository, revision)
    if names is None:
        patterns = tuple(f"{'*/' * depth}*{suffix}" for depth in range(_DEEPEST) for suffix in SUFFIXES)
        here = cached(asked.repository, revision, patterns, kind="dataset")
        names = list(here.files) if here else []
    base, patterns = choose_files(names, asked) if names else (asked.folder, (f"*{TABLES[-1]}",))
    return fetch_repository(asked.repository, asked.revision, patterns, kind="dataset"), base


def choose_files(names: Iterable[str], asked: DataName) -> tuple[str, tuple[str, ...]]:
    """The folder where the data begin, and patterns of the files below it; `names` are all files of the repository.

    Raises:
        UsageError: tables in several folders, or no data at all.
        UnknownName: no such folder.

    Example:
        >>> choose_files(["README.md", "data/train-00000-of-00001.parquet"], DataName("org/pets"))
        ('data', ('data/*.parquet',))
    """
    readable = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES and not _hidden(name)]
    inside = [name for name in readable if not asked.folder or name.startswith(f"{asked.folder}/")]
    if not inside and asked.folder:
        raise UnknownName("folder", asked.folder, {_home(name) for name in readable if _home(name)})
    bases = sorted({_home(name) for name in inside if PurePosixPath(name).suffix.lower() in TABLES})
    if len(bases) > 1:
        shown = ", ".join(base or "(the top)" for base in bases[:8]) + (", ..." if len(bases) > 8 else "")
        example = next(base for base in bases if base)
        raise UsageError(
            f"{DATA}{asked.repository} holds tables in {len(bases)} folders: {shown}. "
            f"Fix: name one, such as {DATA}{asked.repository}/{example}."
        )
    if not inside:
        raise UsageError(
            f"{DATA}{asked.repository} has no file that zoo reads as data ({' '.join(SUFFIXES)}); scripts are not run. "
            "Fix: choose another one, or a revision that has Parquet files, such as @refs/convert/parquet."
        )
    base = bases[0] if bases else asked.folder
    wanted = {name for name in inside if not base or name.startswith(f"{base}/")}
    return base, tuple(sorted({_alike(name, base) for name in wanted}))


def _listed(repository: str, revision: str) -> list[str] | None:
    """The names of all files; None where the hub does not answer."""
    try:
        with client() as session:
            return list(ask_listing(session, repository, revision, "dataset").files)
    except Offline:
        return None


def _home(name: str) -> str:
    """The folder of a file, without folders that are parts: `data/train/0.parquet` is of `data`."""
    folders = list(PurePosixPath(name).parent.parts)
    while folders and folders[-1].lower() in PARTS:
        folders.pop()
    return "/".join(folders)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _alike(name: str, base: str) -> str:
    """The pattern of all files as deep below `base` as this one, with its suffix: few, for any number of classes."""
    depth = len(PurePosixPath(name).relative_to(base).parts) - 1
    plain = re.sub(r"([*?[])", r"[\1]", base)
    return "/".join([*([plain] if base else []), *["*"] * depth, f"*{PurePosixPath(name).suffix}"])
