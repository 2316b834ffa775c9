"""Intervals against slow rewrites, hand-computed cases and a coverage simulation; verdicts word by word."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from zoo.benchmarking.statistics import VERDICTS, Interval, interval, mean_interval, probability_above, verdict
from zoo.errors import DataError


def slow(table: np.ndarray, confidence: float) -> tuple[float, float]:
    """Standard error and half width with plain loops over the textbook sums of squares."""
    seeds, items = table.shape
    mean = sum(table[s, i] for s in range(seeds) for i in range(items)) / (seeds * items)
    row = [sum(table[s]) / items for s in range(seeds)]
    column = [sum(table[:, i]) / seeds for i in range(items)]
    ms_seed = items * sum((r - mean) ** 2 for r in row) / (seeds - 1)
    ms_item = seeds * sum((c - mean) ** 2 for c in column) / (items - 1)
    rest = sum((table[s, i] - row[s] - column[i] + mean) ** 2 for s in range(seeds) for i in range(items))
    ms_rest = rest / ((seeds - 1) * (items - 1))
    total = max(ms_seed + ms_item - ms_rest, ms_seed, ms_item)
    below = ms_seed**2 / (seeds - 1) + ms_item**2 / (items - 1) + ms_rest**2 / ((seeds - 1) * (items - 1))
    error = math.sqrt(total / (seeds * items))
    return error, error * float(stats.t.ppf((1 + confidence) / 2, total**2 / below))


@pytest.mark.parametrize("shape", [(2, 2), (3, 7), (10, 40)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_interval_equals_the_slow_rewrite(shape, confidence):
    table = np.random.default_rng(sum(shape)).normal(3, 20, shape)
    error, half = slow(table, confidence)
    found = interval(table, confidence, item=0)
    assert (found.mean, found.standard_error) == (pytest.approx(table.mean()), pytest.approx(error))
    assert (found.low, found.high) == (pytest.approx(table.mean() - half), pytest.approx(table.mean() + half))


def test_interval_by_hand():
    # seeds have means 50, 25, 75: MS_seed 2500, MS_item 50000/9, MS_rest 12500/9 (worked out on paper)
    found = interval(np.array([[0, 100, 100, 0], [0, 100, 0, 0], [0, 100, 100, 100]]), item=0)
    assert found.mean == pytest.approx(50)
    assert found.standard_error == pytest.approx(math.sqrt((2500 + 50000 / 9 - 12500 / 9) / 12))


def test_variance_never_falls_below_its_larger_one_way_term():
    table = np.array([[100.0, -100.0, 0.0], [-100.0, 100.0, 0.0]])  # rest only: both one-way terms are 0
    assert interval(table, item=0).standard_error == 0
    tilted = table + np.array([[1.0], [-1.0]])  # MS_seed 6, MS_item 0, MS_rest 20000: the sum would be negative
    assert interval(tilted, item=0).standard_error == pytest.approx(math.sqrt(6 / 6))


@pytest.mark.parametrize("axis", [0, 1])
def test_one_seed_or_one_item_falls_back_to_the_other(axis):
    values = np.random.default_rng(0).normal(1, 10, 30)
    found = interval(np.expand_dims(values, axis), item=0)
    half = stats.t.ppf(0.975, 29) * values.std(ddof=1) / math.sqrt(30)
    assert found.high - found.mean == pytest.approx(half)
    assert ("one seed" if axis == 0 else "one item") in found.method


def test_one_seed_and_one_item_say_nothing():
    assert (interval([[100]]).low, interval([[100]]).high) == (-math.inf, math.inf)


def test_no_variation_leaves_what_the_items_allow():
    found = interval(np.zeros((10, 100)))
    assert found.high == pytest.approx(100 * (1 - 0.025**0.01))  # P(no event in 100) = 2.5 % at this rate
    assert found.low == -found.high
    assert "widened" in found.method
    assert interval(np.zeros((10, 100)), item=0).high == 0
    assert verdict(interval(np.zeros((10, 797))), 1.0, 10) == "no difference"
    assert verdict(interval(np.zeros((10, 5))), 1.0, 10) == "undetermined"


def test_mean_interval_stays_within_the_scale():
    assert mean_interval(np.full((10, 20), 100.0)).high == 100
    assert mean_interval(np.zeros((10, 20))).low == 0


@pytest.mark.parametrize("bad", [[[1.0, math.nan]], [[math.inf]], [1.0], [], [[]], [[[1.0]]]])
def test_bad_arrays_are_refused(bad):
    with pytest.raises(DataError, match=r"not finite|shape"):
        interval(bad)


def test_bad_confidence_and_margin_are_refused():
    with pytest.raises(DataError, match="confidence"):
        interval([[1.0, 2.0]], confidence=1.0)
    with pytest.raises(DataError, match="margin"):
        verdict(Interval(0, -1, 1, 1, ""), 0.0, 10)
    with pytest.raises(DataError, match="no verdict"):
        verdict(Interval(0, math.nan, 1, 1, ""), 1.0, 10)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.1, 5, "helps"), (1.0, 5, "leans up"), (0.1, 5, "leans up"), (0.1, 0.9, "no difference"),
        (-1.0, 1.0, "no difference"), (-1.0, 1.1, "undetermined"), (0.0, 5, "undetermined"), (-5, 5, "undetermined"),
        (-5, -1.1, "hurts"), (-5, -1.0, "leans down"), (-5, -0.1, "leans down"), (-0.9, -0.1, "no difference"),
        (-math.inf, math.inf, "undetermined"),
    ],
)  # fmt: skip
def test_verdict_words(low, high, word):
    effect = Interval((low + high) / 2 if math.isfinite(low) else 0.0, low, high, 1.0, "")
    assert verdict(effect, 1.0, 10) == word
    assert word in VERDICTS


def test_verdict_without_grounds():
    strong = Interval(20, 15, 25, 1.0, "")
    assert verdict(strong, 1.0, 9) == "indicative"
    assert verdict(strong, 1.0, 9, failed=1, missing=1) == "no verdict (failed)"
    assert verdict(strong, 1.0, 9, missing=1) == "incomplete"
    assert {"indicative", "no verdict (failed)", "incomplete"} <= set(VERDICTS)


def test_probability_counts_ties_half():
    assert probability_above([1, 2, 3, 4], [0, 2, 5, 3]) == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    with pytest.raises(DataError):
        probability_above([], [])


COVERAGE_RUNS = 4000


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
