"""How far rounding alone moves a model's outputs, and so how near a second way of computing them has to come.

Two libraries make the same sums in another order. What that does to the outputs depends on the network: a head that
was fitted to features which hardly differ multiplies it a thousandfold. So it is measured: every weight is moved to
its neighbour in float32, at random up or down, which no honest computation can tell from the weight itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from zoo.hub.native.parts import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

DRAWS = 3


def rounding_of(
    modules: Sequence[nn.Module], run: Callable[[], Sequence[Tensor]], plain: Sequence[Tensor], scales: Sequence[float]
) -> tuple[float, ...]:
    """How far each output of `run` moves, relative to its scale: the most of a few draws, the same on every call.

    Args:
        modules: what `run` computes with; their weights are given back bit by bit.
        run: gives the outputs.
        plain: what it gave before, so that what the network keeps from its first pass is made of its own weights.
        scales: what a movement of each output is relative to; 0.0 for the largest of its row.

    Example:
        >>> layer = torch.nn.Linear(64, 8)
        >>> run = lambda: [layer(torch.ones(1, 64))]
        >>> (found,) = rounding_of([layer], run, run(), [1.0])
        >>> 0 < found < 1e-6
        True
    """
    found = [0.0] * len(plain)
    for draw in range(DRAWS):
        with nudged(modules, seed=draw):
            moved = run()
        found = [max(pair) for pair in zip(found, map(difference, moved, plain, scales), strict=True)]
    return tuple(found)


@contextmanager
def nudged(modules: Sequence[nn.Module], seed: int) -> Iterator[None]:
    """Within the block every weight and statistic is about one unit in the last place larger or smaller."""
    states = [tensor for module in modules for tensor in module.state_dict().values() if tensor.is_floating_point()]
    tensors = list({tensor.data_ptr(): tensor for tensor in states}.values())  # tied ones once
    kept = [tensor.clone() for tensor in tensors]
    generator = torch.Generator().manual_seed(seed)
    try:
        with torch.no_grad():
            for tensor in tensors:
                up = torch.empty(tensor.shape).bernoulli_(0.5, generator=generator).to(tensor)
                tensor.mul_(1 + torch.finfo(tensor.dtype).eps * (2 * up - 1))  # zeros and infinities stay
        yield
    finally:
        with torch.no_grad():
            for tensor, before in zip(tensors, kept, strict=True):
                tensor.copy_(before)
