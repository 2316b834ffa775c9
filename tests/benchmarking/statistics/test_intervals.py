"""Intervals, p-values and detectable effects against slow rewrites and cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from zoo.benchmarking.statistics import (
    Interval,
    interval,
    mean_interval,
    minimum_detectable_effect,
    p_value,
    probability_above,
    verdict,
)
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


def test_probability_counts_ties_half():
    assert probability_above([1, 2, 3, 4], [0, 2, 5, 3]) == pytest.approx((1 + 0.5 + 0 + 1) / 4)
    with pytest.raises(DataError):
        probability_above([], [])


def slow_clustered(table: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom with explicit matrices: the quadratic form of the weighted squares."""
    seeds, items = table.shape
    names = sorted(set(labels))
    means = np.array([[table[s, labels == name].mean() for name in names] for s in range(seeds)])
    shares = np.array([(labels == name).sum() / items for name in names])
    centre = np.eye(len(names)) - np.outer(np.ones(len(names)), shares)
    form = centre.T @ np.diag(shares**2) @ centre
    scale = np.sum(shares**2) / np.trace(form)  # unbiased where all clusters' means are equally noisy
    degrees = 1 / np.sum(shares**2) - 1
    column = means.mean(axis=0)
    v_item = scale * column @ form @ column
    v_seed = (means @ shares).var(ddof=1) / seeds
    rest = means - column
    v_rest = scale * sum(row @ form @ row for row in rest) / (seeds * (seeds - 1))
    total = max(v_seed + v_item - v_rest, v_seed, v_item)
    below = v_seed**2 / (seeds - 1) + v_item**2 / degrees + v_rest**2 / ((seeds - 1) * degrees)
    return math.sqrt(total), total**2 / below


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 2, 7, 4, 4), (3, 1), (30, 5, 5, 5)])
def test_clustered_interval_equals_the_slow_rewrite(sizes):
    rng = np.random.default_rng(sum(sizes))
    labels = rng.permutation(np.repeat([f"speaker {n}" for n in range(len(sizes))], sizes))
    table = rng.normal(3, 20, (4, len(labels)))
    error, degrees = slow_clustered(table, labels)
    found = interval(table, item=0, clusters=labels)
    assert (found.mean, found.standard_error) == (pytest.approx(table.mean()), pytest.approx(error))
    assert found.degrees == pytest.approx(degrees)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, degrees) * error)


def test_clusters_of_one_item_change_nothing_and_copies_count_once():
    table = np.random.default_rng(4).normal(3, 20, (5, 12))
    alone, single = interval(table, item=0), interval(table, item=0, clusters=np.arange(12))
    assert (single.low, single.degrees) == (pytest.approx(alone.low), pytest.approx(alone.degrees))
    thrice = interval(np.repeat(table, 3, axis=1), item=0, clusters=np.repeat(np.arange(12), 3))
    assert (thrice.low, thrice.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    perfect = interval(np.zeros((10, 300)), clusters=np.repeat(np.arange(100), 3))
    assert perfect.high == pytest.approx(interval(np.zeros((10, 100))).high)
    assert perfect.method.endswith("widened to the limit that 100 items allow")


def test_one_seed_or_one_cluster_with_clusters():
    table = np.random.default_rng(5).normal(0, 10, (6, 9))
    whole = interval(table, item=0, clusters=np.zeros(9))
    assert whole.standard_error == pytest.approx(table.mean(1).std(ddof=1) / math.sqrt(6))
    assert whole.method == "seeds only (one cluster)"
    one = interval(table[:1], item=0, clusters=np.repeat([0, 1, 2], 3))
    means = table[0].reshape(3, 3).mean(1)
    assert one.standard_error == pytest.approx(means.std(ddof=1) / math.sqrt(3))
    assert one.method == "clusters only (one seed)"
    assert interval(table[:1, :3], clusters=np.zeros(3)).high == math.inf


@pytest.mark.parametrize("clusters", [np.zeros(3), np.zeros((2, 4)), np.array([])])
def test_clusters_of_another_length_are_refused(clusters):
    with pytest.raises(DataError, match="one cluster for each of the 4 items"):
        interval(np.zeros((2, 4)), clusters=clusters)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("item", [0.0, 100.0])
@pytest.mark.parametrize("shift", [0.0, 4.0, -9.0])
def test_p_value_is_the_level_at_which_the_interval_meets_zero(clustered, item, shift):
    table = np.random.default_rng(6).normal(shift, 25, (6, 24))
    clusters = np.repeat(np.arange(8), 3) if clustered else None
    p = p_value(table, clusters, item)
    wider = interval(table, 1 - p * 0.999, item, clusters)
    assert wider.low <= 0 <= wider.high
    if p < 0.999:  # (few items: even at a confidence near 0 the limit on the width keeps 0 inside)
        narrower = interval(table, 1 - p * 1.001, item, clusters)
        assert narrower.low > 0 or narrower.high < 0


def test_p_value_by_hand():
    values = np.random.default_rng(7).normal(1, 3, (12, 1))
    assert p_value(values, item=0) == pytest.approx(stats.ttest_1samp(values[:, 0], 0).pvalue)
    assert p_value([[5.0]]) == 1
    assert p_value(np.zeros((3, 4))) == 1
    assert p_value(np.full((10, 4), 50.0)) == pytest.approx(2 * 0.5**4)  # certain seeds, but only four items
    assert p_value(np.full((10, 4), 50.0), item=0) == 0


def test_detectable_effect_by_hand_and_by_simulation():
    effect = Interval(1.0, 1.0 - 2.262157, 1.0 + 2.262157, 1.0, "", 9)
    found = minimum_detectable_effect(effect)
    assert found == pytest.approx(2.262157 + 0.883404, abs=1e-5)  # t tables, 9 degrees of freedom
    rng = np.random.default_rng(8)
    draws = rng.normal(found, math.sqrt(10), (20_000, 10, 1))  # a standard error of 1
    detected = np.mean([abs(d.mean()) > 2.262157 * d.std(ddof=1) / math.sqrt(10) for d in draws])
    assert detected == pytest.approx(0.8, abs=0.015)
    assert minimum_detectable_effect(Interval(0, -math.inf, math.inf, math.inf, "", 1)) == math.inf
    assert minimum_detectable_effect(interval(np.zeros((10, 50)))) == interval(np.zeros((10, 50))).high
    with pytest.raises(DataError, match="power"):
        minimum_detectable_effect(effect, power=1.0)
