"""Figures: what is drawn equals the summary; the SVG is well-formed, deterministic, theme-aware and inlinable."""

from __future__ import annotations

import dataclasses
import re
import sys
from xml.etree import ElementTree

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import COLOURS, INK, PAPER, accuracy_figure, difference_figure, png, svg
from zoo.benchmarking.summary import Summary, summarise
from zoo.errors import MissingDependency


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarise(digits(), digits_rows())


def drawn(axes) -> tuple[list[float], list[tuple[float, float]]]:
    """The x of every mark, and the two ends of every interval, from top to bottom."""
    lines = [line for line in axes.lines if line.get_transform() == axes.transData]
    marks = [line.get_xdata()[0] for line in lines if len(line.get_xdata()) == 1]
    bars = [tuple(line.get_xdata()) for line in lines if len(line.get_xdata()) == 2]
    return marks, bars


def test_marks_and_intervals_are_those_of_the_summary(summary):
    for make, rows, value in (
        (accuracy_figure, summary.arms, "mean"),
        (difference_figure, summary.comparisons, "difference"),
    ):
        for axes, budget in zip(make(summary).axes, summary.budgets, strict=True):
            here = [row for row in rows if row.budget == budget]
            marks, bars = drawn(axes)
            assert sorted(marks) == pytest.approx(sorted(getattr(row, value) for row in here))
            assert sorted(bars) == [pytest.approx(bar) for bar in sorted((row.low, row.high) for row in here)]


def test_arms_of_one_role_stand_side_by_side(summary):
    labels = [tick.get_text() for tick in difference_figure(summary).axes[0].get_yticklabels()]
    assert labels[:4] == [
        "glyphs, fine-tuned",
        "textures, fine-tuned",
        "glyphs, frozen probe",
        "textures, frozen probe",
    ]


def test_verdicts_are_written_beside_the_marks(summary):
    texts = [text.get_text() for text in difference_figure(summary).axes[1].texts]
    assert [t for t in texts if t in {c.verdict for c in summary.comparisons}].count("hurts") == sum(
        c.verdict == "hurts" for c in summary.comparisons if c.budget == 10
    )


@pytest.mark.parametrize("make", [accuracy_figure, difference_figure])
def test_svg_is_well_formed_themed_and_says_what_it_shows(summary, make):
    text = svg(make(summary))
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert root[0].tag.endswith("title")
    assert root[1].tag.endswith("desc")
    assert "glyphs, fine-tuned" in root[1].text
    assert "currentColor" in text
    assert INK not in text
    assert PAPER not in text
    assert "<text" in text  # text stays text
    assert "width=" not in text[: text.index(">")]  # the page decides the size
    assert not re.search(r"20\d\d-\d\d-\d\d", text)  # no date
    assert not re.search(r'(?:src|href)="(?!#)', text)  # only references within the file


@pytest.mark.parametrize("make", [accuracy_figure, difference_figure])
def test_svg_and_png_are_deterministic(summary, make):
    figure = make(summary)
    assert svg(figure) == svg(figure) == svg(make(summary))
    assert png(make(summary)) == png(make(summary))


def test_ids_of_two_figures_do_not_clash_and_references_resolve(summary):
    texts = [svg(accuracy_figure(summary)), svg(difference_figure(summary))]
    ids = [re.findall(r'\bid="([^"]+)"', text) for text in texts]
    assert not set(ids[0]) & set(ids[1])
    for text, own in zip(texts, ids, strict=True):
        assert len(own) == len(set(own))
        assert set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text)) <= set(own)


def test_a_figure_without_a_name_is_refused(summary):
    figure = accuracy_figure(summary)
    figure.set_gid("")
    with pytest.raises(ValueError, match="name"):
        svg(figure)


def test_hostile_labels_stay_text(summary):
    evil = '$x^2$ <script>alert("1")</script> --> & \\frac'
    arms = tuple(dataclasses.replace(a, label=evil) for a in summary.arms)
    pairs = tuple(dataclasses.replace(c, label=evil) for c in summary.comparisons)
    hostile = dataclasses.replace(summary, arms=arms, comparisons=pairs)
    for make in (accuracy_figure, difference_figure):
        text = svg(make(hostile))
        assert "<script" not in text
        assert any(evil in (node.text or "") for node in ElementTree.fromstring(text).iter())


def test_no_data_draws_no_marks_but_says_so():
    empty = summarise(digits(), [])
    assert drawn(accuracy_figure(empty).axes[0])[0] == []
    assert "no data" in svg(accuracy_figure(empty))
    assert "incomplete" in svg(difference_figure(empty))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("paper", ["#ffffff", "#14171c"])
def test_colours_read_on_both_themes(colour, paper):
    light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_without_matplotlib_the_extra_is_named(summary, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[report\]"):
        accuracy_figure(summary)
