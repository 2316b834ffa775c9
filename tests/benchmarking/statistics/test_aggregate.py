"""Normalised scores and the interquartile mean against scipy; bootstrap intervals by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from zoo.benchmarking.statistics.aggregate import interquartile_interval, interquartile_mean, normalised
from zoo.errors import DataError


def test_normalised_by_hand():
    assert normalised([10, 50, 90], 10, 90).tolist() == [0, 0.5, 1]
    assert normalised(30, 40, 20) == 0.5  # a lower score is better
    for reference in (10, math.nan, math.inf):
        with pytest.raises(DataError, match="no scale"):
            normalised([1], 10, reference)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 50])
def test_interquartile_mean_is_the_trimmed_mean(size):
    values = np.random.default_rng(size).normal(size=size)
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [[math.inf]]])
def test_nothing_is_skipped(bad):
    with pytest.raises(DataError, match="incomplete"):
        interquartile_mean(bad)


def test_the_interval_is_seeded_and_wider_where_tasks_are_drawn():
    z = np.random.default_rng(0).normal(np.linspace(0, 1, 8)[:, None], 0.1, (8, 10))
    fixed = interquartile_interval(z, np.random.default_rng(1))
    assert fixed == interquartile_interval(z, np.random.default_rng(1))
    assert fixed.mean == pytest.approx(stats.trim_mean(z.ravel(), 0.25))
    drawn = interquartile_interval(z, np.random.default_rng(1), resample_tasks=True)
    assert drawn.half_width > 2 * fixed.half_width
    assert "8 tasks resampled" in drawn.method


def test_too_little_to_draw_from_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="2 or more seeds"):
        interquartile_interval([[1.0], [2.0]], rng)
    with pytest.raises(DataError, match="2 or more tasks"):
        interquartile_interval([[1.0, 2.0]], rng, resample_tasks=True)
    with pytest.raises(DataError, match="finite"):
        interquartile_interval([], rng)
    with pytest.raises(DataError, match="confidence"):
        interquartile_interval([[1.0, 2.0]], rng, confidence=1.5)


@pytest.mark.parametrize(("resample_tasks", "task_sd"), [(False, 0.3), (True, 0.3)])
def test_coverage_with_ten_tasks_and_ten_seeds(resample_tasks, task_sd):
    """Normal task effects, so the truth over tasks drawn anew is 0.5; the standard error of a share is 0.7."""
    rng = np.random.default_rng(25)
    held, hits, runs = np.linspace(0, 1, 10), 0, 1000
    truth = 0.5
    for _ in range(runs):
        tasks = rng.normal(0.5, task_sd, 10) if resample_tasks else held
        z = rng.normal(tasks[:, None], 0.15, (10, 10))
        found = interquartile_interval(z, rng, resample_tasks, draws=1000)
        hits += found.low <= truth <= found.high
    print(f"tasks {'resampled' if resample_tasks else 'fixed'}: coverage {hits / runs:.1%}")
    assert 0.93 <= hits / runs <= 0.97
