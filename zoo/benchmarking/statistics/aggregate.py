"""One number for many tasks: the interquartile mean of normalised scores, with tasks fixed or resampled."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from zoo.benchmarking.statistics.intervals import Array, Interval
from zoo.errors import DataError


def normalised(score: npt.ArrayLike, chance: float, reference: float) -> Array:
    """`z = (m - chance) / (reference - chance)`: 0 is guessing, 1 the suite version's frozen reference.

    Args:
        score: in the metric's own points, any shape.
        chance: what guessing scores, in points.
        reference: what the reference scores, in points; below chance where a lower score is better.

    Raises:
        DataError: a reference that is not finite or equals chance.

    Source:
        PROTOCOL, "Numbers"; Agarwal et al. (2021), arXiv:2108.13264, "normalized score".

    Example:
        >>> normalised([10.0, 55.0, 100.0], chance=10, reference=90).tolist()
        [0.0, 0.5625, 1.125]
    """
    if not math.isfinite(reference - chance) or reference == chance:
        raise DataError(
            f"chance {chance} and reference {reference} leave no scale. Fix: freeze a reference above or below chance."
        )
    return np.asarray((np.asarray(score, dtype=np.float64) - chance) / (reference - chance), dtype=np.float64)


def interquartile_mean(scores: npt.ArrayLike) -> float:
    """The mean of the middle half: a quarter of the values (rounded down) is left out at each end.

    Args:
        scores: normalised scores, all runs of all tasks together (any shape, flattened). Fewer than 4 values keep all.

    Raises:
        DataError: no values, or one that is not finite. Nothing is skipped.

    Source:
        Agarwal et al. (2021), arXiv:2108.13264; the same cut as `scipy.stats.trim_mean(x, 0.25)` and rliable.

    Example:
        >>> interquartile_mean([9.0, 0.1, 0.4, 0.3, 0.2, -5.0, 0.5, 0.6])
        0.35
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    if not values.size or not np.isfinite(values).all():
        raise DataError(
            f"expected finite scores, received {values.size} of which {int(np.isfinite(values).sum())} are finite. "
            "Fix: show the suite average as incomplete."
        )
    return float(_middle(values[None, :])[0])


def interquartile_interval(
    scores: npt.ArrayLike,
    generator: np.random.Generator,
    resample_tasks: bool = False,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """The interquartile mean of all tasks and seeds, with a stratified bootstrap interval.

    Seeds are drawn with replacement within each task (strata): an interval for the same tasks on new seeds. With
    `resample_tasks` tasks are drawn first, then seeds within each drawn task: an interval for tasks like these, much
    wider. The percentiles are moved outwards as far as the t quantile and the factor `n / (n - 1)` ask for (n seeds a
    task, or n tasks): a plain percentile bootstrap of few units is too narrow. With fewer than about 8 tasks the
    interval over resampled tasks stays a rough guide, whatever is done to it.

    Args:
        scores: shape [tasks, seeds], normalised scores or paired differences of such; no cell may be missing.
        generator: the only source of randomness.
        resample_tasks: whether tasks are drawn as well.
        confidence: as in `interval`.
        draws: how many bootstrap samples.

    Raises:
        DataError: another shape, fewer than 2 seeds (or 2 tasks where they are drawn), a value that is not finite, a
            confidence outside (0, 1).

    Source:
        Agarwal et al. (2021), arXiv:2108.13264, stratified bootstrap; T. C. Hesterberg (2015), What teachers should
        know about the bootstrap, arXiv:1411.5279, "expanded percentile".

    Example:
        >>> z = np.random.default_rng(0).normal([[0.2], [0.5], [0.8]], 0.1, (3, 10))
        >>> found = interquartile_interval(z, np.random.default_rng(1))
        >>> f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
        '0.48 [0.43, 0.51]'
    """
    table = np.asarray(scores, dtype=np.float64)
    whole = interquartile_mean(table)
    if not 0 < confidence < 1:
        raise DataError(f"confidence must lie between 0 and 1, received {confidence}. Fix: 0.95 is the usual choice.")
    if table.ndim != 2 or table.shape[1] < 2 or (resample_tasks and len(table) < 2):
        raise DataError(
            "a bootstrap needs scores [tasks, seeds] with 2 or more seeds, and 2 or more tasks where tasks are drawn; "
            f"received shape {table.shape}. Fix: give the mean without an interval."
        )
    tasks, seeds = table.shape
    drawn_tasks = np.broadcast_to(np.arange(tasks), (draws, tasks))
    if resample_tasks:
        drawn_tasks = generator.integers(0, tasks, (draws, tasks))
    drawn = table[drawn_tasks[:, :, None], generator.integers(0, seeds, (draws, tasks, seeds))]
    found = _middle(drawn.reshape(draws, tasks * seeds))
    units, degrees = (tasks, tasks - 1.0) if resample_tasks else (seeds, tasks * (seeds - 1.0))
    tail = float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(degrees, (1 - confidence) / 2)))
    low, high = np.quantile(found, [tail, 1 - tail])
    method = f"stratified bootstrap, {tasks} tasks {'resampled' if resample_tasks else 'fixed'}, {draws} draws"
    return Interval(whole, float(low), float(high), float(found.std(ddof=1)), method, degrees)


def _middle(rows: Array) -> Array:
    """The interquartile mean of each row."""
    size = rows.shape[1]
    cut = size // 4
    return np.asarray(np.sort(rows, axis=1)[:, cut : size - cut].mean(axis=1))
