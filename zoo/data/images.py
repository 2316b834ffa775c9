"""Labelled images: where they come from.

Raw samples are PIL images, opened when asked for. What a backbone sees is made by its own preprocessing, never here;
`zoo.data.pixels` says how every kind of image becomes grey or RGB.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.labelled import LabelledData
from zoo.errors import DataError, UnknownName
from zoo.registry import Registry

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

DATASETS = Registry("data set", {"digits": "zoo.data.images:digits"}, group="zoo.datasets")


def load_images(source: str | Path) -> LabelledData:
    """A data set by name (`digits`) or a folder with one sub-folder for each class (see `image_folder`).

    A known name wins over a local folder of that name, and a note says so; `./digits` or a `Path` means the folder.

    Raises:
        UnknownName: neither a known name nor an existing folder.
        DataError: the folder has fewer than two classes, a class is empty, or a file cannot be read.

    Example:
        >>> load_images("digits").classes[:3]
        ('0', '1', '2')
    """
    path = Path(source).expanduser()
    is_folder = path.is_dir()
    if str(source) in DATASETS.names() and not (is_folder and isinstance(source, Path)):
        data = DATASETS.get(str(source))()
        assert isinstance(data, LabelledData)
        if is_folder:
            note = f"{source!r} is the data set of that name; the local folder is not read. Fix: ./{source} reads it."
            data = dataclasses.replace(data, notes=(*data.notes, note))
        return data
    if is_folder:
        return image_folder(path)
    siblings = [str(p) for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
    raise UnknownName(
        "data set",
        str(source),
        [*DATASETS.names(), *siblings],
        f"Give a known name ({', '.join(DATASETS.names())}) or a folder with one sub-folder for each class.",
    )


def digits() -> LabelledData:
    """1,797 real handwritten digits, 8 x 8 pixels, 17 grey levels (UCI optdigits, as scikit-learn carries them)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    grey = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return LabelledData(
        name="digits",
        samples=[Image.fromarray(image) for image in grey],
        targets=targets.astype(np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        digest=hashlib.sha256(grey.tobytes() + targets.astype(np.int64).tobytes()).hexdigest(),
    )


class _Files(Sequence["Image"]):
    """Image files, opened one at a time when indexed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        return open_image(self.paths[index])


def open_image(path: Path | str) -> Image:
    """Read one image file; a clear `DataError` names the file when that fails."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(
            f"{_shown(path)} cannot be read as an image ({error}). Fix: replace the file or move it away."
        ) from error


def image_folder(root: Path) -> LabelledData:
    r"""`root/CLASS/**/image.png`: one class for each sub-folder, in alphabetical order.

    Read are regular files with one of `SUFFIXES`, of animations the first frame. Files and folders whose names start
    with a dot do not count (`._0.png` of macOS); `notes` counts all else that is not read. Bytes of a folder name
    that are not UTF-8 show as escapes in the name of its class, such as `\xff`.

    Raises:
        DataError: fewer than two classes, an empty class, or a file or folder that cannot be read.
    """
    try:
        entries = sorted(p for p in root.iterdir() if not p.name.startswith("."))
        folders = [_Folder(p) for p in entries if p.is_dir()]
        names = [_shown(folder.path.name) for folder in folders]
        empty = [index for index, folder in enumerate(folders) if not folder.images]
        if empty:
            held = folders[empty[0]].others
            raise DataError(
                f"class {names[empty[0]]!r} of {_shown(root)} has no image{f', but {_counts(held)}' if held else ''} "
                f"({len(empty)} of {len(folders)} classes are empty; read are {' '.join(SUFFIXES)}). "
                "Fix: add images to it or remove the empty folder."
            )
        if len(folders) < 2:
            raise DataError(
                f"{_shown(root)} has {len(folders)} class folders, and classification needs at least 2. "
                f"Expected layout: {_shown(root)}/CLASS/image.png."
            )
        paths = [path for folder in folders for path in folder.images]
        content = hashlib.sha256()
        for path in paths:
            content.update(os.fsencode(path.relative_to(root)) + b"\0")
            content.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        place = _shown(error.filename or root)
        raise DataError(f"{place} cannot be read ({error.strerror}). Fix: allow reading it or move it away.") from error
    targets = np.repeat(np.arange(len(folders)), [len(folder.images) for folder in folders])
    notes = _notes(folders, [p for p in entries if not p.is_dir()])
    origins = [_shown(path) for path in paths]
    return LabelledData(
        _shown(root.name), _Files(paths), targets, tuple(names), content.hexdigest(), notes, origins=origins
    )


class _Folder:
    """One class folder: the images below it, sorted, and what else lies there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[Path] = []
        self.others: Counter[str] = Counter()
        self.links = 0
        for place, folders, files in os.walk(path, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            self.links += sum(Path(place, name).is_symlink() for name in folders)
            for file in (Path(place, name) for name in files if not name.startswith(".")):
                if file.suffix.lower() in SUFFIXES and file.is_file():
                    self.images.append(file)
                else:
                    self.others[_kind(file)] += 1
        self.images.sort()


def _raise(error: OSError) -> None:
    raise error  # os.walk would skip the folder


def _notes(folders: Sequence[_Folder], strays: Sequence[Path]) -> tuple[str, ...]:
    """One sentence for each kind of thing that an image folder holds and that is not read."""
    notes = []
    if others := sum((folder.others for folder in folders), Counter[str]()):
        notes.append(f"not read in class folders: {_counts(others)}. Fix: convert images among them to PNG or JPEG.")
    if outside := Counter(_kind(path) for path in strays):
        notes.append(f"not read outside class folders: {_counts(outside)}. Fix: move images into their class folder.")
    if links := sum(folder.links for folder in folders):
        notes.append(f"links to folders that are not followed: {links}. Fix: put real folders or links to files there.")
    return tuple(notes)


def _counts(kinds: Counter[str], most: int = 6) -> str:
    """Such as "12 .heic, 1 .txt", the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[most:])
    return ", ".join([f"{count} {kind}" for kind, count in ordered[:most]] + [f"{rest} others"] * bool(rest))


def _kind(path: Path) -> str:
    """The suffix of a file, or why it is left out in spite of it."""
    suffix = _shown(path.suffix.lower()) or "without suffix"
    return suffix if path.is_file() else f"{suffix} (not a regular file)"


def _shown(path: Path | str) -> str:
    """A path as text that any stream and file can take: bytes that are not UTF-8 become escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
