"""The simulation that chose the interval: coverage and false alarms at 10 seeds, with and without clusters of items."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from zoo.benchmarking.statistics import interval, mean_interval, p_value, verdict

COVERAGE_RUNS = 4000


def test_the_method_in_the_docstring_points_here():
    assert "test_coverage.py" in str(interval.__doc__)


@pytest.mark.parametrize(
    ("name", "seed_sd", "item_sd", "rest_sd"),
    [("seeds", 3.0, 10, 30), ("items", 0.05, 40, 20), ("both", 1.4, 40, 30), ("rest", 0.5, 10, 40)],
)
def test_coverage_with_gaussian_effects(name, seed_sd, item_sd, rest_sd):
    """The standard error of a share of 95 % over 4,000 runs is 0.34 points."""
    rng = np.random.default_rng(20)
    hits = 0
    for _ in range(COVERAGE_RUNS):
        table = rng.normal(0, seed_sd, (10, 1)) + rng.normal(0, item_sd, (1, 797)) + rng.normal(0, rest_sd, (10, 797))
        found = interval(2.0 + table)
        hits += found.low <= 2.0 <= found.high
    print(f"coverage {name}: {100 * hits / COVERAGE_RUNS:.1f} %")
    assert 0.93 <= hits / COVERAGE_RUNS <= 0.97


@pytest.mark.parametrize(
    ("name", "seed_sd", "own_item_sd", "rest_sd"),
    [("seeds", 0.4, 0.1, 1.0), ("items", 0.05, 0.6, 0.3), ("both", 0.1, 0.4, 0.5)],
)  # fmt: skip
def test_coverage_and_false_alarms_with_right_and_wrong_answers(name, seed_sd, own_item_sd, rest_sd):
    """Two arms of the same skill on the same items: the null effect is covered, and seldom called help or harm."""
    rng = np.random.default_rng(21)
    runs, covered, covered_mean, alarms = 2000, 0, 0, 0
    spread = math.sqrt(1 + own_item_sd**2 + seed_sd**2 + rest_sd**2)
    truth = 100 * stats.norm.cdf(0.5 / spread)
    for _ in range(runs):
        shared = rng.normal(0, 1, (1, 797))
        first, second = (
            100.0 * (0.5 + shared + rng.normal(0, own_item_sd, (1, 797)) + rng.normal(0, seed_sd, (10, 1))
                     + rng.normal(0, rest_sd, (10, 797)) > 0)
            for _ in range(2)
        )  # fmt: skip
        found, own = interval(first - second), mean_interval(first)
        covered += found.low <= 0 <= found.high
        covered_mean += own.low <= truth <= own.high
        alarms += verdict(found, 1.0, 10) in ("helps", "hurts")
    shares = ", ".join(f"{100 * n / runs:.1f} %" for n in (covered, covered_mean, alarms))
    print(f"binary {name}: differences, means, false alarms {shares}")
    assert 0.93 <= covered / runs <= 0.97
    assert 0.925 <= covered_mean / runs <= 0.975
    assert alarms / runs <= 0.05


UNEQUAL = {
    "60 speakers": np.maximum(
        1, np.random.default_rng(3).lognormal(1.5, 0.8, 60).astype(int)
    ),  # one of them holds a sixth
    "16 documents": np.array([2, 3, 5, 8, 12, 20, 30, 40] * 2),
}


@pytest.mark.parametrize("sizes", UNEQUAL)
@pytest.mark.parametrize(
    ("name", "seed_sd", "cluster_sd", "item_sd", "rest_sd", "between_sd"),
    [
        ("clusters", 0.2, 20, 5, 5, 0),
        ("all", 3, 20, 20, 30, 0),
        ("seeds", 6, 5, 20, 30, 0),
        ("both", 2, 20, 20, 30, 15),
    ],
)
def test_coverage_with_unequal_clusters(sizes, name, seed_sd, cluster_sd, item_sd, rest_sd, between_sd):
    """`between_sd`: each seed treats each cluster differently. The standard error of a share is 0.5 points."""
    rng = np.random.default_rng(22)
    labels = np.repeat(np.arange(len(UNEQUAL[sizes])), UNEQUAL[sizes])
    runs, covered, unclustered, significant, groups, items = 2000, 0, 0, 0, len(UNEQUAL[sizes]), len(labels)
    for _ in range(runs):
        of_cluster = rng.normal(0, cluster_sd, groups) + rng.normal(0, between_sd, (10, groups))
        table = rng.normal(0, seed_sd, (10, 1)) + of_cluster[:, labels] + rng.normal(0, item_sd, items)
        table += rng.normal(0, rest_sd, (10, items))
        found, naive = interval(table, item=0, clusters=labels), interval(table, item=0)
        covered += found.low <= 0 <= found.high
        unclustered += naive.low <= 0 <= naive.high
        significant += p_value(table, labels, item=0) < 0.05
    print(f"{sizes}, {name}: clustered {covered / runs:.1%}, ignoring clusters {unclustered / runs:.1%}")
    assert 0.93 <= covered / runs <= 0.97
    assert significant == runs - covered
    if name in ("clusters", "all"):
        assert unclustered / runs < 0.8  # what clusters cost whoever ignores them


@pytest.mark.parametrize("sizes", UNEQUAL)
def test_false_alarms_with_right_and_wrong_answers_of_speakers(sizes):
    """Two arms of one skill; each suits some speakers more than others."""
    rng = np.random.default_rng(23)
    labels = np.repeat(np.arange(len(UNEQUAL[sizes])), UNEQUAL[sizes])
    runs, covered, alarms, items = 2000, 0, 0, len(labels)
    for _ in range(runs):
        shared = rng.normal(0, 1, items) + rng.normal(0, 0.5, len(UNEQUAL[sizes]))[labels]
        first, second = (
            100.0 * (0.5 + shared + rng.normal(0, 0.5, len(UNEQUAL[sizes]))[labels] + rng.normal(0, 0.1, (10, 1))
                     + rng.normal(0, 0.5, (10, items)) > 0)
            for _ in range(2)
        )  # fmt: skip
        found = interval(first - second, clusters=labels)
        covered += found.low <= 0 <= found.high
        alarms += verdict(found, 1.0, 10) in ("helps", "hurts")
    print(f"binary, {sizes}: covered {covered / runs:.1%}, false alarms {alarms / runs:.1%}")
    assert 0.93 <= covered / runs <= 0.97
    assert alarms / runs <= 0.05
