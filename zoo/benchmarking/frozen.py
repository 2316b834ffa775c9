"""Features for the benchmark: in fixed batches, so that no row depends on which cell ran first or where.

A frozen backbone says the same of a sample in every cell, whatever the label budget and the seed: its features are read
once, before workers start. What is padded is read in the order of length; images in the order in which they are asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.contracts import Padded, Pair
from zoo.training.fitting import extract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from zoo.contracts import Backbone
    from zoo.training.inputs import Inputs

SIZE, PADDED_SIZE = 256, 32  # samples in a batch; fewer where they differ in length, so that little is padded


def length_of(prepared: Any) -> int:
    """What a prepared sample is padded along: tokens, frames or values; 0 where nothing is padded.

    Example:
        >>> length_of(torch.zeros(1, 3, 8, 8)), length_of(Padded(torch.zeros(1, 7), torch.ones(1, 7)))
        (0, 7)
    """
    if isinstance(prepared, Pair):
        return 0 if prepared.text is None else length_of(prepared.text)
    return int(prepared.values.shape[1]) if isinstance(prepared, Padded) else 0


def by_length(inputs: Inputs, indices: np.ndarray) -> np.ndarray:
    """The places [n] of `indices`, shortest sample first; as they stand where samples have no length of their own."""
    if not len(indices) or not length_of(inputs.one(int(indices[0]))):
        return np.arange(len(indices))
    return np.argsort([length_of(inputs.one(index)) for index in indices.tolist()], kind="stable")


def extracted(
    backbone: Backbone, inputs: Inputs, indices: np.ndarray, device: str = "cpu", modality: str = ""
) -> Tensor:
    """Pooled features [n, D] of the samples at `indices`, in their order, in evaluation mode, on the CPU.

    Example:
        >>> import zoo; from zoo.training.inputs import Inputs
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 128, 255)]
        >>> extracted(backbone, Inputs(images, backbone.preprocess), np.array([2, 0])).shape
        torch.Size([2, 256])
    """
    order = by_length(inputs, indices)
    padded = len(indices) and length_of(inputs.one(int(indices[0])))
    size = PADDED_SIZE if padded else SIZE
    rows = extract(backbone, inputs, indices[order], device, modality=modality, size=size)
    return rows[torch.from_numpy(np.argsort(order, kind="stable"))]


class Frozen:
    """Features of a frozen backbone, each read once: `frozen[indices]` is [n, D].

    Samples are read in batches that `parts` alone decide, and a batch is read as a whole when one of its samples is
    asked for: on the same machine the same numbers come out, whoever asks first.

    Args:
        backbone: left as it was.
        inputs: its preprocessed samples.
        parts: the indices that will be asked for, part by part (validation, test, ...).
        device: cpu, cuda or mps.
        modality: which features; empty for the backbone's own.

    Example:
        >>> import zoo; from zoo.training.inputs import Inputs
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 128, 255)]
        >>> frozen = Frozen(backbone, Inputs(images, backbone.preprocess), [np.array([0, 1]), np.array([2])])
        >>> frozen[np.array([1])].shape, len(frozen)
        (torch.Size([1, 256]), 2)
    """

    def __init__(
        self, backbone: Backbone, inputs: Inputs, parts: Sequence[np.ndarray], device: str = "cpu", modality: str = ""
    ) -> None:
        self.backbone, self.inputs, self.parts = backbone, inputs, parts
        self.device, self.modality = device, modality
        self._batches: list[np.ndarray] = []
        self._batch_of: dict[int, int] = {}
        self._rows: dict[int, Tensor] = {}

    def __len__(self) -> int:
        """How many samples have been read."""
        return len(self._rows)

    def __getitem__(self, indices: np.ndarray) -> Tensor:
        if not self._batches:
            self._plan()
        wanted = [index for index in indices.tolist() if index not in self._rows]
        for batch in dict.fromkeys(self._batch_of[index] for index in wanted):
            self._read(self._batches[batch])
        return torch.stack([self._rows[index] for index in indices.tolist()])

    def read(self) -> None:
        """Read all that may be asked for."""
        for part in self.parts:
            self[part]

    def _plan(self) -> None:
        """Cut each part into batches of near lengths; a sample of two parts belongs to the first."""
        for part in self.parts:
            fresh = np.array([index for index in part.tolist() if index not in self._batch_of], dtype=int)
            ordered = fresh[by_length(self.inputs, fresh)]
            size = PADDED_SIZE if len(fresh) and length_of(self.inputs.one(int(fresh[0]))) else SIZE
            for start in range(0, len(ordered), size):
                batch = ordered[start : start + size]
                self._batch_of.update(dict.fromkeys(batch.tolist(), len(self._batches)))
                self._batches.append(batch)

    def _read(self, batch: np.ndarray) -> None:
        rows = extracted(self.backbone, self.inputs, batch, self.device, self.modality)
        self._rows.update(zip(batch.tolist(), rows, strict=True))
