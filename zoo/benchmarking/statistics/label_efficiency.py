"""What a pre-trained arm is worth: in labels that scratch would have needed, and in tasks that repay pre-training."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.benchmarking.statistics.intervals import Array

ABOVE, BELOW = "above", "below"
"""How a factor is censored: the arm exceeds all that scratch reached, or stays under all that scratch reached."""
BISECTIONS = 60


@dataclass(frozen=True)
class LabelEfficiency:
    """The factor at one budget; where `censored` is `ABOVE` it is more than `factor`, where `BELOW` less."""

    budget: float
    factor: float
    censored: str = ""

    def __str__(self) -> str:
        sign = {ABOVE: "> ", BELOW: "< "}.get(self.censored, "")
        return f"{sign}{self.factor:.3g}"


def label_efficiency_factor(
    budgets: Sequence[float], scratch: Sequence[float], pretrained: Sequence[float]
) -> list[LabelEfficiency]:
    """`LEF(N) = m_S^-1(m_P(N)) / N` at each budget N: N labels give the arm what LEF * N labels give scratch.

    Each arm's curve m(log N) is the least-squares monotone fit of its mean scores (pool adjacent violators), joined by
    PCHIP in log N. More labels cannot truly hurt, so a dip is noise and is averaged away (a running maximum would keep
    the luckier of two noisy scores); learning curves are close to smooth in log N; PCHIP adds no extremum between
    points, so the curve stays monotone. Where the curve of scratch is flat, the fewest labels that reach the score
    count: the choice that flatters pre-training least.

    Nothing is extrapolated: a score above all that scratch reached gives `> Nmax / N`, below all `< Nmin / N`.

    Args:
        budgets: labels (a class), ascending, above 0.
        scratch: the mean score of scratch at each budget, in points.
        pretrained: that of the arm, at the same budgets.

    Raises:
        DataError: fewer than 2 budgets, budgets that do not ascend, other lengths, or a score that is not finite.

    Source:
        PROTOCOL, "Label-efficiency factor"; PCHIP: F. N. Fritsch, R. E. Carlson (1980), SIAM J. Numer. Anal. 17(2).

    Example:
        >>> found = label_efficiency_factor([1, 10, 100], [20, 40, 60], [30, 60, 70])
        >>> [str(factor) for factor in found]
        ['3.16', '10', '> 1']
    """
    _check(budgets, scratch, pretrained)
    logs = np.log(np.asarray(budgets, dtype=np.float64))
    reached, wanted = _monotone(scratch), _monotone(pretrained)
    factors = []
    for budget, score in zip(map(float, budgets), wanted, strict=True):
        if score > reached[-1]:
            factors.append(LabelEfficiency(budget, float(budgets[-1]) / budget, ABOVE))
        elif score < reached[0]:
            factors.append(LabelEfficiency(budget, float(budgets[0]) / budget, BELOW))
        else:
            factors.append(LabelEfficiency(budget, math.exp(_inverse(logs, reached, float(score))) / budget))
    return factors


def break_even_reuse(c_pretrain: float, c_scratch: float, c_pretrained: float) -> float:
    """`k* = C_pretrain / (C_S - C_P)`: how many tasks must share one pre-training before it pays.

    Infinite where the pre-trained arm is not cheaper on a task (it never pays); 0 where pre-training cost nothing.

    Args:
        c_pretrain: the cost of pre-training once, in any unit (FLOPs, device seconds, kWh).
        c_scratch: the cost at which scratch reaches score m on one task (search and final runs), in the same unit.
        c_pretrained: the cost at which the pre-trained arm reaches the same score m.

    Raises:
        DataError: a cost that is negative or not finite.

    Source:
        PROTOCOL, "Cost" and "Break-even reuse".

    Example:
        >>> break_even_reuse(100.0, 30.0, 10.0), break_even_reuse(100.0, 10.0, 10.0)
        (5.0, inf)
    """
    costs = (c_pretrain, c_scratch, c_pretrained)
    if not all(0 <= cost < math.inf for cost in costs):
        raise DataError(f"costs must be finite and 0 or more, received {costs}. Fix: measure them in one unit.")
    return c_pretrain / (c_scratch - c_pretrained) if c_scratch > c_pretrained else math.inf


def monotone_curve(budgets: Sequence[float], scores: Sequence[float]) -> Callable[[Array], Array]:
    """The curve m(log N) of one arm, as `label_efficiency_factor` sees it: takes labels, gives points.

    Raises:
        DataError: as in `label_efficiency_factor`.

    Source:
        As in `label_efficiency_factor`.

    Example:
        >>> curve = monotone_curve([1, 10, 100], [20, 50, 40])
        >>> curve(np.array([1.0, 10.0, 100.0])).tolist()
        [20.0, 45.0, 45.0]
    """
    from scipy.interpolate import PchipInterpolator

    _check(budgets, scores, scores)
    curve = PchipInterpolator(np.log(np.asarray(budgets, dtype=np.float64)), _monotone(scores))
    return lambda labels: np.asarray(curve(np.log(labels)))


def _monotone(scores: Sequence[float]) -> Array:
    """The closest ascending values, by least squares: neighbours out of order are pooled to their mean."""
    blocks: list[tuple[float, int]] = []
    for score in map(float, scores):
        blocks.append((score, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (left, many), (right, more) = blocks[-2:]
            blocks[-2:] = [((left * many + right * more) / (many + more), many + more)]
    return np.repeat([value for value, _ in blocks], [count for _, count in blocks])


def _inverse(logs: Array, reached: Array, score: float) -> float:
    """The smallest log N at which the curve through `reached` gives `score`, which lies within its range."""
    from scipy.interpolate import PchipInterpolator

    right = int(np.searchsorted(reached, score, side="left"))
    if reached[right] == score:
        return float(logs[right])
    curve = PchipInterpolator(logs, reached)
    low, high = float(logs[right - 1]), float(logs[right])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle) < score else (low, middle)
    return high


def _check(budgets: Sequence[float], scratch: Sequence[float], pretrained: Sequence[float]) -> None:
    if len(budgets) < 2:
        raise DataError(f"a curve needs 2 or more label budgets, received {list(budgets)}. Fix: add one to the suite.")
    if not len(budgets) == len(scratch) == len(pretrained):
        raise DataError(
            f"expected one score for each of {len(budgets)} budgets, received {len(scratch)} and {len(pretrained)}."
        )
    if budgets[0] <= 0 or any(after <= before for before, after in itertools.pairwise(budgets)):
        raise DataError(f"budgets must ascend from above 0, received {list(budgets)}. Fix: sort them, without repeats.")
    if not np.isfinite([*scratch, *pretrained]).all():
        raise DataError("a score is not finite. Fix: give no factor where cells are lost.")
