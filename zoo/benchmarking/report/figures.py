"""Plots of a summary: accuracy by arm, and paired differences from scratch. matplotlib is imported only when drawing.

`svg` gives text for inlining into a page: it takes the page's own ink (`currentColor`), font and background, so that
one file serves light and dark themes. Colours are Okabe and Ito's blue and vermillion (jfly.uni-koeln.de/color) and
four others, darkened to a contrast of at least 3:1 on white and on near-black. Shape repeats what colour says.
"""

from __future__ import annotations

import io
import re
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.report.panels import INK, below, columns_of, panelled, sources_of, style, wrapped
from zoo.benchmarking.report.text import labels_a_class, score_name, scratch_name, signed
from zoo.benchmarking.summary_records import CONVERGED, ArmScore, Comparison, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "#fefdfe"
"""Stands for the page's background inside hollow marks: `svg` replaces it by `var(--paper, Canvas)`."""
DENSE = 12
"""A panel with more rows than this has them closer together."""
COLOURS = ("#0a76b8", "#c8590a", "#0b8a66", "#a6508f", "#6f55f2", "#d1345b")
"""One for each source of pre-training, in suite order; arms without one are drawn in ink."""
MARKERS = {"S": "D", "P": "o", "F": "s", "M": "v", "C": "^", "R": "P"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def accuracy_figure(summary: Summary) -> Figure:
    """Mean test score of every arm with its interval, in percent; one panel for each label budget.

    Raises:
        MissingDependency: matplotlib is not installed.

    Source:
        Intervals: `zoo.benchmarking.statistics.mean_interval`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> len(accuracy_figure(summarise(load_suite("digits"), [])).axes)
        2
    """
    rows = [_side_by_side([a for a in summary.arms if a.budget == b]) for b in summary.budgets]
    spoken = "; ".join(_say_score(score) for scores in rows for score in scores)
    title = f"Test {summary.metric} by arm and label budget"
    figure, panels = panelled(summary, _row_height(rows), "zoo-scores", title, spoken)
    colours = colours_of(summary)
    for axes, scores in zip(panels, rows, strict=True):
        for y, score in enumerate(scores):
            _dot(axes, y, score, score.mean, colours[score.arm], hollow=score.variant == CONVERGED)
            if columns_of(summary) == 1:
                lost = "cells lost" if score.failed or score.missing else ""
                _beside(axes, y, "no data" if score.mean is None else f"{score.mean:.1f}", lost)
        _label_rows(axes, [(score_name(score), float(y)) for y, score in enumerate(scores)])
        axes.axvline(summary.chance, color=INK, alpha=0.45, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
        axes.set_xlim(0, 100)
    below(figure, panels, f"test {summary.metric}, %   (dotted: chance; bars: {summary.confidence:.0%} intervals)")
    return figure


def difference_figure(summary: Summary) -> Figure:
    """Every arm minus scratch in points, paired by seed and item, with interval, margin band and verdict.

    Filled marks compare with scratch at equal budget, hollow ones with converged scratch; one panel for each budget.

    Raises:
        MissingDependency: matplotlib is not installed.

    Source:
        Intervals and words: `zoo.benchmarking.statistics.interval` and `verdict`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> figure = difference_figure(summarise(load_suite("digits"), []))
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['1 label a class', '10 labels a class']
    """
    rows = [_side_by_side([c for c in summary.comparisons if c.budget == b]) for b in summary.budgets]
    spoken = "; ".join(_say_difference(summary, pair) for pairs in rows for pair in pairs)
    title = "Difference from scratch by arm and label budget"
    figure, panels = panelled(summary, _row_height(rows), "zoo-differences", title, spoken)
    colours = colours_of(summary)
    for axes, pairs in zip(panels, rows, strict=True):
        axes.axvspan(-summary.margin, summary.margin, color=INK, alpha=0.12, linewidth=0, zorder=0)
        axes.axvline(0, color=INK, alpha=0.8, linewidth=1, zorder=1)
        heights = _heights(pairs)
        for y, pair in zip(heights, pairs, strict=True):
            _dot(axes, y, pair, pair.difference, colours[pair.arm], hollow=pair.against == CONVERGED)
            if columns_of(summary) == 1:
                _beside(axes, y, "" if pair.difference is None else signed(pair.difference), pair.verdict)
        _label_rows(axes, _centres(heights, pairs), max(heights, default=0))
        axes.margins(x=0.06)
    filled = "filled: equal budget; hollow: converged scratch; " if any(_longer(rows)) else ""
    below(figure, panels, f"points above scratch   ({filled}band: margin of {summary.margin:g})")
    return figure


def svg(figure: Figure) -> str:
    """The figure as one `<svg>` element for inlining: same input, same text; ids carry the figure's own prefix.

    Args:
        figure: one of this module's; its `gid` names it, its label holds the title and, from line 2, a description.

    Raises:
        ValueError: the figure has no `gid`, so its ids could clash with those of another.

    Source:
        Accessible names: W3C, SVG Accessibility API Mappings; colours: CSS Color 4, `currentColor`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> svg(accuracy_figure(summarise(load_suite("digits"), [])))[:29]
        '<svg class="plot" role="img" '
    """
    name = figure.get_gid()
    if not name:
        raise ValueError(
            "the figure needs a gid that is unique in its page, received none. Fix: figure.set_gid('name')."
        )
    title, _, description = str(figure.get_label()).partition("\n")
    _settle(figure)
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"(<metadata>.*?</metadata>|<!--.*?-->)\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    text = text.replace("*{", f"#{name} *{{").replace(INK, "currentColor").replace(PAPER, "var(--paper, Canvas)")
    text = re.sub(r"(font(?:-family)?: ?[^;\"]*?)'DejaVu Sans'[^;\"]*", rf"\g<1>{FONT}", text)
    box = re.search(r'viewBox="([^"]+)"', text)
    head = (
        f'<svg class="plot" role="img" id="{name}" aria-labelledby="{name}-title" aria-describedby="{name}-desc" '
        f'viewBox="{box[1] if box else ""}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(description)}</desc>\n'
    )
    return head + text[text.index(">", text.index("<svg")) + 1 :].lstrip()


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a PNG file on white, for places that take no SVG.

    Args:
        figure: one of this module's.
        dpi: pixels an inch.

    Raises:
        ValueError: matplotlib refuses the resolution.

    Source:
        matplotlib's Agg renderer; the file names no date and no software, so equal figures are equal bytes.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> png(accuracy_figure(summarise(load_suite("digits"), [])), dpi=40)[1:4]
        b'PNG'
    """
    _settle(figure)
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _settle(figure: Figure) -> None:
    """Lay the figure out once and keep it: matplotlib's constrained layout moves a little with every drawing."""
    with style():
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")


def _row_height(rows: Sequence[Sequence[Any]]) -> float:
    """Inches for each row of a panel: fewer where there are many."""
    most = max(map(len, rows), default=1)
    return most * (0.34 if most <= DENSE else 0.24)


def _dot(axes: Axes, y: float, bounds: ArmScore | Comparison, value: float | None, colour: str, hollow: bool) -> None:
    if value is None:
        return
    if bounds.low is not None and bounds.high is not None:
        axes.plot([bounds.low, bounds.high], [y, y], color=colour, linewidth=2.2, solid_capstyle="round", zorder=3)
    face = PAPER if hollow else colour
    axes.plot([value], [y], MARKERS.get(bounds.role, "o"), color=colour, markerfacecolor=face, markersize=7, zorder=4,
              clip_on=False)  # fmt: skip


def _beside(axes: Axes, y: float, number: str, word: str) -> None:
    """A number and a word to the right of the panel, in two columns."""
    place: Any = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    with style():
        for text, offset, side in ((number, 44, "right"), (word, 52, "left")):
            if text:
                axes.annotate(text, (1, y), (offset, 0), ha=side, **place)


def _label_rows(axes: Axes, labels: Sequence[tuple[str, float]], lowest: float = 0) -> None:
    """Name the rows at their heights; 0 is on top, and `lowest` the last that is drawn."""
    with style():
        near = any(below - above < 1.2 for (_, above), (_, below) in pairwise(labels))
        dense = near and len(labels) > DENSE  # no room for a second line
        shown = [label if dense else wrapped(label, 30) for label, _ in labels]
        axes.set_yticks([y for _, y in labels], shown, fontsize=8 if dense else 10)
    axes.set_ylim(max([lowest, *(y for _, y in labels)]) + 0.6, -0.6)


def _heights(pairs: Sequence[Comparison]) -> list[float]:
    """Where each comparison is drawn: those of one arm together, with a gap between arms."""
    arms = [pair.arm for pair in pairs]
    order = sorted(range(len(pairs)), key=lambda place: arms.index(arms[place]))
    heights, y = [0.0] * len(pairs), -1.0
    for before, place in zip([None, *order], order, strict=False):
        y += 1.0 if before is None or pairs[before].arm != pairs[place].arm else 0.55
        heights[place] = y
    return heights


def _centres(heights: Sequence[float], pairs: Sequence[Comparison]) -> list[tuple[str, float]]:
    """Each arm's label once, in the middle of its comparisons."""
    labels = {pair.arm: pair.label for pair in pairs}
    own = {arm: [y for y, pair in zip(heights, pairs, strict=True) if pair.arm == arm] for arm in labels}
    return [(label, sum(own[arm]) / len(own[arm])) for arm, label in labels.items()]


def _side_by_side(rows: Sequence[Any]) -> list[Any]:
    """Rows of one role together, in order of first appearance: pre-training sources stand next to each other."""
    roles = list(dict.fromkeys(row.role for row in rows))
    return sorted(rows, key=lambda row: roles.index(row.role))


def colours_of(summary: Summary) -> dict[str, str]:
    """The colour of every arm: one for each source of pre-training, ink for the others.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> colours_of(summarise(load_suite("digits"), []))["P:glyphs"]
        '#0a76b8'
    """
    sources = sources_of(summary)
    order = [source for source in dict.fromkeys(sources.values()) if source]
    return {arm: COLOURS[order.index(own) % len(COLOURS)] if own else INK for arm, own in sources.items()}


def _longer(rows: Sequence[Sequence[Comparison]]) -> list[bool]:
    return [pair.against == CONVERGED for pairs in rows for pair in pairs]


def _say_score(score: ArmScore) -> str:
    where = f"{score_name(score)}, {labels_a_class(score.budget)}"
    return f"{where}: no data" if score.mean is None else f"{where}: {score.mean:.1f} %{say_bounds(score)}"


def _say_difference(summary: Summary, pair: Comparison) -> str:
    against = ", ".join(filter(None, [pair.against, scratch_name(summary, pair)]))
    where = f"{pair.label} minus scratch ({against}), {labels_a_class(pair.budget)}"
    number = "no data" if pair.difference is None else f"{signed(pair.difference)} points{say_bounds(pair)}"
    return f"{where}: {number}, {pair.verdict}"


def say_bounds(bounds: ArmScore | Comparison) -> str:
    """An interval for whoever hears the figure.

    Example:
        >>> say_bounds(ArmScore("S", "scratch", "S", 1, "equal budget", 1, 10, 0, 0, low=40.0, high=50.0))
        ' [40.0, 50.0]'
    """
    if bounds.low is None or bounds.high is None:
        return " (no interval)"
    return f" [{bounds.low:.1f}, {bounds.high:.1f}]"
