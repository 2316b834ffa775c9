"""Scores of many resamples at once: each as a function of how often every test item was drawn.

`statistics(...)[name](draws [R, N])` is [R]: number r is what `TaskKind.score` gives for a test part in which item i
stands `draws[r, i]` times. scikit-learn does one resample at a time, which for thousands of them takes minutes. The
expected calibration error is not here: noise alone makes it larger than 0, so that resampling says little of its truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax

from zoo.errors import InvalidRecord, nearest
from zoo.tasks.multi_label import two_sided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Statistic = Callable[["Array"], "Array"]


def statistics(answer: str, outputs: np.ndarray, targets: np.ndarray) -> dict[str, Statistic]:
    """The scores of a kind of answer (`zoo.data.labelled.ANSWERS`), by name, each a function of draws [R, N].

    Args:
        answer: `classification`, `multi_label` or `regression`.
        outputs: [N, K], as the head gives them.
        targets: [N] or [N, K].

    Raises:
        InvalidRecord: no such answer.

    Example:
        >>> found = statistics("classification", np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 0]))
        >>> found["accuracy"](np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
        [50.0, 100.0]
    """
    kinds = {"classification": _classification, "multi_label": _multi_label, "regression": _regression}
    if answer not in kinds:
        near = ", ".join(nearest(answer, kinds)) or ", ".join(kinds)
        raise InvalidRecord(f"there are no scores for the answer {answer!r}. Nearest: {near}.", ("answer",))
    return kinds[answer](np.asarray(outputs, dtype=np.float64), np.asarray(targets))


def _classification(outputs: Array, targets: np.ndarray) -> dict[str, Statistic]:
    present, said = np.unique(targets), outputs.argmax(1)
    true = (targets[:, None] == present).astype(np.float64)  # [N, classes that occur]
    found, taken = true * (said == targets)[:, None], (said[:, None] == present).astype(np.float64)
    logs = log_softmax(outputs, axis=1)[np.arange(len(targets)), targets]
    surprise = -np.maximum(logs, np.log(np.finfo(np.float64).eps))  # scikit-learn's own limit

    def balanced(draws: Array) -> Array:
        there = draws @ true
        return 100 * _mean_of((draws @ found) / np.maximum(there, 1), there > 0)

    def macro_f1(draws: Array) -> Array:
        there = draws @ true
        return 100 * _mean_of(2 * (draws @ found) / np.maximum(there + draws @ taken, 1), there > 0)

    return {
        "accuracy": _mean((said == targets) * 100.0),
        "balanced_accuracy": balanced,
        "macro_f1": macro_f1,
        "log_loss": _mean(surprise),
    }


def _multi_label(outputs: Array, targets: np.ndarray) -> dict[str, Statistic]:
    true, said = (targets > 0).astype(np.float64), (outputs > 0).astype(np.float64)
    both = true * said
    classes = np.flatnonzero(two_sided(true))
    precisions = [average_precision(outputs[:, k], true[:, k]) for k in classes]
    # every (item, class) is one entry, drawn as often as its item
    flat = average_precision(outputs.ravel(), true.ravel())
    repeats = outputs.shape[1]

    def macro_precision(draws: Array) -> Array:
        if not len(classes):
            return np.zeros(len(draws))
        positive, total = draws @ true[:, classes], draws.sum(1, keepdims=True)
        each = np.stack([precision(draws) for precision in precisions], 1)
        return 100.0 * _mean_of(each, (positive > 0) & (positive < total))

    def micro_precision(draws: Array) -> Array:
        positive = draws @ true.sum(1)
        return 100 * np.where(positive < repeats * draws.sum(1), flat(np.repeat(draws, repeats, axis=1)), 0.0)

    def micro_f1(draws: Array) -> Array:
        right, of = draws @ both.sum(1), draws @ (true + said).sum(1)
        return 100 * _divided(2 * right, of, of > 0, 0.0)

    def macro_f1(draws: Array) -> Array:
        there = draws @ true
        return 100 * _mean_of(2 * (draws @ both) / np.maximum(there + draws @ said, 1), there > 0)

    return {
        "macro_average_precision": macro_precision,
        "micro_average_precision": micro_precision,
        "micro_f1": micro_f1,
        "macro_f1": macro_f1,
        "exact_match": _mean((true == said).all(1) * 100.0),
    }


def _regression(outputs: Array, targets: np.ndarray) -> dict[str, Statistic]:
    said, true = outputs.reshape(len(targets)), targets.astype(np.float64)
    error, middle = said - true, true - true.mean()  # centred, so that squares of large numbers lose no digits
    squared = _mean(error**2)

    def r2(draws: Array) -> Array:
        count = draws.sum(1)
        spread = draws @ middle**2 / count - (draws @ middle / count) ** 2
        varied = spread > 1e-12 * max(float((middle**2).mean()), 1e-300)
        return 100 * (1 - _divided(squared(draws), spread, varied, 1.0))

    said_rank, true_rank = mid_ranks(said), mid_ranks(true)

    def spearman(draws: Array) -> Array:
        count = draws.sum(1, keepdims=True)
        one, other = (rank(draws) - (count + 1) / 2 for rank in (said_rank, true_rank))  # the mean rank is that
        size = np.sqrt((draws * one**2).sum(1) * (draws * other**2).sum(1))
        return 100 * _divided((draws * one * other).sum(1), size, size > 1e-9, 0.0)

    return {
        "rmse": lambda draws: np.sqrt(squared(draws)),
        "mae": _mean(np.abs(error)),
        "r2": r2,
        "spearman": spearman,
    }


def average_precision(scores: Array, positive: Array) -> Statistic:
    """The sum over thresholds of precision times the recall gained there, as scikit-learn defines it; 0 to 1.

    Example:
        >>> float(average_precision(np.array([3.0, 2.0, 1.0]), np.array([1.0, 0.0, 1.0]))(np.ones((1, 3)))[0].round(4))
        0.8333
    """
    order = np.argsort(-scores, kind="stable")
    threshold = np.append(0, np.cumsum(np.diff(scores[order]) != 0))  # equal scores are one threshold
    at = np.flatnonzero(positive[order])
    if not len(at):
        return lambda draws: np.zeros(len(draws))
    ends = np.searchsorted(threshold, np.unique(threshold[at]), side="right")  # recall grows nowhere else
    starts, firsts = np.append(0, ends[:-1]), np.searchsorted(at, np.append(0, ends[:-1]))
    before, those = order[: ends[-1]], order[at]

    def score(draws: Array) -> Array:
        taken = np.add.reduceat(draws[:, before], starts, axis=1).cumsum(1)
        gained = np.add.reduceat(draws[:, those], firsts, axis=1)
        found = gained.cumsum(1)
        total = (gained * found / np.maximum(taken, 1)).sum(1)
        return np.asarray(total / np.maximum(found[:, -1], 1))

    return score


def mid_ranks(values: Array) -> Statistic:
    """Ranks of the items [R, N] in each resample, from 1; items of equal value share the middle of theirs.

    Example:
        >>> mid_ranks(np.array([5.0, 7.0, 7.0]))(np.array([[2.0, 1.0, 1.0]])).tolist()
        [[1.5, 3.5, 3.5]]
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))

    def ranks(draws: Array) -> Array:
        sizes = np.add.reduceat(draws[:, order], starts, axis=1)
        until = sizes.cumsum(1)
        return np.asarray((until - sizes + (sizes + 1) / 2)[:, group])

    return ranks


def _mean(values: np.ndarray) -> Statistic:
    return lambda draws: np.asarray(draws @ values / draws.sum(1))


def _divided(above: Array, below: Array, defined: np.ndarray, instead: float) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(len(above), instead), where=defined))


def _mean_of(values: Array, counted: np.ndarray) -> Array:
    """The mean over the counted columns of each row; 0 where there are none."""
    return np.asarray((values * counted).sum(1) / np.maximum(counted.sum(1), 1))
