"""The classical baseline (arm C): logistic regression on features that need no network.

It answers whether a network is needed at all: raw pixels of images, TF-IDF of texts, statistics of MFCCs of sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.adaptations.linear_probe import logistic_regression
from zoo.benchmarking.classical_sounds import sound_features
from zoo.benchmarking.classical_texts import fit_texts
from zoo.data.pixels import as_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

SIDE = 16  # pixels: images larger than this are reduced to it by area averaging


@dataclass(frozen=True)
class Model:
    """A fitted baseline: `outputs` gives logits [n, classes] of the samples at some indices."""

    outputs: Callable[[np.ndarray], np.ndarray]
    parameters: int


class Classical:
    """The baseline of one data set; features that need no labels are made once.

    Args:
        inputs: what the samples are, as `LabelledData.inputs` says.
        samples: raw samples.

    Example:
        >>> texts = ["a red rose", "a blue sky", "red red wine", "blue water"]
        >>> model = Classical("text", texts).fit(np.array([0, 1]), np.array([0, 1]), penalty=1.0, classes=2)
        >>> model.outputs(np.array([2, 3])).argmax(1).tolist()
        [0, 1]
    """

    def __init__(self, inputs: str, samples: Sequence[Any]) -> None:
        self.inputs, self.samples = inputs, samples
        self._rows: dict[int, np.ndarray] = {}

    def read(self, indices: np.ndarray) -> None:
        """Make the features of these samples; of texts there are none before labels are known."""
        if self.inputs not in ("text", "text_pair"):
            self._features(indices)

    def fit(self, labels: np.ndarray, targets: np.ndarray, penalty: float, classes: int) -> Model:
        """Logistic regression on the samples at `labels` with their targets [n]; features are scaled on these alone.

        Raises:
            DataError: a clip that cannot be read, or texts without a word.
        """
        if self.inputs in ("text", "text_pair"):
            texts = [self.samples[index] for index in labels.tolist()]
            decide, parameters = fit_texts(texts, targets, penalty, classes)
            return Model(lambda indices: decide([self.samples[index] for index in indices.tolist()]), parameters)
        weight, bias = logistic_regression(self._features(labels), targets, penalty, classes)
        return Model(lambda indices: self._features(indices) @ weight.T + bias, weight.size + bias.size)

    def _features(self, indices: np.ndarray) -> np.ndarray:
        fresh = np.array([index for index in indices.tolist() if index not in self._rows], dtype=int)
        if len(fresh):
            made = (pixel_features if self.inputs == "image" else sound_features)(self.samples, fresh)
            self._rows.update(zip(fresh.tolist(), made, strict=True))
        return np.stack([self._rows[index] for index in indices.tolist()])


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
