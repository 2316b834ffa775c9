"""95 % intervals of scores over test items, by a bootstrap that keeps strata and groups; Wilson's for a plain accuracy.

scipy.stats.bootstrap has neither strata nor groups, so the draws are made here; scipy has the quantiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from zoo.errors import DataError, UnknownName
from zoo.tasks.weighted import statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESAMPLES = 2000
FEW = 5
"""Of a class with fewer test items than this, little can be said."""
_PERCENT = ("accuracy", "precision", "f1", "match")  # scores that lie between 0 and 100
_CELLS = 250_000  # draws made at a time: few enough to stay in the cache


@dataclass(frozen=True)
class ScoreInterval:
    """A score on a test part and the bounds that cover its truth `confidence` of the time; `method` says how made."""

    score: float
    low: float
    high: float
    confidence: float
    method: str


def score_interval(
    answer: str,
    metric: str,
    outputs: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ScoreInterval:
    """The interval of one score of a fitted model over the items of its test part; the model itself is taken as given.

    | data                        | drawn                                     | method                        |
    |-----------------------------|-------------------------------------------|-------------------------------|
    | groups are given            | whole groups: their items may be alike    | bootstrap percentiles         |
    | accuracy                    | nothing                                   | Wilson's score interval       |
    | classification              | items within their class                  | bootstrap percentiles         |
    | multi-label, regression     | items                                     | bootstrap percentiles         |

    The percentiles are corrected for bias after Efron (an average precision is higher in resamples than in the data; an
    acceleration, of BCa, changed no coverage below by more than 1.2 points and is left out), and moved outwards after
    Hesterberg, since a bootstrap of few units is too narrow: by Student's t in place of the normal, and by n / (n - 1)
    for n units (of a class, where drawn within classes). A score between 0
    and 100 never gets a narrower interval than n equal answers leave open (the binomial bound behind the rule of
    three): 8 right answers of 8 do not make an interval of [100, 100].

    Args:
        answer: one of `zoo.data.labelled.ANSWERS`.
        metric: a score of that kind: `balanced_accuracy`, `macro_average_precision`, `r2` ...; not `ece`.
        outputs: [N, K], as the head gives them.
        targets: [N] or [N, K].
        groups: [N], of which group (speaker, document) each item is; None where items were drawn one by one.
        confidence: the share of such intervals that should cover the truth.
        resamples: how many are drawn.
        seed: of the draws.

    Raises:
        DataError: no items, arrays of several lengths, or a confidence outside (0, 1).
        UnknownName: a score that the kind does not have.
        InvalidRecord: no such answer.

    Source:
        E. B. Wilson 1927, JASA 22(158); B. Efron 1987, Better bootstrap confidence intervals, JASA 82(397);
        T. C. Hesterberg 2015, What teachers should know about the bootstrap (https://arxiv.org/abs/1411.5279).
        Coverage: tests/tasks/test_intervals.py.

    Example:
        >>> outputs, targets = np.eye(2)[[0, 0, 0, 1] * 10], np.array([0, 0, 1, 1] * 10)
        >>> found = score_interval("classification", "accuracy", outputs, targets)
        >>> found.score, round(found.low, 1), round(found.high, 1), found.method
        (75.0, 59.8, 85.8, 'Wilson, 40 items')
    """
    targets, outputs = np.asarray(targets), np.asarray(outputs)
    sizes = {len(targets), len(outputs), len(targets) if groups is None else len(groups)}
    if len(sizes) > 1 or not len(targets) or not 0 < confidence < 1:
        raise DataError(
            f"an interval needs items, as many outputs and groups as targets, and a confidence between 0 and 1; "
            f"received lengths {sorted(sizes)} and {confidence}. Fix: give those of one test part."
        )
    known = statistics(answer, outputs, targets)
    if metric not in known:
        raise UnknownName(f"score of {answer} with an interval", metric, known, f"Known: {', '.join(known)}.")
    statistic, count = known[metric], len(targets)
    score = float(statistic(np.ones((1, count)))[0])
    if metric == "accuracy" and groups is None:
        return _wilson(score, count, confidence)
    units = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    strata = targets if answer == "classification" and groups is None else np.zeros(units.max() + 1, dtype=int)
    within = np.bincount(np.unique(strata, return_inverse=True)[1]).astype(float)  # units of each stratum
    what = f"{len(strata)} {'items' if groups is None else 'groups'}"
    kinds = f" within {len(within)} classes" if len(within) > 1 else ""
    bounded = metric.endswith(_PERCENT)
    degrees = len(strata) - len(within)
    if degrees < 1:
        low, high = (0.0, 100.0) if bounded else (-math.inf, math.inf)
        return ScoreInterval(score, low, high, confidence, f"none: {what}{kinds} say nothing of their spread")
    drawn = np.concatenate([statistic(draws) for draws in _draws(units, strata, resamples, seed)])
    stretch = math.sqrt(float(np.mean(within / np.maximum(within - 1, 1))))
    far = -stretch * float(stdtrit(degrees, (1 - confidence) / 2))
    shift = 2 * float(ndtri(_below(drawn, score)))
    low, high = (float(bound) for bound in np.quantile(drawn, ndtr([shift - far, shift + far])))
    method = f"bootstrap percentiles over {what}{kinds}"
    varied = bool(np.ptp(drawn))  # groups that differ show how alike their items are
    least = _least(np.array([float(count)]) if varied and groups is not None else within, confidence)
    if bounded and (high - low) / 2 < least:
        low, high = max(0.0, min(low, score - least)), min(100.0, max(high, score + least))
        method += "; widened to what so few leave open"
    return ScoreInterval(score, low, high, confidence, method)


def support(targets: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """Sentences on classes that the test part says little of: with no item, and with fewer than `FEW`.

    Args:
        targets: [N] class indices, or [N, classes] of 0 and 1; none are given for a regression.
        classes: names.

    Example:
        >>> support(np.array([0] * 9 + [1]), ("cat", "dog", "emu"))[0]
        '1 class has no test item and is in no mean over classes: emu'
    """
    targets = np.asarray(targets)
    counts = targets.sum(0) if targets.ndim == 2 else np.bincount(targets, minlength=len(classes))
    absent = [name for name, count in zip(classes, counts, strict=True) if not count]
    few = [f"{name} ({int(count)})" for name, count in zip(classes, counts, strict=True) if 0 < count < FEW]
    everywhere = [
        name for name, count in zip(classes, counts, strict=True) if targets.ndim == 2 and count == len(targets)
    ]
    return (
        *_listed(absent, "no test item and is in no mean over classes", "no test item and are in no mean over classes"),
        *_listed(few, f"fewer than {FEW} test items, too few to be sure of", f"fewer than {FEW} test items each"),
        *_listed(everywhere, "no test item without it and is in no mean of average precision",
                 "no test item without them and are in no mean of average precision"),
    )  # fmt: skip


def _listed(names: list[str], one: str, many: str) -> tuple[str, ...]:
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return (f"{len(names)} {f'class has {one}' if len(names) == 1 else f'classes have {many}'}: {shown}",) * bool(names)


def _wilson(score: float, count: int, confidence: float) -> ScoreInterval:
    from scipy.stats import binomtest

    right = round(score * count / 100)
    bounds = binomtest(right, count).proportion_ci(confidence, method="wilson")
    return ScoreInterval(score, 100 * float(bounds.low), 100 * float(bounds.high), confidence, f"Wilson, {count} items")


def _below(drawn: Array, score: float) -> float:
    """The share of resamples below the score, those equal to it being counted half: 0.5 without bias."""
    near = 1e-9 * max(1.0, abs(score))
    share = (np.count_nonzero(drawn < score - near) + np.count_nonzero(drawn <= score + near)) / (2 * len(drawn))
    return float(np.clip(share, 1 / (2 * len(drawn)), 1 - 1 / (2 * len(drawn))))


def _least(within: Array, confidence: float) -> float:
    """Half width, in points, that units which all agree leave open: over all, and for the class with the fewest."""
    tail, classes = (1 - confidence) / 2, len(within)
    together = classes**2 / float((1 / within).sum())  # as many units of equal classes would have this variance
    shares = (1 - tail ** (1 / together), (1 - tail ** (1 / float(within.min()))) / classes)
    return 100.0 * float(max(shares))


def _draws(units: np.ndarray, strata: np.ndarray, resamples: int, seed: int) -> Iterator[Array]:
    """How often each item is drawn, [r, N] at a time: units [N] with replacement, within their strata [units]."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    step = max(1, _CELLS // len(units))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        times = np.empty((rows, len(strata)))
        for those in members:
            chosen = rng.integers(len(those), size=(rows, len(those))) + len(those) * np.arange(rows)[:, None]
            times[:, those] = np.bincount(chosen.ravel(), minlength=rows * len(those)).reshape(rows, len(those))
        yield times[:, units]
