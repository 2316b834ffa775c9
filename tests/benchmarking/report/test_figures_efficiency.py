"""The plot of label efficiency: its marks and bars are the summary's; its SVG is themed, named and deterministic."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import INK, PAPER, png, svg
from zoo.benchmarking.report.figures_efficiency import efficiency_figure
from zoo.benchmarking.summary import summarise


@pytest.fixture(scope="module")
def summary():
    return summarise(digits(), digits_rows())


def test_marks_and_bars_are_those_of_the_summary(summary):
    lines = [line for line in efficiency_figure(summary).axes[0].lines if line.get_transform().contains_branch]
    marks = sorted(line.get_ydata()[0] for line in lines if len(line.get_ydata()) == 1)
    bars = sorted(tuple(line.get_ydata()) for line in lines if len(line.get_ydata()) == 2)
    chance = (summary.chance, summary.chance)
    assert marks == pytest.approx(sorted(score.mean for score in summary.arms))
    assert [bar for bar in bars if bar != chance] == sorted((score.low, score.high) for score in summary.arms)


def test_svg_is_themed_named_and_deterministic(summary):
    text = svg(efficiency_figure(summary))
    root = ElementTree.fromstring(text)
    assert "currentColor" in text
    assert INK not in text
    assert PAPER not in text
    assert root.get("id") == "zoo-efficiency"
    assert "glyphs, fine-tuned, 10 labels a class" in (root[1].text or "")
    assert text == svg(efficiency_figure(summary))
    assert png(efficiency_figure(summary)) == png(efficiency_figure(summary))


@pytest.mark.parametrize("budgets", [(1,), (1, 10)])
def test_no_data_and_one_budget_still_draw(budgets):
    suite = dataclasses.replace(digits(), budgets=budgets)
    assert "no data" in svg(efficiency_figure(summarise(suite, [])))
    rows = [row for row in digits_rows() if row.run.budget in budgets]
    assert svg(efficiency_figure(summarise(suite, rows))).count("<svg") == 1
