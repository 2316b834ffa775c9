"""Adjusted p-values, pairs, label efficiency and the best arm, each against its pure function on the rows' arrays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.cells import collect
from zoo.benchmarking.statistics import holm, interval, label_efficiency_factor, p_value, pick_winner
from zoo.benchmarking.summary import CONVERGED, EQUAL, summarise

SUITE = digits()
ROWS = digits_rows(SUITE)
CELLS = collect(SUITE, ROWS)


@pytest.fixture(scope="module")
def whole():
    return summarise(SUITE, ROWS)


def answers(arm, budget, schedule=1):
    return np.array([cell.answers for _, cell in sorted(CELLS.at(arm, budget, schedule).items())])


def without(arm, budget, seed):
    return [r for r in ROWS if (r.run.arm, r.run.budget, r.run.seed) != (arm, budget, seed)]


def test_the_family_is_every_comparison_of_the_report(whole):
    raw = [p_value(answers(c.arm, c.budget) - answers("S", c.budget, c.schedule)) for c in whole.comparisons]
    assert [c.p_value for c in whole.comparisons] == raw
    assert [c.adjusted for c in whole.comparisons] == holm(raw)
    assert len(raw) == 20
    assert all(c.detectable > c.high - c.difference for c in whole.comparisons)


def test_a_comparison_without_a_verdict_still_counts_in_the_family(whole):
    broken = summarise(SUITE, without("C", 1, 0))
    lost = [c for c in broken.comparisons if (c.arm, c.budget) == ("C", 1)]
    assert [(c.p_value, c.adjusted) for c in lost] == [(None, None)] * 2
    raw = [1.0 if c.p_value is None else c.p_value for c in broken.comparisons]
    expected = holm(raw)
    for found, value in zip(broken.comparisons, expected, strict=True):
        assert found.adjusted == (None if found in lost else value)


def test_pairs_are_arms_of_one_role(whole):
    assert [(p.first, p.second, p.budget) for p in whole.pairs] == [
        (f"{role}:glyphs", f"{role}:textures", budget) for budget in (1, 10) for role in "PF"
    ]
    tables = [answers(p.first, p.budget) - answers(p.second, p.budget) for p in whole.pairs]
    for pair, table in zip(whole.pairs, tables, strict=True):
        assert (pair.difference, pair.low) == (pytest.approx(table.mean()), pytest.approx(interval(table).low))
    assert [p.adjusted for p in whole.pairs] == holm([p_value(table) for table in tables])
    broken = next(p for p in summarise(SUITE, without("P:textures", 1, 3)).pairs if (p.role, p.budget) == ("P", 1))
    assert (broken.verdict, broken.missing, broken.adjusted) == ("incomplete", 1, None)


@pytest.mark.parametrize(("against", "schedule"), [(EQUAL, 1), (CONVERGED, 2)])
@pytest.mark.parametrize("arm", ["P:glyphs", "P:textures", "F:glyphs", "F:textures"])
def test_label_efficiency_is_that_of_the_means(whole, arm, against, schedule):
    scratch = [answers("S", b, schedule).mean() for b in (1, 10)]
    expected = label_efficiency_factor([1, 10], scratch, [answers(arm, b).mean() for b in (1, 10)])
    found = [e for e in whole.efficiencies if (e.arm, e.against) == (arm, against)]
    assert [(e.budget, e.factor, e.censored) for e in found] == [
        (f.budget, pytest.approx(f.factor), f.censored) for f in expected
    ]


def test_no_factor_from_curves_with_lost_cells_or_one_budget():
    broken = summarise(SUITE, without("F:glyphs", 10, 2)).efficiencies
    assert {e.factor is None for e in broken if e.arm == "F:glyphs"} == {True}
    assert all(e.factor is not None for e in broken if e.arm != "F:glyphs")
    one = dataclasses.replace(SUITE, budgets=(1,))
    found = summarise(one, [r for r in ROWS if r.run.budget == 1]).efficiencies
    assert len(found) == 8
    assert {e.factor for e in found} == {None}


def test_budgets_in_any_order_give_the_same_factors(whole):
    turned = summarise(dataclasses.replace(SUITE, budgets=(10, 1)), ROWS)
    assert set(turned.efficiencies) == set(whole.efficiencies)


def test_the_best_arm_is_scored_where_it_was_not_picked(whole):
    arms = ["P:glyphs", "F:glyphs", "P:textures", "F:textures"]
    for best in whole.winners:
        expected = pick_winner(np.array([answers(arm, best.budget) for arm in arms]))
        assert (best.arm, best.score, best.unpicked) == (arms[expected.arm], expected.score, expected.unpicked)
        assert best.candidates == 4
    assert [best.budget for best in whole.winners] == [1, 10]
    assert [best.budget for best in summarise(SUITE, without("F:textures", 1, 3)).winners] == [10]


def test_clusters_of_the_rows_widen_what_they_should(whole):
    labels = [f"writer {i // 8}" for i in range(797)]
    rows = [dataclasses.replace(r, result=r.result | {"clusters": labels}) for r in ROWS]
    found = summarise(SUITE, rows)
    assert (found.totals.clusters, whole.totals.clusters) == (100, None)
    table = answers("P:glyphs", 1) - answers("S", 1)
    assert found.comparisons[0].low == pytest.approx(interval(table, clusters=np.array(labels)).low)
    assert "100 clusters" in found.arms[0].method
