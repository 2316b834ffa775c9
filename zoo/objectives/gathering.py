"""Rows of all processes, for losses that compare the samples of a whole batch.

Each process has its own part of the batch and takes the mean over it; the engine averages gradients over processes. So
that this is the gradient of the whole batch, what came from elsewhere has a gradient too, and it is sent back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gathered:
    """`rows` [B, ...] of all processes in their order, of which those of this one begin at row `first`."""

    rows: Tensor
    first: int = 0


Gather = Callable[[Tensor], Gathered]


def alone(rows: Tensor) -> Gathered:
    """What a single process gathers: its own rows.

    Example:
        >>> alone(torch.ones(2, 3)).first
        0
    """
    return Gathered(rows)


def across_processes(rows: Tensor) -> Gathered:
    """Rows [b, ...] of every process; all must have equally many. A gradient goes back to where its row came from."""
    everywhere: Tensor = _AllGather.apply(rows)
    return Gathered(everywhere, torch.distributed.get_rank() * len(rows))


def gather_here() -> Gather:
    """`across_processes` where several processes train together, else `alone`.

    Example:
        >>> gather_here() is alone
        True
    """
    several = torch.distributed.is_available() and torch.distributed.is_initialized()
    return across_processes if several and torch.distributed.get_world_size() > 1 else alone


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        parts = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        torch.distributed.all_reduce(total)
        start = torch.distributed.get_rank() * ctx.count
        return total[start : start + ctx.count]
