"""Whether features still tell samples apart: their effective rank and their spread, and when to warn.

Self-supervised training can end with one vector for everything, or with vectors along a line, while its loss looks
well. Both numbers need no labels and are cheap: a singular value decomposition of a few hundred features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

LEAST_RANK = 2.0  # one direction is left, and a little beside
LEAST_SPREAD = 0.01  # cosines between samples are 0.9999 on average
LOW_SPREAD, FALLEN = 0.05, 0.25  # so little, and so small a part of what it was before training
FEWEST = 16  # samples: below, a rank says little


@dataclass(frozen=True)
class Health:
    """Of `count` features of `width` numbers: `rank` from 1 to the smaller of both, `spread` from 0 to about 1."""

    rank: float
    spread: float
    count: int
    width: int


def health(features: Tensor) -> Health:
    """Rank and spread of features [N, D].

    Example:
        >>> found = health(torch.eye(32))
        >>> round(found.rank, 3), found.count, found.width
        (31.0, 32, 32)
    """
    return Health(effective_rank(features), spread(features), *features.shape)


def effective_rank(features: Tensor, *, centre: bool = True) -> float:
    """The exponential of the entropy of the singular values of features [N, D], which sum up to 1 for that.

    Source: RankMe, Garrido et al. 2023 (https://arxiv.org/abs/2210.02885), equation 4, which takes features as they are
    (`centre=False`). Centred by default: a mean that all samples share, as after a ReLU, is no difference between them.
    Of equal features it is 1.

    Example:
        >>> round(effective_rank(torch.eye(8), centre=False), 3)
        8.0
        >>> effective_rank(torch.ones(8, 3))
        1.0
    """
    values = features.detach().double().cpu()
    size = values.norm()
    if centre:
        values = values - values.mean(0)
    if values.norm() <= 1e-6 * size:  # what is left is rounding
        return 1.0
    singular = torch.linalg.svdvals(values)
    shares = singular / singular.sum()
    return float(torch.special.entr(shares).sum().exp())


def spread(features: Tensor) -> float:
    """How far features [N, D] of length 1 are from all being one vector: 0 if they are, about 1 if they go everywhere.

    It is the root of the variance summed over dimensions, which is the root of 1 - the mean cosine of all pairs. The
    measure of Chen and He 2021, SimSiam (https://arxiv.org/abs/2011.10566), figure 2, times the root of D.

    Example:
        >>> spread(torch.ones(4, 3)), spread(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        (0.0, 1.0)
    """
    unit = functional.normalize(features.detach().double().cpu(), dim=-1)
    return float(unit.var(0, correction=0).sum().clamp(min=0).sqrt())


def warning(now: Health, first: Health | None = None) -> str:
    """A sentence where features have collapsed, else "".

    Features along one direction have a rank below 2; features in one narrow cone have a small spread, and their rank,
    which is that of the differences that are left, may stay high. Networks from scratch have spreads of 0.03 to 0.6,
    so a spread below 0.05 counts only if it is less than a quarter of what it was. A small BERT whose loss pulled two
    views together and pushed nothing apart went from 0.27 to 0.016 in 25 steps, with a rank of 55 throughout.

    Args:
        now: of features of held samples, 16 or more.
        first: of the same samples before training; without it only a rank below 2 or a spread below 0.01 count.

    Example:
        >>> warning(health(torch.eye(32)))
        ''
        >>> warning(health(torch.ones(32, 8)))[:21]
        'the features collapse'
    """
    if now.count < FEWEST or now.width < 4:
        return ""
    fallen = first is not None and now.spread < min(LOW_SPREAD, FALLEN * first.spread)
    if now.rank >= LEAST_RANK and now.spread >= LEAST_SPREAD and not fallen:
        return ""
    before = f", {first.rank:.1f} and {first.spread:.3f} before training" if first else ""
    return (
        f"the features collapse: effective rank {now.rank:.1f} of {min(now.count, now.width)}, spread {now.spread:.3f}"
        f"{before}; samples can hardly be told apart. Fix: a lower learning rate, larger batches, or stronger "
        "augmentation."
    )
