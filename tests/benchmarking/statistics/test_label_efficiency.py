"""Label-efficiency factors by hand, against a dense grid, and censored; break-even reuse by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.benchmarking.statistics.label_efficiency import (
    ABOVE,
    BELOW,
    LabelEfficiency,
    break_even_reuse,
    label_efficiency_factor,
    monotone_curve,
)
from zoo.errors import DataError


def test_two_budgets_by_hand():
    # scratch goes from 20 to 60 over one decade: 40 is reached at sqrt(10) labels
    found = label_efficiency_factor([1, 10], [20, 60], [40, 60])
    assert found[0].factor == pytest.approx(math.sqrt(10))
    assert found[1] == LabelEfficiency(10, pytest.approx(1.0))
    assert [str(f) for f in found] == ["3.16", "1"]


def test_an_equal_arm_is_worth_its_own_labels():
    scores = [20.0, 35.0, 50.0, 52.0]
    for factor in label_efficiency_factor([1, 3, 10, 30], scores, scores):
        assert (factor.factor, factor.censored) == (pytest.approx(1.0), "")


def test_what_scratch_never_reached_is_censored_not_extrapolated():
    above = label_efficiency_factor([1, 10, 100], [20, 40, 60], [61, 70, 80])
    assert [(f.factor, f.censored) for f in above] == [(100, ABOVE), (10, ABOVE), (1, ABOVE)]
    below = label_efficiency_factor([2, 10, 100], [20, 40, 60], [10, 15, 19])
    assert [(f.factor, f.censored) for f in below] == [(1, BELOW), (pytest.approx(0.2), BELOW), (0.02, BELOW)]
    assert [str(f) for f in above] == ["> 100", "> 10", "> 1"]
    assert str(below[1]) == "< 0.2"


def test_a_factor_agrees_with_a_search_on_a_dense_grid():
    budgets, scratch, arm = [1, 3, 10, 30, 100], [12.0, 30.0, 28.0, 61.0, 80.0], [25.0, 41.0, 55.0, 70.0, 81.0]
    curve, wanted = monotone_curve(budgets, scratch), monotone_curve(budgets, arm)
    grid = np.geomspace(1, 100, 400_001)
    on_grid = curve(grid)
    for factor in label_efficiency_factor(budgets, scratch, arm):
        score = wanted(np.array([factor.budget]))[0]
        if factor.censored:
            assert score > on_grid.max()
        else:
            assert factor.factor == pytest.approx(grid[np.argmax(on_grid >= score)] / factor.budget, rel=1e-4)


def test_curves_are_monotone_and_the_closest_such():
    from scipy.optimize import isotonic_regression

    rng = np.random.default_rng(0)
    for _ in range(30):
        scores = (np.linspace(20, 60, 6) + rng.normal(0, 15, 6)).tolist()
        budgets = [1, 2, 5, 10, 20, 50]
        curve = monotone_curve(budgets, scores)
        assert curve(np.array(budgets, float)) == pytest.approx(isotonic_regression(scores).x)
        assert (np.diff(curve(np.geomspace(1, 50, 500))) >= -1e-9).all()


def test_a_flat_stretch_counts_the_fewest_labels():
    found = label_efficiency_factor([1, 10, 100], [20, 50, 40], [45, 45, 45])  # scratch is pooled to 20, 45, 45
    assert [f.factor for f in found] == pytest.approx([10, 1, 0.1])


@pytest.mark.parametrize(
    ("budgets", "scratch", "arm", "message"),
    [([1], [2], [3], "2 or more label budgets"), ([1, 1], [2, 3], [3, 4], "ascend"), ([0, 1], [2, 3], [3, 4], "ascend"),
     ([1, 2], [2], [3, 4], "one score"), ([1, 2], [2, math.nan], [3, 4], "not finite")],
)  # fmt: skip
def test_bad_curves_are_refused(budgets, scratch, arm, message):
    with pytest.raises(DataError, match=message):
        label_efficiency_factor(budgets, scratch, arm)


def test_break_even_by_hand():
    assert break_even_reuse(100, 30, 10) == 5
    assert break_even_reuse(0, 30, 10) == 0
    assert break_even_reuse(100, 10, 30) == break_even_reuse(100, 10, 10) == math.inf
    for bad in ((-1, 1, 1), (1, math.inf, 1), (1, 1, math.nan)):
        with pytest.raises(DataError, match="finite and 0 or more"):
            break_even_reuse(*bad)
