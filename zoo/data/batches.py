"""Which samples stand in batch k: a function of (seed, k) alone, so that a resumed run sees what it would have seen."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np
import torch


def generator_at(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """The generator of random draws of one step; seeds, steps and streams (what is drawn for) never share numbers."""
    state = np.random.SeedSequence([seed, step, stream]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def substream(seed: int, purpose: str) -> int:
    """A seed (32 bits) of its own for each purpose, so that what is drawn for one never repeats in another.

    Example:
        >>> substream(0, "head") != substream(0, "order")
        True
    """
    return int(np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(1)[0])


class EpochOrder:
    """Endless shuffled epochs over `count` samples, cut into batches; every sample comes once before any comes twice.

    A batch may span the end of an epoch, and holds repeats only when it is larger than the data set.

    Example:
        >>> order = EpochOrder(count=10, batch_size=4, seed=0)
        >>> sorted(np.concatenate([order(step) for step in range(5)])) == sorted([*range(10)] * 2)
        True
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self._epoch = lru_cache(maxsize=2)(self._shuffle)

    def _shuffle(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([substream(self.seed, "order"), epoch]).permutation(self.count)

    def __call__(self, step: int) -> np.ndarray:
        """Indices [batch_size] of the samples of batch `step`."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs = positions // self.count
        parts = [self._epoch(int(epoch))[positions[epochs == epoch] % self.count] for epoch in np.unique(epochs)]
        return np.concatenate(parts)
