"""Plots and words of many arms and label budgets: nothing overlaps, nothing is left out, colours stay apart."""

from itertools import pairwise

import pytest
from large import BUDGETS, SOURCES, apart, large_summary

from zoo.benchmarking.report.figures import accuracy_figure, colours_of, difference_figure
from zoo.benchmarking.report.figures_cost import cost_figure
from zoo.benchmarking.report.figures_efficiency import efficiency_figure
from zoo.benchmarking.report.text import answer


@pytest.fixture(scope="module")
def summary():
    return apart(large_summary())


def test_every_source_has_a_colour_of_its_own(summary):
    colours = colours_of(summary)
    assert len({colours[f"P:{name}"] for name in SOURCES}) == len(SOURCES)
    assert all(colours[f"P:{name}"] == colours[f"F:{name}"] == colours[f"S:{name}"] for name in SOURCES)


@pytest.mark.parametrize("make", [accuracy_figure, difference_figure])
def test_names_of_rows_do_not_overlap(summary, make):
    figure = make(summary)
    figure.draw_without_rendering()
    assert len(figure.axes) == len(BUDGETS)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(boxes))
    assert all(box.x0 >= 0 for box in boxes)


def test_marks_of_many_comparisons_stand_apart_within_the_panel(summary):
    axes = difference_figure(summary).axes[0]
    marks = sorted(line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 1)
    assert len(marks) == sum(pair.budget == BUDGETS[0] for pair in summary.comparisons)
    assert all(below - above > 0.5 for above, below in pairwise(marks))
    assert marks[-1] < axes.get_ylim()[0]


def test_many_costs_have_a_legend_within_the_figure(summary):
    figure = cost_figure(summary)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert len(legend.get_texts()) == len({(cost.arm, cost.variant) for cost in summary.costs})
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert not any(legend.get_window_extent().overlaps(axes.get_window_extent()) for axes in figure.axes)


def test_curves_of_many_arms_have_a_panel_for_each_source(summary):
    figure = efficiency_figure(summary)
    assert len(figure.axes) == len(SOURCES)
    drawn = {text.get_text().replace("\n", " ") for axes in figure.axes for text in axes.get_legend().get_texts()}
    assert {arm.label for arm in summary.arms if arm.variant == "equal budget"} <= drawn


def test_budgets_with_the_same_verdict_share_a_clause(summary):
    _, stories = answer(summary)
    assert all(len(story) < 400 for _, story in stories)
    points = [c.difference for c in summary.comparisons if c.arm == "P:textures" and c.against == "equal budget"]
    assert f"with 2, 5, 10, 20 and {BUDGETS[-1]} labels a class" in dict(stories)["textures, fine-tuned"]
    assert f"{min(points[1:]):+.1f} to {max(points[1:]):+.1f} at equal budget" in dict(stories)["textures, fine-tuned"]
