"""Labelled images: where they come from, and their preprocessed form.

Raw samples are PIL images, opened when asked for. What a backbone sees is made by its own preprocessing, never here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.errors import DataError, UnknownName
from zoo.registry import Registry

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

DATASETS = Registry("data set", {"digits": "zoo.data.images:digits"}, group="zoo.datasets")


@dataclass(frozen=True)
class LabelledImages:
    """Images with one class each: `images[i]` is a PIL image, `targets` [N] holds class indices into `classes`."""

    name: str
    images: Sequence[Image]
    targets: np.ndarray
    classes: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.targets)


def load_images(source: str | Path) -> LabelledImages:
    """A data set by name (`digits`) or a folder with one sub-folder for each class.

    Raises:
        UnknownName: neither a known name nor an existing folder.
        DataError: the folder has fewer than two classes, a class is empty, or a file cannot be read.

    Example:
        >>> load_images("digits").classes[:3]
        ('0', '1', '2')
    """
    if str(source) in DATASETS.names():
        data = DATASETS.get(str(source))()
        assert isinstance(data, LabelledImages)
        return data
    path = Path(source).expanduser()
    if path.is_dir():
        return image_folder(path)
    siblings = [str(p) for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
    raise UnknownName(
        "data set",
        str(source),
        [*DATASETS.names(), *siblings],
        f"Give a known name ({', '.join(DATASETS.names())}) or a folder with one sub-folder for each class.",
    )


def digits() -> LabelledImages:
    """1,797 real handwritten digits, 8 x 8 pixels, 17 grey levels (UCI optdigits, as scikit-learn carries them)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    grey = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return LabelledImages(
        name="digits",
        images=[Image.fromarray(image) for image in grey],
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
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} cannot be read as an image ({error}). Fix: replace the file or move it away."
        ) from error


def image_folder(root: Path) -> LabelledImages:
    """`root/CLASS/**/image.png`: one class for each sub-folder, in alphabetical order. Hidden folders are left out."""
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    files = {p.name: sorted(f for f in p.rglob("*") if f.suffix.lower() in SUFFIXES) for p in folders}
    if empty := [name for name, found in files.items() if not found]:
        raise DataError(
            f"class {empty[0]!r} of {root} has no image ({len(empty)} of {len(files)} classes are empty; read are "
            f"{' '.join(SUFFIXES)}). Fix: add images to it or remove the empty folder."
        )
    if len(files) < 2:
        raise DataError(
            f"{root} has {len(files)} class folders, and classification needs at least 2. "
            f"Expected layout: {root}/CLASS/image.png."
        )
    paths = [path for found in files.values() for path in found]
    content = hashlib.sha256()
    for path in paths:
        content.update(f"{path.relative_to(root)}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    targets = np.repeat(np.arange(len(files)), [len(found) for found in files.values()])
    return LabelledImages(root.name, _Files(paths), targets, tuple(files), content.hexdigest())


class Inputs:
    """Preprocessed inputs of a data set, made at first use and kept in memory while all of them fit.

    Example:
        >>> data = digits()
        >>> to_tensor = lambda images: torch.stack([torch.from_numpy(np.array(i)) for i in images])
        >>> Inputs(data.images, to_tensor)[np.array([0, 5])].shape
        torch.Size([2, 8, 8])
    """

    def __init__(
        self, images: Sequence[Any], preprocess: Callable[[Sequence[Any]], Tensor], keep_bytes: int = 2**30
    ) -> None:
        self.images = images
        self.preprocess = preprocess
        self.keep_bytes = keep_bytes
        self._kept: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: np.ndarray) -> Tensor:
        """Inputs [B, ...] of the samples at `indices` [B]."""
        missing = [i for i in dict.fromkeys(indices.tolist()) if i not in self._kept]
        fresh = dict(zip(missing, self.preprocess([self.images[i] for i in missing]), strict=True)) if missing else {}
        if fresh and next(iter(fresh.values())).nbytes * len(self) <= self.keep_bytes:
            self._kept |= fresh
        return torch.stack([fresh[i] if i in fresh else self._kept[i] for i in indices.tolist()])
