"""Batches that several processes share: each reads and prepares its own rows, and knows the shapes of the others.

What an objective draws for a batch depends on the shapes in it (how long the texts are, which sounds go together), so
that a process with its own rows alone would draw other numbers than a single process does. Here the processes tell each
other the shapes, a few bytes a sample, and the rows of the others stand there as zeros: own rows then become what they
become in one process. An objective whose `views` let samples flow into each other is found out by `rows_suffice`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.contracts import Batch, Padded, Pair
from zoo.data.batches import generator_at
from zoo.providers.bundles import bundled
from zoo.training.halving import taken
from zoo.training.processes import gathered, processes, rank, share, total

if TYPE_CHECKING:
    from zoo.training.learner import ObjectiveLearner
    from zoo.training.sources import SampleSource

CHECKED = 3  # batches that are compared before training


@dataclass(frozen=True)
class Rows:
    """The own rows of one batch: their inputs, each a batch of one (a tuple of two for pairs), and targets."""

    made: list[Any]
    targets: Tensor


def whole(rows: Rows, padding: str) -> Batch:
    """The batch of all processes, which call this together, each with its rows; zeros stand for those of the others.

    Args:
        rows: of this process.
        padding: of the backbone.
    """
    told: list[tuple[list[Any], Tensor]] = gathered(([shape_of(one) for one in rows.made], rows.targets))
    before = sum(len(shapes) for shapes, _ in told[: rank()])
    made = [blank(shape) for shapes, _ in told for shape in shapes]
    made[before : before + len(rows.made)] = rows.made
    return batch_from(made, torch.cat([targets for _, targets in told]), padding)


def batch_from(made: list[Any], targets: Tensor, padding: str) -> Batch:
    """One batch of samples, each a batch of one, or a tuple of two."""
    if isinstance(made[0], tuple):
        return Batch(tuple(bundled(side, padding) for side in zip(*made, strict=True)), targets)
    return Batch(bundled(made, padding), targets)


def shape_of(one: Any) -> Any:
    """What of a batch of one decides about draws: shapes, kinds of numbers, and how much is real.

    Example:
        >>> shape_of(Padded(torch.zeros(1, 4), torch.tensor([[True, True, True, False]])))
        ('padded', (1, 4), torch.float32, 3)
    """
    if isinstance(one, tuple):
        return tuple(shape_of(side) for side in one)
    if isinstance(one, Pair):
        return ("pair", *(None if part is None else shape_of(part) for part in (one.vision, one.text)))
    if isinstance(one, Padded):
        return ("padded", tuple(one.values.shape), one.values.dtype, int(one.mask.sum()))
    return ("plain", tuple(one.shape), one.dtype)


def blank(shape: Any) -> Any:
    """Zeros of the shape that `shape_of` told; what is real comes first.

    Example:
        >>> blank(("padded", (1, 4), torch.float32, 3)).mask.tolist()
        [[True, True, True, False]]
    """
    kind = shape[0]
    if isinstance(kind, tuple):
        return tuple(blank(side) for side in shape)
    if kind == "pair":
        return Pair(*(None if part is None else blank(part) for part in shape[1:]))
    values = torch.zeros(shape[1], dtype=shape[2])
    return Padded(values, torch.arange(shape[1][1])[None] < shape[3]) if kind == "padded" else values


def rows_suffice(learner: ObjectiveLearner, source: SampleSource, size: int, seed: int) -> bool:
    """Whether own rows become in every process what they become among all others; the same answer in each.

    The first batches are read whole once, and what the objective makes of them is compared.
    """
    if processes() == 1:
        return False
    rows, same = share(size), True
    for step in range(CHECKED):
        both = (source.at(step, size, seed), source.joined(source.own(step, size, seed)))
        views = [taken(learner.views(batch, generator_at(seed, step)), rows) for batch in both]
        same = same and _equal(*views)
    return total(float(not same)) == 0


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return one.shape == other.shape and bool(torch.allclose(one, other, equal_nan=True))
    if is_dataclass(one):
        return all(_equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one is other or one == other)
