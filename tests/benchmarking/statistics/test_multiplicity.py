"""Holm against its textbook table and a slow rewrite; the family-wise error holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.benchmarking.statistics.multiplicity import holm
from zoo.errors import DataError


def slow(p_values: list[float]) -> list[float]:
    """Adjusted p: the smallest level at which the step-down procedure rejects, as a maximum over all smaller ones."""
    size = len(p_values)
    rank = {i: sum((p, j) < (p_values[i], i) for j, p in enumerate(p_values)) for i in range(size)}
    return [
        max(min(1.0, (size - rank[j]) * p_values[j]) for j in range(size) if rank[j] <= rank[i]) for i in range(size)
    ]


def test_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    assert holm([0.5, 0.9, 1.0]) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("size", [2, 7, 20])
def test_equals_the_slow_rewrite_ties_included(size):
    rng = np.random.default_rng(size)
    for _ in range(50):
        values = np.round(rng.random(size) ** 3, 1).tolist()
        assert holm(values) == pytest.approx(slow(values))


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_impossible_values_are_refused(bad):
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.5, bad])


def test_one_false_call_in_a_family_of_dependent_nulls_is_rare():
    from scipy.special import ndtr

    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 1)) * 0.7 + rng.normal(size=(4000, 20)) * math.sqrt(1 - 0.49)
    called = [min(holm(row)) < 0.05 for row in (2 * ndtr(-np.abs(z))).tolist()]
    assert np.mean(called) <= 0.05
