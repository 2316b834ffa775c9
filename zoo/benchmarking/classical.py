"""The classical baseline (arm C): logistic regression on raw pixels. It answers whether a network is needed at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.data.pixels import as_mode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SIDE = 16  # pixels: images larger than this are reduced to it by area averaging


def pixel_features(images: Sequence[Any], indices: np.ndarray) -> np.ndarray:
    """Grey values [n, pixels] in 0..1 of the images at `indices`, all at the size of the first, at most 16 x 16.

    `zoo.data.pixels.as_mode` says how each kind of image becomes grey.

    Example:
        >>> from PIL import Image
        >>> pixel_features([Image.new("L", (8, 8), 255)], np.array([0])).shape
        (1, 64)
    """
    from PIL import Image

    first = as_mode(images[0], "L").size
    size = (min(first[0], SIDE), min(first[1], SIDE))
    rows = []
    for index in indices.tolist():
        grey = as_mode(images[index], "L")
        small = grey if grey.size == size else grey.resize(size, Image.Resampling.BOX)
        rows.append(np.asarray(small, dtype=np.float64).ravel() / 255)
    return np.stack(rows)
