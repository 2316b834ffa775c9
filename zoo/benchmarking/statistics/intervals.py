"""Intervals, p-values and detectable effects over seeds and (clusters of) test items, in points (percent)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from zoo.errors import DataError

Array = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.generic]
"""One label an item, of any type that can be compared: a speaker, a document."""
ROUNDING = 1e-24
"""A variance of the mean below this share of the largest squared entry is rounding, not noise."""


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


def interval(
    differences: npt.ArrayLike, confidence: float = 0.95, item: float = 100.0, clusters: Clusters | None = None
) -> Interval:
    """A confidence interval for the mean of `differences`, with seeds and test items crossed.

    Every seed meets the same items, so both are random effects: `d[s, i] = mean + seed[s] + item[i] + rest[s, i]`. The
    variance of the grand mean is estimated as `V_seed + V_item - V_rest`, each from the squared deviations of the
    two-way table, never less than the larger of `V_seed` and `V_item` (a negative estimate of a variance component is
    noise, not knowledge). The t quantile has Satterthwaite's degrees of freedom.

    With `clusters` (several items of one speaker or document) the columns of the table are clusters, weighted by their
    number of items, so that the mean stays that over items: items of one cluster may agree in any way. Unequal sizes
    cost twice: the large clusters' squares are scaled up, and the degrees of freedom are the EFFECTIVE number of
    clusters less one, `sum(n)**2 / sum(n**2) - 1`. (With the number of clusters itself, 8 documents of 2 to 40 items
    covered 91.5 %; with Bell and McCaffrey's smaller degrees of freedom, one speaker who holds a sixth of the items
    made it 99.6 %.) With clusters of one item each nothing changes.

    With one seed only the items vary, with one item or cluster only the seeds; `method` says so. The interval is never
    narrower than what complete agreement on all items would leave open (`1 - (alpha / 2) ** (1 / I)` of the items, the
    exact binomial bound behind the rule of three; where nothing varies at all, `I` is the effective number of
    clusters): two arms that never differed on 50 items may differ on the next one.

    Args:
        differences: shape [seeds, items], in points: -100, 0 or 100 where two arms' accuracies are compared.
        confidence: the share of such intervals that should cover the truth.
        item: what one item that flips is worth, in points; the largest size an entry can have. 0 removes the lower
            limit on the width (for unbounded measures).
        clusters: shape [items], which cluster an item belongs to; `None` where items were drawn one by one.

    Raises:
        DataError: an array that is not [seeds, items], is empty, or holds a value that is not finite; clusters of
            another length; a confidence outside (0, 1).

    Source:
        F. E. Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics Bulletin
        2(6); S. R. Searle, G. Casella, C. E. McCulloch (1992), Variance Components, chapter 4. Clusters: A. C. Cameron,
        J. B. Gelbach, D. L. Miller (2011), Robust inference with multiway clustering, JBES 29(2); their effective
        number: L. Kish (1965), Survey Sampling. Chosen by the coverage simulation in
        tests/benchmarking/statistics/test_coverage.py.

    Example:
        >>> rows = np.array([[0, 100, 100, 0], [0, 100, 0, 0], [0, 100, 100, 100]])
        >>> result = interval(rows, item=0)
        >>> f"{result.mean:.1f} +- {result.standard_error:.1f}, {result.degrees:.2f} degrees of freedom"
        '50.0 +- 23.6, 3.24 degrees of freedom'
        >>> interval(rows, item=0, clusters=np.array(["ann", "ann", "ben", "cem"])).method
        'crossed seeds and 3 clusters of items'
    """
    table = _table(differences)
    _check_confidence(confidence)
    mean = float(table.mean())
    columns, sizes = _columns(table, clusters)
    variance, degrees, method = _variance_of_mean(columns, sizes, clusters is not None)
    error = math.sqrt(variance)
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * error if error < math.inf else math.inf
    least = item * (1 - ((1 - confidence) / 2) ** (1 / _least(columns, sizes)))
    if half < least:
        half, method = least, f"{method}; widened to the limit that {_least(columns, sizes):.4g} items allow"
    return Interval(mean, mean - half, mean + half, error, method, degrees)


def mean_interval(
    scores: npt.ArrayLike, confidence: float = 0.95, item: float = 100.0, clusters: Clusters | None = None
) -> Interval:
    """The interval of an arm's own mean score over seeds x items, cut to the possible range [0, `item`].

    Args:
        scores: shape [seeds, items]: what each item scored with each seed, in points (0 or 100 for accuracy).
        confidence: as in `interval`.
        item: the highest score an item can have, in points.
        clusters: as in `interval`.

    Raises:
        DataError: as in `interval`.

    Source:
        As in `interval`; the same crossed two-way table.

    Example:
        >>> perfect = mean_interval(np.full((10, 100), 100.0))
        >>> perfect.mean, round(perfect.low, 1), perfect.high
        (100.0, 96.4, 100.0)
    """
    whole = interval(scores, confidence, item, clusters)
    low, high = max(whole.low, 0.0), min(whole.high, item)
    return Interval(whole.mean, low, high, whole.standard_error, whole.method, whole.degrees)


def p_value(differences: npt.ArrayLike, clusters: Clusters | None = None, item: float = 100.0) -> float:
    """The two-sided p-value of "the mean difference is 0": below `alpha` where `interval` at `1 - alpha` omits 0.

    Args:
        differences: shape [seeds, items], in points, as in `interval`.
        clusters: as in `interval`.
        item: as in `interval`; it keeps a handful of items that never differed from looking certain.

    Raises:
        DataError: as in `interval`.

    Source:
        The t test that `interval` inverts, and the exact binomial limit that it respects.

    Example:
        >>> rows = np.array([[0, 100, 100, 0], [0, 100, 0, 0], [0, 100, 100, 100]])
        >>> round(p_value(rows, item=0), 3)
        0.117
    """
    found = interval(differences, 0.95, item, clusters)
    if found.standard_error == math.inf or found.mean == 0:
        return 1.0
    size = abs(found.mean)
    by_t = 2 * float(stdtr(found.degrees, -size / found.standard_error)) if found.standard_error else 0.0
    by_count = 2 * (1 - size / item) ** _least(*_columns(_table(differences), clusters)) if item > size else 0.0
    return min(1.0, max(by_t, by_count))


def minimum_detectable_effect(effect: Interval, power: float = 0.8) -> float:
    """The smallest true effect, in points, whose interval would have excluded 0 with probability `power`.

    The half width of the interval (two-sided, at its own confidence) plus the t quantile of `power` times the same
    standard error, with the same degrees of freedom; infinite where the interval is. It speaks of the design (seeds,
    items, noise), not of the effect that was found.

    Args:
        effect: what `interval` returned.
        power: how often such an effect should be detected, between 0.5 and 1.

    Raises:
        DataError: a power outside [0.5, 1).

    Source:
        H. S. Bloom (1995), Minimum detectable effects, Evaluation Review 19(5).

    Example:
        >>> round(minimum_detectable_effect(Interval(3.0, 1.04, 4.96, 1.0, "normal")), 2)
        2.8
    """
    if not 0.5 <= power < 1:
        raise DataError(f"power must lie between 0.5 and 1, received {power}. Fix: 0.8 is the usual choice.")
    if effect.half_width == math.inf:
        return math.inf
    return effect.half_width + float(stdtrit(effect.degrees, power)) * effect.standard_error


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


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise DataError(f"confidence must lie between 0 and 1, received {confidence}. Fix: 0.95 is the usual choice.")


def _table(values: npt.ArrayLike) -> Array:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise DataError(f"expected an array [seeds, items] with at least one entry, received shape {table.shape}.")
    if not np.isfinite(table).all():
        bad = int(np.sum(~np.isfinite(table)))
        raise DataError(f"{bad} of {table.size} values are not finite. Fix: mark their cells as failed.")
    return table


def _columns(table: Array, clusters: Clusters | None) -> tuple[Array, Array]:
    """Means [seeds, columns] of every column (an item, or a cluster of them), and its number of items [columns]."""
    items = table.shape[1]
    if clusters is None:
        return table, np.ones(items)
    labels = np.asarray(clusters)
    if labels.shape != (items,):
        raise DataError(f"clusters must name one cluster for each of the {items} items, received shape {labels.shape}.")
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.add.reduceat(table[:, order], starts, axis=1) / counts, counts.astype(np.float64)


def _effective(sizes: Array) -> float:
    """How many columns of equal size are worth these (Kish)."""
    return float(np.sum(sizes) ** 2 / np.sum(sizes**2))


def _least(columns: Array, sizes: Array) -> float:
    """How many independent items the data are worth to the lower limit on the width.

    All items; but where nothing varies, nothing tells how much the items of a cluster agree: then the effective number
    of clusters.
    """
    return _effective(sizes) if np.ptp(columns) == 0 else float(np.sum(sizes))


def _variance_of_mean(columns: Array, sizes: Array, clustered: bool) -> tuple[float, float, str]:
    """Variance of the grand mean (points squared), its degrees of freedom, and how they were found."""
    seeds, count = columns.shape
    unit = "cluster" if clustered else "item"
    if seeds == 1 and count == 1:
        return math.inf, 1.0, f"one seed and one {unit}: nothing can be said"
    if count == 1:
        return float(columns.var(ddof=1)) / seeds, seeds - 1.0, f"seeds only (one {unit})"
    of_seed, of_item, of_rest = _variances(columns, sizes)
    degrees = _effective(sizes) - 1
    if seeds == 1:
        return of_item, degrees, f"{unit}s only (one seed)"
    method = f"crossed seeds and {count} clusters of items" if clustered else "crossed seeds and items"
    total = max(of_seed + of_item - of_rest, of_seed, of_item)
    if total <= ROUNDING * float(np.max(np.abs(columns))) ** 2:
        return 0.0, math.inf, f"{method}, no variation"
    spread = of_seed**2 / (seeds - 1) + of_item**2 / degrees + of_rest**2 / ((seeds - 1) * degrees)
    return total, total**2 / spread, method


def _variances(columns: Array, sizes: Array) -> tuple[float, float, float]:
    """What seeds, columns and the rest each add to the variance of the mean over items.

    The squared deviations of columns are weighted by their squared shares of the items, and scaled so that their
    expectation is right where all columns are equally noisy; for columns of equal size the scale is n / (n - 1).
    """
    seeds = len(columns)
    shares = sizes / np.sum(sizes)
    of_seed = columns @ sizes / np.sum(sizes)
    of_column = columns.mean(axis=0)
    mean = float(of_seed.mean())
    rest = columns - of_seed[:, None] - of_column[None, :] + mean
    squares, cubes = float(np.sum(shares**2)), float(np.sum(shares**3))
    weights = shares**2 * squares / (squares - 2 * cubes + squares**2)
    pairs = seeds * max(seeds - 1, 1)
    return (
        float(np.sum((of_seed - mean) ** 2)) / pairs,
        float(np.sum(weights * (of_column - mean) ** 2)),
        float(np.sum(weights * rest**2)) / pairs,
    )
