"""The plot of cost against quality: FLOPs of search and final runs, and the test score that they bought."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.report.costs import amount, cost_name
from zoo.benchmarking.report.figures import MARKERS, PAPER, colours_of
from zoo.benchmarking.report.panels import INK, below, columns_of, panelled, style, wrapped
from zoo.benchmarking.report.text import labels_a_class
from zoo.benchmarking.summary_records import CONVERGED, ArmCost, ArmScore, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP, LOW, HIGH = 8.0, 3.0, 102.0  # points of score: between two names, and the lowest and highest place of one
NAMED = 12
"""Up to so many arms have their names beside their marks; more have a legend."""

Point = tuple[ArmScore, ArmCost, float]
"""An arm, what it cost, and where it stands on the x axis."""


def cost_figure(summary: Summary) -> Figure:
    """Mean test score against FLOPs (log axis) of every arm, with intervals; one panel for each label budget.

    Names stand beside the marks, or in a legend where there are many arms or budgets.

    Arms whose network did nothing (a classical baseline) stand at the left, at "0". Arms whose rows do not say what
    they took, or have no score, are left out and named in the description.

    Raises:
        MissingDependency: matplotlib is not installed.

    Source:
        `zoo.benchmarking.cost.arm_costs`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> [len(axes.lines) for axes in cost_figure(summarise(load_suite("digits"), [])).axes]
        [0, 0]
    """
    spoken = "; ".join(_say(summary, cost) for cost in summary.costs)
    figure, panels = panelled(summary, 2.3, "zoo-cost", f"Test {summary.metric} against cost", spoken)
    points, none = _points(summary)
    most = max((sum(point[1].budget == budget for point in points) for budget in summary.budgets), default=0)
    named = columns_of(summary) == 1 and most <= NAMED
    for axes, budget in zip(panels, summary.budgets, strict=True):
        here = [point for point in points if point[1].budget == budget]
        _draw(axes, here, colours_of(summary))
        _frame(axes, summary, here, points, none)
        if named:
            _name(axes, here)
    if not named:
        _legend(figure, points, colours_of(summary))
    below(figure, panels, "FLOPs of search and final runs")
    return figure


def _points(summary: Summary) -> tuple[list[Point], float]:
    """Every arm that has both a cost and a score, and the place of an arm that cost no FLOPs."""
    scores = {(score.arm, score.budget, score.variant): score for score in summary.arms if score.mean is not None}
    pairs = [
        (scores[key], cost, cost.total.flops)
        for cost in summary.costs
        if cost.total.flops is not None and (key := (cost.arm, cost.budget, cost.variant)) in scores
    ]
    least = min((flops for _, _, flops in pairs if flops), default=10)
    none = 10.0 ** (math.floor(math.log10(least)) - 1)
    return [(score, cost, float(flops) or none) for score, cost, flops in pairs], none


def _draw(axes: Axes, points: Sequence[Point], colours: dict[str, str]) -> None:
    for score, cost, x in points:
        colour, y = colours[score.arm], float(score.mean or 0)
        if score.low is not None and score.high is not None:
            axes.plot([x, x], [score.low, score.high], color=colour, linewidth=2.2, solid_capstyle="round", zorder=3)
        face = PAPER if cost.variant == CONVERGED else colour
        axes.plot([x], [y], MARKERS.get(score.role, "o"), color=colour, markerfacecolor=face, markersize=7, zorder=4)


def _name(axes: Axes, points: Sequence[Point]) -> None:
    """Names of the arms in a column to the right, each with a thin line to its mark."""
    heights = _spread([float(score.mean or 0) for score, _, _ in points])
    edge = axes.get_xlim()[1]
    place: Any = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    with style():
        for (score, cost, x), height in zip(points, heights, strict=True):
            y = float(score.mean or 0)
            axes.plot([x, edge], [y, height], color=INK, alpha=0.3, linewidth=0.8, zorder=2, label="_leader")
            axes.annotate(cost_name(cost), (edge, height), fontsize=9, **place)


def _legend(figure: Figure, points: Sequence[Point], colours: dict[str, str]) -> None:
    """Every arm's mark and name once, below all panels."""
    from matplotlib.lines import Line2D

    handles = []
    for score, cost in {(cost.arm, cost.variant): (score, cost) for score, cost, _ in points}.values():
        colour, name = colours[score.arm], wrapped(cost_name(cost), 46)
        face = PAPER if cost.variant == CONVERGED else colour
        handles.append(Line2D([], [], linestyle="", marker=MARKERS.get(score.role, "o"), color=colour,
                              markerfacecolor=face, label=name))  # fmt: skip
    with style():
        figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    wide, tall = figure.get_size_inches()
    figure.set_size_inches(wide, tall + 0.1 * len(handles))


def _frame(axes: Axes, summary: Summary, here: Sequence[Point], points: Sequence[Point], none: float) -> None:
    with style():
        axes.set_xscale("log")
        axes.set_ylim(0, 105)
        if axes.yaxis.get_tick_params()["labelleft"]:
            axes.set_ylabel(f"test {summary.metric}, %")
        axes.grid(axis="y", color=INK, alpha=0.1, linewidth=0.8)
        if here:
            axes.axhline(summary.chance, color=INK, alpha=0.45, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
        else:
            axes.text(0.5, 0.5, "FLOPs not recorded", transform=axes.transAxes, ha="center", va="center")
        axes.minorticks_off()
        most = max((x for _, _, x in points), default=none) * 2
        axes.set_xlim(none / 1.6, most)
        exponents = range(round(math.log10(none)), math.floor(math.log10(most)) + 1)
        ticks = [10.0**exponent for exponent in exponents][:: 1 if columns_of(summary) == 1 else 2] if points else []
        axes.set_xticks(ticks, ["0" if tick == none else amount(tick) for tick in ticks])


def _spread(heights: Sequence[float]) -> list[float]:
    """The heights, moved as little as it takes for neighbours to be `GAP` apart and all to stay within the panel.

    Example:
        >>> _spread([50.0, 52.0, 90.0, 0.0])
        [47.0, 55.0, 90.0, 3.0]
    """
    moved = [min(max(height, LOW), HIGH) for height in heights]
    order = sorted(range(len(moved)), key=lambda index: (heights[index], index))
    for _ in range(100):  # neighbours give way to each other
        for low, high in pairwise(order):
            short = max(GAP - (moved[high] - moved[low]), 0.0)
            moved[low] -= short / 2
            moved[high] += short / 2
    for place, index in enumerate(order):  # then all move into the panel
        below = moved[order[place - 1]] + GAP if place else LOW
        moved[index] = max(moved[index], below)
    for place, index in enumerate(reversed(order)):
        above = moved[order[-place]] - GAP if place else HIGH
        moved[index] = min(moved[index], above)
    return moved


def _say(summary: Summary, cost: ArmCost) -> str:
    where = f"{cost_name(cost)}, {labels_a_class(cost.budget)}"
    if cost.total.flops is None:
        return f"{where}: FLOPs not recorded"
    key = (cost.arm, cost.budget, cost.variant)
    mean = next((score.mean for score in summary.arms if (score.arm, score.budget, score.variant) == key), None)
    return f"{where}: {amount(cost.total.flops)} FLOPs, {'no score' if mean is None else f'{mean:.1f} %'}"
