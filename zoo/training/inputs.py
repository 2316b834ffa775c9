"""What a backbone's preprocessing makes of the samples of a data set: made once, and kept while it fits in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import Padded, Pair
from zoo.providers.bundles import bundled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Inputs:
    """Preprocessed inputs of a data set, made at first use and kept in memory while all of them fit.

    Args:
        samples: raw samples.
        preprocess: the backbone's: a batch of raw samples -> a batch of inputs.
        padding: the backbone's: whether samples of different lengths may share a tensor.
        keep_bytes: how much is kept.

    Example:
        >>> import numpy as np, torch
        >>> to_tensor = lambda arrays: torch.stack([torch.from_numpy(array) for array in arrays])
        >>> Inputs([np.zeros((8, 8))] * 10, to_tensor)[np.array([0, 5])].shape
        torch.Size([2, 8, 8])
    """

    def __init__(
        self,
        samples: Sequence[Any],
        preprocess: Callable[[Sequence[Any]], Any],
        padding: str = "fixed",
        keep_bytes: int = 2**30,
    ) -> None:
        self.samples = samples
        self.preprocess = preprocess
        self.padding = padding
        self.keep_bytes = keep_bytes
        self._kept: dict[int, Any] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, indices: np.ndarray) -> Any:
        """Inputs of the samples at `indices` [B]: a batch, or a `Bundle` of several."""
        found = {index: self.one(index) for index in dict.fromkeys(indices.tolist())}
        return bundled([found[index] for index in indices.tolist()], self.padding)

    def one(self, index: int) -> Any:
        """The sample at `index` as a batch of one."""
        if index in self._kept:
            return self._kept[index]
        made = self.preprocess([self.samples[index]])
        size = nbytes(made)
        if self._bytes + size <= self.keep_bytes:
            self._kept[index] = made
            self._bytes += size
        return made

    def without(self, indices: Sequence[int]) -> Inputs:
        """The same without the samples at `indices`; what is kept stays kept."""
        from zoo.data.labelled import Taken

        left_out = set(indices)
        rest = [index for index in range(len(self.samples)) if index not in left_out]
        made = Inputs(Taken(self.samples, np.array(rest, dtype=int)), self.preprocess, self.padding, self.keep_bytes)
        made._kept = {place: self._kept[index] for place, index in enumerate(rest) if index in self._kept}
        made._bytes = self._bytes
        return made


def nbytes(batch: Any) -> int:
    """Memory of a batch of inputs, in bytes."""
    if isinstance(batch, Padded):
        return int(batch.values.nbytes + batch.mask.nbytes)
    if isinstance(batch, Pair):
        return sum(nbytes(part) for part in (batch.vision, batch.text) if part is not None)
    return int(batch.nbytes)
