"""Paired effects of two places, against the arrays straight from the rows."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.cells import collect
from zoo.benchmarking.pairing import bounds, finite, lost, paired
from zoo.benchmarking.statistics import Interval, interval, minimum_detectable_effect, p_value

SUITE = digits()
ROWS = digits_rows(SUITE)
CELLS = collect(SUITE, ROWS)
FIRST, SECOND = ("F:glyphs", 10, 1), ("S", 10, 2)


def answers(place):
    return np.array([cell.answers for _, cell in sorted(CELLS.at(*place).items())])


def test_numbers_are_those_of_the_arrays():
    found, table = paired(SUITE, CELLS, FIRST, SECOND, 0, 0), answers(FIRST) - answers(SECOND)
    assert found.effect == interval(table)
    assert found.p_value == p_value(table)
    assert found.detectable == minimum_detectable_effect(interval(table))
    assert found.fields()["seeds"] == 10


@pytest.mark.parametrize(("failed", "missing"), [(1, 0), (0, 1)])
def test_no_p_value_without_a_verdict(failed, missing):
    found = paired(SUITE, CELLS, FIRST, SECOND, failed, missing)
    assert found.p_value is None
    assert found.effect is not None
    few = dataclasses.replace(SUITE, seeds=SUITE.seeds[:9])
    assert paired(few, CELLS, FIRST, SECOND, 0, 0).p_value is None


def test_clusters_reach_the_interval():
    labels = np.array([str(i // 8) for i in range(797)])
    clustered = dataclasses.replace(CELLS, clusters=labels)
    found, table = paired(SUITE, clustered, FIRST, SECOND, 0, 0), answers(FIRST) - answers(SECOND)
    assert found.effect == interval(table, clusters=labels)
    assert found.p_value == p_value(table, labels)
    assert "100 clusters" in found.effect.method


def test_nothing_paired():
    found = paired(SUITE, CELLS, ("Z", 1, 1), SECOND, 0, 10)
    assert (found.word, found.effect, found.p_value, found.detectable) == ("incomplete", None, None, None)
    assert lost(SUITE, CELLS, "Z", 1, (1, 2)) == (0, 20)


def test_infinite_bounds_are_not_stored():
    assert bounds(None) == {}
    assert bounds(Interval(0, -math.inf, math.inf, math.inf, "x"))["low"] is None
    assert (finite(math.inf), finite(2.0)) == (None, 2.0)
