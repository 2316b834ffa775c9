"""A teacher that is a moving average of the student, and how it looks at a batch through the student's own encoder.

A backbone's encoder is bound to its module. So the teacher lends its weights to that module for the time of one call,
and no second encoder has to be built.
"""

from __future__ import annotations

import copy
import itertools
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class Average(nn.Module):
    """A frozen copy of a network that follows it: its weights and buffers are part of every checkpoint.

    Example:
        >>> student = nn.Linear(2, 2)
        >>> teacher = Average(student)
        >>> with teacher.lent_to(student):
        ...     seen = student(torch.ones(1, 2))
        >>> seen.requires_grad
        False
    """

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.copy = copy.deepcopy(student).requires_grad_(False)

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: float) -> None:
        """Every weight becomes `momentum` of itself and the rest of the student's; buffers stay the teacher's own."""
        for mine, theirs in zip(self.copy.parameters(), student.parameters(), strict=True):
            mine.lerp_(theirs.to(mine.dtype), 1 - momentum)

    @contextmanager
    def lent_to(self, network: nn.Module) -> Iterator[None]:
        """Within, `network` has the teacher's weights, no gradients and no dropout.

        When the network trains, BatchNorm takes the batch's own statistics, and counts them for the teacher.
        """
        modes = {part: part.training for part in network.modules()}
        for part in modes:
            part.training = modes[part] and isinstance(part, nn.modules.batchnorm._BatchNorm)
        self._swap(network)
        try:
            with torch.no_grad():
                yield
        finally:
            self._swap(network)
            for part, mode in modes.items():
                part.training = mode

    def _swap(self, network: nn.Module) -> None:
        pairs = zip(_tensors(network), _tensors(self.copy), strict=True)
        for one, other in pairs:
            one.data, other.data = other.data, one.data
        torch.clear_autocast_cache()  # it keeps weights in half precision by whose they are, not by what they hold


def momentum_at(step: int, steps: int, first: float) -> float:
    """The teacher's momentum at a step: from `first` along a cosine to 1 after `steps`; constant where these are 0.

    Example:
        >>> [momentum_at(step, 10, 0.5) for step in (0, 5, 10, 11)], momentum_at(7, 0, 0.5)
        ([0.5, 0.75, 1.0, 1.0], 0.5)
    """
    if not steps:
        return first
    return 1 - (1 - first) * (math.cos(math.pi * min(step, steps) / steps) + 1) / 2


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return itertools.chain(network.parameters(), network.buffers())
