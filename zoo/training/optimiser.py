"""Optimiser and schedule: fused AdamW; linear warm-up, then cosine to zero."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.optim import AdamW

    from zoo.contracts import ParameterGroup


def adamw(groups: list[ParameterGroup]) -> AdamW:
    """Fused AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101)."""
    from torch.optim import AdamW

    return AdamW(groups, fused=True)


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Factor on the learning rate at `step` (0-based) of `steps`; `warmup` is a share of them.

    Example:
        >>> [round(warmup_cosine(step, 10, 0.2), 3) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.038]
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
