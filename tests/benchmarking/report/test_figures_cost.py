"""The plot of cost against quality: marks where the summary says, names apart, readable and the same each time."""

from __future__ import annotations

import dataclasses
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import INK, PAPER, png, svg
from zoo.benchmarking.report.figures_cost import GAP, HIGH, LOW, _spread, cost_figure
from zoo.benchmarking.summary import Summary, summarise
from zoo.errors import MissingDependency


@pytest.fixture(scope="module")
def summary() -> Summary:
    rows = [
        dataclasses.replace(
            row, result=row.result | {"flops": {"train": 0 if row.run.role == "C" else 10**9 * (1 + len(row.run.arm))}}
        )
        for row in digits_rows()
    ]
    return summarise(digits(), rows)


def test_marks_are_those_of_the_summary(summary):
    scores = {(score.arm, score.budget, score.variant): score.mean for score in summary.arms}
    for axes, budget in zip(cost_figure(summary).axes, summary.budgets, strict=True):
        costs = [cost for cost in summary.costs if cost.budget == budget]
        marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
        drawn = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in marks)
        none = min(x for x, _ in drawn)
        expected = [(c.total.flops or none, scores[c.arm, c.budget, c.variant]) for c in costs]
        assert drawn == [pytest.approx(place) for place in sorted(expected)]
        assert none < min(c.total.flops for c in costs if c.total.flops)
        assert axes.get_xscale() == "log"
        assert axes.get_xticklabels()[0].get_text() == "0"


def test_svg_is_well_formed_themed_and_says_what_it_shows(summary):
    text = svg(cost_figure(summary))
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert "glyphs, fine-tuned, 1 label a class: 90 G FLOPs" in root[1].text
    assert "currentColor" in text
    assert INK not in text
    assert PAPER not in text


def test_the_same_each_time(summary):
    figure = cost_figure(summary)
    assert svg(figure) == svg(figure) == svg(cost_figure(summary))
    assert png(cost_figure(summary)) == png(cost_figure(summary))


def test_rows_without_cost_make_a_plot_that_says_so():
    for rows in ([], digits_rows()):
        text = svg(cost_figure(summarise(digits(), rows)))
        assert text.count("FLOPs not recorded</text>") == 2
        assert "from scratch, 1 label a class: FLOPs not recorded" in text


@given(st.lists(st.floats(0, 100), max_size=12))
def test_names_never_overlap_and_stay_in_the_panel(heights):
    moved = _spread(heights)
    assert all(LOW - 1e-6 <= height <= HIGH + 1e-6 for height in moved)
    assert all(after - before >= GAP - 1e-6 for before, after in pairwise(sorted(moved)))


def test_without_matplotlib_the_extra_is_named(summary, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[report\]"):
        cost_figure(summary)
