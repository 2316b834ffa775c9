"""How the images of the vision tasks were "scanned": geometry, light, blur and noise, in NumPy and float64.

It is another code than the one that corrupts pre-training images (`zoo.data.augment_images`), with other effects, so
that no gain comes from having met the very same corruption before. In float64 a sum that another machine rounds
otherwise should move a grey level in one of 10^9 images (an estimate), so that the bytes are the same elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def laid(image: npt.NDArray[np.uint8], random: np.random.Generator, size: int = 32) -> npt.NDArray[np.float64]:
    """The image laid askew under the scanner: turned, leaning, stretched, moved; black where nothing lies.

    Args:
        image: [H, W], whose middle is in view.
        random: the only source of randomness.
        size: side of the result in pixels, one for one with those of `image` but for the scale.

    Returns:
        [size, size] from 0 to 1.

    Example:
        >>> laid(np.full((40, 40), 255, np.uint8), np.random.default_rng(0)).shape
        (32, 32)
    """
    angle, lean = math.radians(random.uniform(-12, 12)), random.uniform(-0.2, 0.2)
    scale, stretch = random.uniform(0.7, 1.0), math.exp(random.uniform(-0.2, 0.2))
    right, down = random.uniform(-2.5, 2.5, 2)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    onto = turn @ np.array([[1, lean], [0, 1]]) @ np.diag([stretch, 1 / stretch]) / scale  # from result to image
    y, x = np.indices((size, size)) - (size - 1) / 2
    return _bilinear(
        image.astype(np.float64) / 255,
        onto[1, 0] * (x - right) + onto[1, 1] * (y - down) + (image.shape[0] - 1) / 2,
        onto[0, 0] * (x - right) + onto[0, 1] * (y - down) + (image.shape[1] - 1) / 2,
    )


def scanned(
    image: npt.NDArray[np.float64], random: np.random.Generator, *, noise: float = 0.15, blur: int = 2
) -> npt.NDArray[np.uint8]:
    """The image as an uneven lamp, a lens out of focus and a grainy sensor give it.

    Args:
        image: [H, W] from 0 to 1.
        random: the only source of randomness.
        noise: the largest standard deviation of the grain.
        blur: the most passes of a 3 x 3 binomial filter.

    Returns:
        uint8, of the same shape.

    Example:
        >>> scanned(np.zeros((4, 4)), np.random.default_rng(0), noise=0.0).dtype
        dtype('uint8')
    """
    for _ in range(int(random.integers(blur + 1))):
        image = _smoothed(image)
    y, x = ((axis + 0.5) / side - 0.5 for axis, side in zip(np.indices(image.shape), image.shape, strict=True))
    gain = random.uniform(0.4, 1.0) * (1 + random.uniform(-0.6, 0.6) * x + random.uniform(-0.6, 0.6) * y)
    veil = random.uniform(0, 0.25) * (1 + random.uniform(-1, 1) * x + random.uniform(-1, 1) * y)
    grain = random.uniform(0, noise) * random.standard_normal(image.shape)
    grey: npt.NDArray[np.uint8] = np.rint(255 * np.clip(image * gain + veil + grain, 0, 1)).astype(np.uint8)
    return grey


def _bilinear(
    image: npt.NDArray[np.float64], y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Values of the image at the places (y, x), in pixels; 0 outside."""
    padded = np.pad(image, 1)
    y, x = (np.clip(axis + 1, 0, side - 1 - 1e-9) for axis, side in zip((y, x), padded.shape, strict=True))
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    below, beside = y - top, x - left
    upper = padded[top, left] * (1 - beside) + padded[top, left + 1] * beside
    lower = padded[top + 1, left] * (1 - beside) + padded[top + 1, left + 1] * beside
    values: npt.NDArray[np.float64] = upper * (1 - below) + lower * below
    return values


def _smoothed(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """One pass of the 3 x 3 binomial filter; edges repeat."""
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth: npt.NDArray[np.float64] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return smooth
