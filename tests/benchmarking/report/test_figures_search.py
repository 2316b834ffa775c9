"""The plot of the search: its curves are the summary's; choice, edge and failure show without colour."""

from __future__ import annotations

import dataclasses
import math
import sys
from xml.etree import ElementTree

import pytest
from large import BUDGETS, apart, large_summary
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import INK, PAPER, png, svg
from zoo.benchmarking.report.figures_search import CROWD, LEAST, search_figure
from zoo.benchmarking.summary import Summary, summarise
from zoo.benchmarking.summary_records import Search, Trial
from zoo.errors import MissingDependency


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarise(digits(), digits_rows())


@pytest.fixture(scope="module")
def crowded() -> Summary:
    return apart(large_summary())


def drawn(figure, label):
    return [line for axes in figure.axes for line in axes.lines if line.get_label() == label]


def only(summary, *trials, edge=False):
    """A summary with a single search."""
    return dataclasses.replace(summary, searches=(Search("P:glyphs", "glyphs", 1, 1, "lr", trials, edge),))


def test_curves_are_those_of_the_summary(summary):
    curves = [(tuple(c.get_xdata()), tuple(c.get_ydata())) for c in drawn(search_figure(summary), "_curve")]
    said = [(tuple(t.value for t in s.trials), tuple(t.score for t in s.trials)) for s in summary.searches]
    assert sorted(curves) == sorted(said)


def test_the_chosen_value_of_every_search_is_marked(summary):
    marks = [(m.get_xdata()[0], m.get_ydata()[0]) for m in drawn(search_figure(summary), "_chosen")]
    chosen = [(t.value, t.score) for s in summary.searches for t in s.trials if t.chosen]
    assert len(chosen) == len(summary.searches)
    assert sorted(marks) == sorted(chosen)


def test_one_panel_for_each_option_and_budget(summary):
    figure = search_figure(summary)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["1 label a class", "10 labels a class"] * 2
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert names[:4] == ["from scratch", "from scratch (2x)", "glyphs, fine-tuned", "textures, fine-tuned"]


@pytest.mark.parametrize(("place", "side", "word"), [(0, -1, "lowest"), (2, 1, "highest")])
def test_an_edge_has_a_ring_an_arrow_and_words(summary, place, side, word):
    trials = [Trial(10.0**i, 50.0 + i, 2, 0, i == place) for i in range(3)]
    figure = search_figure(only(summary, *trials, edge=True))
    (ring,), (arrow,) = drawn(figure, "_edge"), drawn(figure, "_arrow")
    assert ring.get_xdata()[0] == arrow.get_xdata()[0] == 10.0**place
    shift = arrow.get_transform().transform((1, 50)) - figure.axes[0].transData.transform((1, 50))
    assert math.copysign(1, shift[0]) == side
    assert f"chosen {10.0**place:g}, the {word} that was tried" in figure.get_label()
    inside = search_figure(only(summary, *trials, edge=False))
    assert drawn(inside, "_edge") == drawn(inside, "_arrow") == []
    assert "that was tried" not in inside.get_label()


def test_a_failed_value_is_a_cross_at_the_bottom_and_breaks_the_line(summary):
    trials = (Trial(0.1, 50.0, 2, 0, True), Trial(1.0, None, 2, 1, False), Trial(10.0, 40.0, 2, 0, False))
    figure = search_figure(only(summary, *trials))
    (cross,) = drawn(figure, "_failed")
    assert cross.get_xdata()[0] == 1.0
    assert cross.get_ydata()[0] < 0.1  # a share of the panel's height
    assert cross.get_marker() == "x"
    (curve,) = drawn(figure, "_curve")
    assert math.isnan(curve.get_ydata()[1])
    assert "1: failed" in figure.get_label()


def test_a_flat_search_looks_flat(summary):
    figure = search_figure(only(summary, Trial(0.1, 79.2, 2, 0, False), Trial(1.0, 79.3, 2, 0, True)))
    low, high = figure.axes[0].get_ylim()
    assert high - low >= LEAST


def test_a_crowd_is_split_by_source(crowded):
    figure = search_figure(crowded)
    names = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    assert all(len(row) <= CROWD for row in names)
    assert len(figure.axes) == len(names) * len(BUDGETS)
    assert len(drawn(figure, "_curve")) == len(crowded.searches)


def test_nothing_leaves_the_figure_and_no_names_overlap(crowded, summary):
    for shown in (crowded, summary):
        figure = search_figure(shown)
        figure.draw_without_rendering()
        whole = figure.bbox
        boxes = [legend.get_window_extent() for legend in figure.legends]
        for box in [*boxes, *(axes.get_tightbbox() for axes in figure.axes)]:
            assert box.x0 >= whole.x0
            assert box.y0 >= whole.y0
            assert box.x1 <= whole.x1 + 6
            assert box.y1 <= whole.y1
        for box in boxes:
            assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
            assert not any(box.overlaps(axes.title.get_window_extent()) for axes in figure.axes)


def test_svg_is_themed_named_and_deterministic(crowded):
    text = svg(search_figure(crowded))
    root = ElementTree.fromstring(text)
    assert root.get("id") == "zoo-search"
    assert "glyphs, fine-tuned, 1 label a class, lr" in (root[1].text or "")
    assert "currentColor" in text
    assert INK not in text
    assert PAPER not in text
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert text == svg(search_figure(crowded))
    assert png(search_figure(crowded), dpi=40) == png(search_figure(crowded), dpi=40)


def test_no_search_yet_is_said():
    text = svg(search_figure(summarise(digits(), [])))
    assert "no search yet" in text


def test_without_matplotlib_the_extra_is_named(summary, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[report\]"):
        search_figure(summary)
