import dataclasses

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report import definitions
from zoo.benchmarking.statistics import VERDICTS
from zoo.benchmarking.summary import summarise


@pytest.fixture(scope="module")
def summary():
    return summarise(digits(), digits_rows())


def test_every_term_of_the_tables_is_defined(summary):
    terms = dict(definitions.verdict_definitions(summary))
    assert {"Holm p", "Detectable", "Interval", *VERDICTS} <= set(terms)
    assert "all 20 comparisons" in terms["Holm p"]
    assert {"Outcome", "Where not picked"} <= set(dict(definitions.pair_definitions(summary)))
    assert {"Factor", "> or <"} <= set(dict(definitions.efficiency_definitions(summary)))
    assert "Mean" in dict(definitions.score_definitions(summary))


def test_clusters_are_named_where_there_are_such(summary):
    clustered = dataclasses.replace(summary, totals=dataclasses.replace(summary.totals, clusters=40))
    assert "40 clusters" in dict(definitions.verdict_definitions(clustered))["Interval"]
    assert "cluster" not in dict(definitions.verdict_definitions(summary))["Interval"]


def test_cautions_count_what_survives_the_adjustment(summary):
    stand = sum(pair.adjusted < 0.05 for pair in summary.comparisons)
    assert any(f"{stand} stay below 0.05" in text for text in definitions.cautions(summary))
    assert not any("not adjusted for" in text for text in definitions.cautions(summary))
    few = tuple(dataclasses.replace(pair, seeds=3) for pair in summary.comparisons)
    assert any("Fewer than 10" in text for text in definitions.cautions(dataclasses.replace(summary, comparisons=few)))


def test_two_budgets_are_called_a_rough_guide(summary):
    assert "Two budgets" in dict(definitions.efficiency_definitions(summary))
    three = dataclasses.replace(summary, budgets=(1, 3, 10))
    assert "Two budgets" not in dict(definitions.efficiency_definitions(three))
