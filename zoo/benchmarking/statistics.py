"""Intervals and verdicts over seeds and test items: pure functions of arrays, in points (percent)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from zoo.errors import DataError

Array = npt.NDArray[np.float64]

SEEDS_FOR_A_VERDICT = 10
"""Fewer reporting seeds give directions only."""

VERDICTS = {
    "helps": "the whole interval lies above the margin",
    "hurts": "the whole interval lies below minus the margin: negative transfer",
    "no difference": "the whole interval lies within the margin on both sides of zero",
    "leans up": "the interval excludes zero on the upper side, but not the margin",
    "leans down": "the interval excludes zero on the lower side, but not the margin",
    "undetermined": "the interval includes zero and leaves the margin: this run cannot tell",
    "indicative": f"fewer than {SEEDS_FOR_A_VERDICT} seeds: a direction, no verdict",
    "incomplete": "cells are missing, so there is no verdict yet",
    "no verdict (failed)": "at least one cell failed in one of the two arms; a failure is never a free win",
}
"""Every word that `verdict` returns, with its meaning."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty, all in points; `degrees` are the degrees of freedom of the t quantile.

    `low` and `high` are infinite where nothing can be said (one seed and one item). `method` says in words how the
    bounds were made, so that a reader of the number can tell.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    method: str
    degrees: float = math.inf

    @property
    def half_width(self) -> float:
        """The larger distance from the mean to a bound, in points."""
        return max(self.high - self.mean, self.mean - self.low)


def interval(differences: npt.ArrayLike, confidence: float = 0.95, item: float = 100.0) -> Interval:
    """A confidence interval for the mean of `differences`, with seeds and test items crossed.

    Every seed meets the same items, so both are random effects: `d[s, i] = mean + seed[s] + item[i] + rest[s, i]`. The
    variance of the grand mean is estimated by `(MS_seed + MS_item - MS_rest) / (S * I)` from the two-way table of mean
    squares, never less than the larger of its two one-way terms `MS_seed` and `MS_item` (a negative estimate of a
    variance component is noise, not knowledge). The t quantile has Satterthwaite's degrees of freedom.

    With one seed only the items vary, with one item only the seeds; `method` says so. The interval is never narrower
    than what complete agreement on all items would leave open (`1 - (alpha / 2) ** (1 / I)` of the items, the exact
    binomial bound behind the rule of three): two arms that never differed on 50 items may differ on the next one.

    Args:
        differences: shape [seeds, items], in points: -100, 0 or 100 where two arms' accuracies are compared.
        confidence: the share of such intervals that should cover the truth.
        item: what one item that flips is worth, in points; the largest size an entry can have. 0 removes the lower
            limit on the width (for unbounded measures).

    Raises:
        DataError: an array that is not [seeds, items], is empty, or holds a value that is not finite; a confidence
            outside (0, 1).

    Source:
        F. E. Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics Bulletin
        2(6); S. R. Searle, G. Casella, C. E. McCulloch (1992), Variance Components, chapter 4. Chosen by the coverage
        simulation in tests/benchmarking/test_statistics.py.

    Example:
        >>> rows = np.array([[0, 100, 100, 0], [0, 100, 0, 0], [0, 100, 100, 100]])
        >>> result = interval(rows, item=0)
        >>> f"{result.mean:.1f} +- {result.standard_error:.1f}, {result.degrees:.2f} degrees of freedom"
        '50.0 +- 23.6, 3.24 degrees of freedom'
    """
    table = _table(differences)
    if not 0 < confidence < 1:
        raise DataError(f"confidence must lie between 0 and 1, received {confidence}. Fix: 0.95 is the usual choice.")
    mean = float(table.mean())
    variance, degrees, method = _variance_of_mean(table)
    error = math.sqrt(variance)
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * error if error < math.inf else math.inf
    least = item * (1 - ((1 - confidence) / 2) ** (1 / table.shape[1]))
    if half < least:
        half, method = least, f"{method}; widened to the limit that {table.shape[1]} items allow"
    return Interval(mean, mean - half, mean + half, error, method, degrees)


def mean_interval(scores: npt.ArrayLike, confidence: float = 0.95, item: float = 100.0) -> Interval:
    """The interval of an arm's own mean score over seeds x items, cut to the possible range [0, `item`].

    Args:
        scores: shape [seeds, items]: what each item scored with each seed, in points (0 or 100 for accuracy).
        confidence: as in `interval`.
        item: the highest score an item can have, in points.

    Raises:
        DataError: as in `interval`.

    Source:
        As in `interval`; the same crossed two-way table.

    Example:
        >>> perfect = mean_interval(np.full((10, 100), 100.0))
        >>> perfect.mean, round(perfect.low, 1), perfect.high
        (100.0, 96.4, 100.0)
    """
    whole = interval(scores, confidence, item)
    low, high = max(whole.low, 0.0), min(whole.high, item)
    return Interval(whole.mean, low, high, whole.standard_error, whole.method, whole.degrees)


def verdict(effect: Interval, margin: float, seeds: int, failed: int = 0, missing: int = 0) -> str:
    """The word for a paired difference, exactly as the protocol defines it (`VERDICTS` holds all words).

    Args:
        effect: the interval of the difference, in points.
        margin: the smallest difference that matters, in points, fixed before any run.
        seeds: how many seeds were paired.
        failed: failed cells in either arm.
        missing: cells of either arm that were never run.

    Raises:
        DataError: a margin that is not above 0, or an interval with a bound that is NaN.

    Source:
        PROTOCOL, "Numbers": helps, hurts, no difference, leans up or down, undetermined.

    Example:
        >>> verdict(Interval(3.0, 1.2, 4.8, 0.8, "crossed"), margin=1.0, seeds=10)
        'helps'
    """
    if not margin > 0:
        raise DataError(f"margin must be above 0 points, received {margin}. Fix: set it in the suite file.")
    if math.isnan(effect.low) or math.isnan(effect.high):
        raise DataError(f"an interval [{effect.low}, {effect.high}] has no verdict. Fix: mark its cells as failed.")
    if failed:
        return "no verdict (failed)"
    if missing:
        return "incomplete"
    if seeds < SEEDS_FOR_A_VERDICT:
        return "indicative"
    return _word(effect.low, effect.high, margin)


def probability_above(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The share of paired seeds on which `first` scored above `second`; a tie counts half.

    Args:
        first: one score for each seed, in points.
        second: the scores of the other arm on the same seeds, in the same order.

    Raises:
        DataError: no seeds, different lengths, or a score that is not finite.

    Source:
        PROTOCOL, "Numbers": P(P > S); Agarwal et al. (2021), arXiv:2108.13264, "probability of improvement", paired.

    Example:
        >>> probability_above([3, 2, 2, 1], [1, 2, 3, 0])
        0.625
    """
    gaps = _table([np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)])
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def _word(low: float, high: float, margin: float) -> str:
    if low > margin:
        return "helps"
    if high < -margin:
        return "hurts"
    if low >= -margin and high <= margin:
        return "no difference"
    if low > 0:
        return "leans up"
    if high < 0:
        return "leans down"
    return "undetermined"


def _table(values: npt.ArrayLike) -> Array:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise DataError(f"expected an array [seeds, items] with at least one entry, received shape {table.shape}.")
    if not np.isfinite(table).all():
        bad = int(np.sum(~np.isfinite(table)))
        raise DataError(f"{bad} of {table.size} values are not finite. Fix: mark their cells as failed.")
    return table


def _variance_of_mean(table: Array) -> tuple[float, float, str]:
    """Variance of the grand mean (points squared), its degrees of freedom, and how they were found."""
    seeds, items = table.shape
    if seeds == 1 and items == 1:
        return math.inf, 1.0, "one seed and one item: nothing can be said"
    if seeds == 1 or items == 1:
        method = "items only (one seed)" if seeds == 1 else "seeds only (one item)"
        return float(table.var(ddof=1)) / table.size, table.size - 1.0, method
    of_seed, of_item, of_rest = _mean_squares(table)
    total = max(of_seed + of_item - of_rest, of_seed, of_item)
    if total == 0:
        return 0.0, math.inf, "crossed seeds and items, no variation"
    spread = of_seed**2 / (seeds - 1) + of_item**2 / (items - 1) + of_rest**2 / ((seeds - 1) * (items - 1))
    return total / table.size, total**2 / spread, "crossed seeds and items"


def _mean_squares(table: Array) -> tuple[float, float, float]:
    """Mean squares of seeds, items and the rest in the two-way table without replication."""
    seeds, items = table.shape
    mean = table.mean()
    seed, item = table.mean(axis=1, keepdims=True) - mean, table.mean(axis=0, keepdims=True) - mean
    rest = table - mean - seed - item
    return (
        float(items * np.sum(seed**2) / (seeds - 1)),
        float(seeds * np.sum(item**2) / (items - 1)),
        float(np.sum(rest**2) / ((seeds - 1) * (items - 1))),
    )
