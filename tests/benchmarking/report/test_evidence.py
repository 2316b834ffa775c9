import dataclasses

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report import evidence, render_html, render_markdown
from zoo.benchmarking.report.text import p_text, signed
from zoo.benchmarking.summary import summarise
from zoo.benchmarking.summary_records import Efficiency

SUITE = digits()


@pytest.fixture(scope="module")
def summary():
    return summarise(SUITE, digits_rows(SUITE))


def test_tables_are_regular_and_hold_the_numbers_of_the_summary(summary):
    for table in (
        evidence.pair_table(summary),
        evidence.best_table(summary),
        evidence.efficiency_table(summary),
    ):
        rows = [row for _, group in table.groups for row in group]
        assert rows
        assert {len(row) for row in rows} == {len(table.head)}
    rows = [row for _, group in evidence.pair_table(summary).groups for row in group]
    assert [(row[3], row[5]) for row in rows] == [(signed(p.difference), p_text(p.adjusted)) for p in summary.pairs]
    rows = [row for _, group in evidence.efficiency_table(summary).groups for row in group]
    texts = {evidence.factor_text(entry) for entry in summary.efficiencies}
    assert {cell for row in rows for cell in row[1:]} == texts


@pytest.mark.parametrize(
    ("factor", "censored", "words"),
    [(3.162, "", "3.16"), (10.0, "above", "> 10"), (0.1, "below", "< 0.1"), (None, "", "–")],
)
def test_censoring_is_said(factor, censored, words):
    assert evidence.factor_text(Efficiency("P", "p", "P", 1, "equal budget", factor, censored)) == words


def test_outcomes_name_the_better_arm(summary):
    pairs = tuple(dataclasses.replace(p, verdict="hurts") for p in summary.pairs)
    rows = evidence.pair_table(dataclasses.replace(summary, pairs=pairs)).groups[0][1]
    assert {row[2] for row in rows} == {"second is better"}


def test_a_suite_without_pairs_has_no_such_section():
    arms = tuple(arm for arm in SUITE.arms if "textures" not in arm.id)
    lone = dataclasses.replace(SUITE, arms=arms)
    summary = summarise(lone, [r for r in digits_rows(SUITE) if "textures" not in r.run.arm])
    assert summary.pairs == ()
    for text in (render_html(lone, summary), render_markdown(lone, summary)):
        assert "against each other" not in text
        assert "What pre-training is worth in labels" in text
