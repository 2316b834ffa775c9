"""The winner's score against a slow rewrite; ten equal arms are not inflated, and other ways of splitting are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.benchmarking.statistics.winners import pick_winner
from zoo.errors import DataError


def slow(scores: np.ndarray, fold: np.ndarray) -> tuple[float, float]:
    arms, seeds, items = scores.shape
    picks, earned = [], 0.0
    for s in range(seeds):
        for f in sorted(set(fold)):
            means = [
                np.mean([scores[a, t, i] for t in range(seeds) for i in range(items) if t != s and fold[i] != f])
                for a in range(arms)
            ]
            picks.append(int(np.argmax(means)))
            earned += sum(scores[picks[-1], s, i] for i in range(items) if fold[i] == f)
    best = int(np.argmax(scores.mean((1, 2))))
    return earned / (seeds * items), picks.count(best) / len(picks)


@pytest.mark.parametrize("clustered", [False, True])
def test_equals_the_slow_rewrite(clustered):
    rng = np.random.default_rng(1)
    scores = rng.normal(50, 20, (3, 4, 13))
    clusters = np.array([0, 0, 0, 1, 2, 2, 3, 4, 5, 5, 5, 5, 6]) if clustered else None
    fold = (np.arange(13) if clusters is None else clusters) % 3
    found = pick_winner(scores, clusters, folds=3)
    unpicked, agreement = slow(scores, fold)
    assert found.arm == scores.mean((1, 2)).argmax()
    assert found.score == pytest.approx(scores.mean((1, 2)).max())
    assert (found.unpicked, found.agreement) == (pytest.approx(unpicked), pytest.approx(agreement))


def leave_one_seed_out(scores: np.ndarray) -> float:
    means = scores.mean(axis=2)
    picks = (means.sum(axis=1, keepdims=True) - means).argmax(axis=0)
    return float(means[picks, np.arange(means.shape[1])].mean())


@pytest.mark.parametrize(
    ("name", "seed_sd", "item_sd", "rest_sd"), [("seeds", 2, 0, 10), ("items", 0.3, 30, 10), ("both", 2, 30, 20)]
)
def test_the_score_of_the_best_of_ten_equal_arms_is_not_inflated(name, seed_sd, item_sd, rest_sd):
    """Bias within 3 Monte-Carlo standard errors of 0; the plain maximum is far off, leaving out seeds alone too."""
    rng = np.random.default_rng(24)
    runs, plain, honest, by_seed = 2000, [], [], []
    for _ in range(runs):
        scores = 50 + rng.normal(0, seed_sd, (10, 10, 1)) + rng.normal(0, item_sd, (10, 1, 60))  # of arm and seed, item
        scores += rng.normal(0, 20, (1, 1, 60)) + rng.normal(0, 1, (1, 10, 1)) + rng.normal(0, rest_sd, (10, 10, 60))
        found = pick_winner(scores)
        plain.append(found.score - 50)
        honest.append(found.unpicked - 50)
        by_seed.append(leave_one_seed_out(scores) - 50)
    error = [np.std(values) / math.sqrt(runs) for values in (plain, honest, by_seed)]
    print(f"{name}: bias plain {np.mean(plain):.2f}, unpicked {np.mean(honest):.3f} +- {error[1]:.3f}, "
          f"leave one seed out {np.mean(by_seed):.2f}")  # fmt: skip
    assert abs(np.mean(honest)) < 3 * error[1]
    assert np.mean(plain) > 10 * error[0]
    if item_sd:
        assert np.mean(by_seed) > 10 * error[2]  # why items are left out as well


def test_a_clear_winner_keeps_its_score():
    scores = np.random.default_rng(2).normal(50, 5, (4, 10, 50))
    scores[2] += 20
    found = pick_winner(scores)
    assert (found.arm, found.agreement) == (2, 1.0)
    assert found.unpicked == pytest.approx(found.score)
    assert pick_winner(np.zeros((3, 2, 5))).arm == 0  # ties go to the first


@pytest.mark.parametrize(
    ("shape", "folds", "message"),
    [((2, 3), 2, "arms, seeds, items"), ((2, 1, 4), 2, "2 or more seeds"), ((2, 3, 4), 5, "folds"),
     ((2, 3, 4), 1, "folds"), ((0, 3, 4), 2, "shape")],
)  # fmt: skip
def test_bad_input_is_refused(shape, folds, message):
    with pytest.raises(DataError, match=message):
        pick_winner(np.zeros(shape), folds=folds)


def test_bad_clusters_and_values_are_refused():
    with pytest.raises(DataError, match="one cluster for each"):
        pick_winner(np.zeros((2, 3, 4)), clusters=np.zeros(3), folds=2)
    with pytest.raises(DataError, match="finite"):
        pick_winner(np.full((2, 3, 4), math.nan), folds=2)
