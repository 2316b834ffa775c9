"""Folders with one sub-folder for each class, of files of any kind: `root/CLASS/**/file`."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.labelled import LabelledData
from zoo.errors import DataError


@dataclass(frozen=True)
class Files:
    """A kind of files: what one is called, how names end, what `LabelledData` gives for a path, and what may help."""

    noun: str
    suffixes: tuple[str, ...]
    opener: Callable[[Path], Any]
    fix: str
    inputs: str = "image"


def class_folder(root: Path, kind: Files) -> LabelledData:
    """The files of one kind in the folders of their classes, which stand in alphabetical order.

    The digest is over the names (from `root` on) and contents of the files that are read.

    Raises:
        DataError: fewer than two classes, an empty class, or a file or folder that cannot be read.
    """
    try:
        entries = sorted(p for p in root.iterdir() if not p.name.startswith("."))
        folders = [Folder(p, kind.suffixes) for p in entries if p.is_dir()]
        check_classes(root, folders, kind)
        paths = [path for folder in folders for path in folder.files]
        digest = content_digest(root, paths)
    except OSError as error:
        raise unreadable(error, root) from error
    targets = np.repeat(np.arange(len(folders)), [len(folder.files) for folder in folders])
    return LabelledData(
        shown(root.name),
        Opener(paths, kind.opener),
        targets,
        tuple(shown(folder.path.name) for folder in folders),
        digest,
        folder_notes(folders, [p for p in entries if not p.is_dir()], kind),
        inputs=kind.inputs,
        origins=[shown(path) for path in paths],
    )


class Folder:
    """One class folder: the files of the kind below it, sorted, and what else lies there."""

    def __init__(self, path: Path, suffixes: tuple[str, ...]) -> None:
        self.path = path
        self.files: list[Path] = []
        self.others: Counter[str] = Counter()
        self.links = 0
        for place, folders, files in os.walk(path, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            self.links += sum(Path(place, name).is_symlink() for name in folders)
            for file in (Path(place, name) for name in files if not name.startswith(".")):
                if file.suffix.lower() in suffixes and file.is_file():
                    self.files.append(file)
                else:
                    self.others[_kind(file)] += 1
        self.files.sort()


class Opener(Sequence[Any]):
    """Files, opened one at a time when indexed."""

    def __init__(self, paths: Sequence[Path], opener: Callable[[Path], Any]) -> None:
        self.paths, self.opener = paths, opener

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        return self.opener(self.paths[index])


def check_classes(root: Path, folders: Sequence[Folder], kind: Files) -> None:
    """See that there are two classes, and files in each.

    Raises:
        DataError: there are not.
    """
    empty = [folder for folder in folders if not folder.files]
    if empty:
        held = empty[0].others
        raise DataError(
            f"class {shown(empty[0].path.name)!r} of {shown(root)} has no {kind.noun}"
            f"{f', but {_counts(held)}' if held else ''} ({len(empty)} of {len(folders)} classes are empty; read are "
            f"{' '.join(kind.suffixes)}). Fix: add {kind.noun}s to it or remove the empty folder."
        )
    if len(folders) < 2:
        raise DataError(
            f"{shown(root)} has {len(folders)} class folders, and classification needs at least 2. "
            f"Expected layout: {shown(root)}/CLASS/{kind.noun}{kind.suffixes[0]}."
        )


def content_digest(root: Path, paths: Sequence[Path]) -> str:
    """SHA-256 of the names of files, from `root` on, and of their contents.

    Raises:
        OSError: a file cannot be read.
    """
    content = hashlib.sha256()
    for path in paths:
        content.update(os.fsencode(path.relative_to(root)) + b"\0")
        with path.open("rb") as file:  # which may be larger than memory
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()


def folder_notes(folders: Sequence[Folder], strays: Sequence[Path], kind: Files) -> tuple[str, ...]:
    """One sentence for each kind of thing that a folder holds and that is not read."""
    notes = []
    if others := sum((folder.others for folder in folders), Counter[str]()):
        notes.append(f"not read in class folders: {_counts(others)}. Fix: {kind.fix}.")
    if outside := Counter(_kind(path) for path in strays):
        notes.append(
            f"not read outside class folders: {_counts(outside)}. Fix: move {kind.noun}s into their class folder."
        )
    if links := sum(folder.links for folder in folders):
        notes.append(f"links to folders that are not followed: {links}. Fix: put real folders or links to files there.")
    return tuple(notes)


def unreadable(error: OSError, root: Path) -> DataError:
    """The error for a file or folder that the system does not give."""
    place = shown(error.filename or root)
    return DataError(f"{place} cannot be read ({error.strerror}). Fix: allow reading it or move it away.")


def shown(path: Path | str) -> str:
    """A path as text that any stream and file can take: bytes that are not UTF-8 become escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _raise(error: OSError) -> None:
    raise error  # os.walk would skip the folder


def _counts(kinds: Counter[str], most: int = 6) -> str:
    """Such as "12 .heic, 1 .txt", the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[most:])
    return ", ".join([f"{count} {kind}" for kind, count in ordered[:most]] + [f"{rest} others"] * bool(rest))


def _kind(path: Path) -> str:
    """The suffix of a file, or why it is left out in spite of it."""
    suffix = shown(path.suffix.lower()) or "without suffix"
    return suffix if path.is_file() else f"{suffix} (not a regular file)"
