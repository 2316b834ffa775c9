"""The best of many arms, and what it scores where it was not picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.benchmarking.statistics.intervals import Array, Clusters

FOLDS = 5
"""Into how many folds the test items (or their clusters) are dealt."""


@dataclass(frozen=True)
class Winner:
    """The arm with the best mean. `score` is that mean, which picking inflates; `unpicked` is not inflated.

    `agreement` is the share of the picks, each on most of the data, that fell on the same arm. All scores in points.
    """

    arm: int
    score: float
    unpicked: float
    agreement: float


def pick_winner(scores: npt.ArrayLike, clusters: Clusters | None = None, folds: int = FOLDS) -> Winner:
    """The best arm by mean score, and the score of a winner on seeds AND items that had no part in picking it.

    The best of ten equal arms looks better than it is: its seeds and its test items were lucky. Each block (one seed,
    one fold of items) is scored by the arm that is best on all entries that share neither that seed nor that fold, and
    these scores are averaged. Leaving out the seed alone is not enough: all seeds meet the same items, so an arm that
    suits these items wins on every seed, and keeps its luck (the simulation in the tests shows that bias). Ties go to
    the arm that comes first.

    Args:
        scores: shape [arms, seeds, items], in points; the same seeds and items for all arms.
        clusters: shape [items]; items of one cluster stay in one fold.
        folds: how many folds of items, dealt in turn; no more than there are items or clusters.

    Raises:
        DataError: another shape, a value that is not finite, fewer than 2 seeds, items or clusters, or a number of
            folds outside that range.

    Source:
        Cross-fitting: V. Chernozhukov et al. (2018), Double/debiased machine learning, Econometrics Journal 21(1); here
        over the two crossed factors at once. PROTOCOL: the winner is also scored where it was not picked.

    Example:
        >>> scores = np.zeros((2, 2, 4))
        >>> scores[1] = [[100, 100, 0, 0], [100, 100, 0, 100]]
        >>> pick_winner(scores, folds=2)
        Winner(arm=1, score=62.5, unpicked=62.5, agreement=1.0)
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 3 or not table.size or not np.isfinite(table).all():
        raise DataError(f"expected finite scores [arms, seeds, items], received shape {table.shape}.")
    fold = _folds(table.shape[2], clusters, folds)
    sums = np.stack([table[:, :, fold == f].sum(axis=2) for f in range(fold.max() + 1)], axis=2)  # [arms, seeds, folds]
    elsewhere = sums.sum((1, 2), keepdims=True) - sums.sum(1, keepdims=True) - sums.sum(2, keepdims=True) + sums
    items = np.bincount(fold).astype(np.float64)
    if table.shape[1] < 2:
        raise DataError("picking a winner needs 2 or more seeds, received 1. Fix: run more seeds.")
    picks = elsewhere.argmax(axis=0)  # every arm has the same number of entries elsewhere
    earned: Array = np.take_along_axis(sums, picks[None], axis=0)[0]
    means = table.mean(axis=(1, 2))
    best = int(means.argmax())
    unpicked = float(earned.sum() / (items.sum() * table.shape[1]))
    return Winner(best, float(means[best]), unpicked, float(np.mean(picks == best)))


def _folds(items: int, clusters: Clusters | None, folds: int) -> npt.NDArray[np.int64]:
    """The fold [items] of every item: units (items or clusters) are dealt in turn."""
    labels = np.arange(items) if clusters is None else np.asarray(clusters)
    if labels.shape != (items,):
        raise DataError(f"clusters must name one cluster for each of the {items} items, received shape {labels.shape}.")
    names, codes = np.unique(labels, return_inverse=True)
    if not 2 <= folds <= len(names):
        raise DataError(
            f"folds must lie between 2 and the {len(names)} items or clusters, received {folds}. "
            "Fix: fewer folds, or more test items."
        )
    return np.asarray(codes % folds, dtype=np.int64)
