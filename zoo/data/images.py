"""Labelled images: where they come from.

Raw samples are PIL images, opened when asked for. What a backbone sees is made by its own preprocessing, never here;
`zoo.data.pixels` says how every kind of image becomes grey or RGB.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.folders import Files, class_folder, shown
from zoo.data.labelled import LabelledData
from zoo.errors import DataError, UnknownName
from zoo.registry import Registry

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

DATASETS = Registry(
    "data set",
    {
        "digits": "zoo.data.images:digits",
        "scripts": "zoo.data.scripts:scripts",
        "textures_task": "zoo.data.texture_task:textures_task",
        "docstring_areas": "zoo.data.docstring_tasks:docstring_areas",
        "scipy_packages": "zoo.data.docstring_tasks:scipy_packages",
        "parameter_types": "zoo.data.docstring_tasks:parameter_types",
        "spoken_words": "zoo.data.spoken:spoken_words",
        "spoken_languages": "zoo.data.spoken:spoken_languages",
        "speakers": "zoo.data.spoken:speakers",
        "espeak_words": "zoo.data.espeak_words:espeak_words",
    },
    group="zoo.datasets",
)


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


def open_image(path: Path | str) -> Image:
    """Read one image file; a clear `DataError` names the file when that fails."""
    return _decoded(path, shown(path), "replace the file or move it away")


def decode_image(data: bytes, name: str) -> Image:
    """Read one image from the bytes of a file; a clear `DataError` gives its `name` when that fails."""
    return _decoded(io.BytesIO(data), name, "replace it or take it out")


def _decoded(source: Any, name: str, fix: str) -> Image:
    from PIL import Image

    try:
        with Image.open(source) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        what = type(error).__name__ if isinstance(source, io.BytesIO) else error  # its text names an address in memory
        raise DataError(f"{name} cannot be read as an image ({what}). Fix: {fix}.") from error


def image_folder(root: Path) -> LabelledData:
    r"""`root/CLASS/**/image.png`: one class for each sub-folder, in alphabetical order.

    Read are regular files with one of `SUFFIXES`, of animations the first frame. Files and folders whose names start
    with a dot do not count (`._0.png` of macOS); `notes` counts all else that is not read. Bytes of a folder name
    that are not UTF-8 show as escapes in the name of its class, such as `\xff`.

    Raises:
        DataError: fewer than two classes, an empty class, or a file or folder that cannot be read.
    """
    return class_folder(root, Files("image", SUFFIXES, open_image, "convert images among them to PNG or JPEG"))
