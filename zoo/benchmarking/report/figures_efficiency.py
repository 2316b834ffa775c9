"""The plot of label efficiency: accuracy against labels on a logarithmic axis, one line an arm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmarking.report.figures import MARKERS, PAPER, colours_of, say_bounds
from zoo.benchmarking.report.panels import INK, sources_of, style, wrapped
from zoo.benchmarking.report.text import labels_a_class, score_name
from zoo.benchmarking.statistics.label_efficiency import monotone_curve
from zoo.benchmarking.summary_records import CONVERGED, ArmScore, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROWD = 9
"""More lines than this are split: a panel for each source of pre-training."""
DASHES = {
    "S": "-",
    "P": "-",
    "F": (0, (5, 2)),
    "M": (0, (4, 1.5, 1, 1.5)),
    "C": (0, (1, 1.6)),
    "R": (0, (6, 1.5, 1, 1.5)),
}
"""How each role's line is drawn: shape repeats what colour says."""
SPREAD = 0.018
"""How far apart the marks stand at one budget, as a share of the axis, so that intervals do not hide each other."""


def efficiency_figure(summary: Summary) -> Figure:
    """Mean test score (percent) with its interval against labels a class (log axis), with the fitted curves.

    Read it sideways: where scratch reaches an arm's height, the ratio of labels is the label-efficiency factor.

    Raises:
        MissingDependency: matplotlib is not installed.

    Source:
        Curves: `zoo.benchmarking.statistics.label_efficiency.monotone_curve`; intervals: `mean_interval`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> len(efficiency_figure(summarise(load_suite("digits"), [])).axes)
        1
    """
    with style():
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        lines: dict[tuple[str, str], list[ArmScore]] = {}
        for score in sorted(summary.arms, key=lambda score: score.budget):
            lines.setdefault((score.arm, score.variant), []).append(score)
        groups = _groups(summary, lines)
        rows = math.ceil(len(groups) / 3)
        layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.04)
        height = 4.4 if len(groups) == 1 else rows * (2.2 + 0.3 * max(map(len, groups)))
        figure = Figure(figsize=(7.4, height), layout=layout)
        grid = figure.subplots(rows, min(len(groups), 3), sharex=True, sharey=True, squeeze=False)
        panels = [axes for row in grid for axes in row]
        for spare in panels[len(groups) :]:
            spare.remove()
        colours = colours_of(summary)
        for axes, group in zip(panels, groups, strict=False):
            for index, scores in enumerate(group):
                known = [score for score in scores if score.mean is not None]
                if known:
                    shift = 1.0 if len(group) == 1 else _span(summary) ** (SPREAD * (index - (len(group) - 1) / 2))
                    _line(axes, known, colours[scores[0].arm], scores[0].variant == CONVERGED, shift)
            _frame(axes, summary, alone=len(groups) == 1)
        for axes in grid[:, 0]:
            axes.set_ylabel(f"test {summary.metric}, %")
        if len(groups) > 1:
            figure.supxlabel(_axis_name(summary), fontsize=10)
    figure.set_gid("zoo-efficiency")
    spoken = "; ".join(_say(score) for scores in lines.values() for score in scores)
    figure.set_label(f"Test {summary.metric} against labels, by arm\n{spoken or 'no data'}")
    return figure


def _groups(summary: Summary, lines: dict[tuple[str, str], list[ArmScore]]) -> list[list[list[ArmScore]]]:
    """The lines of each panel: all in one, or one for each source of pre-training where they would be a crowd.

    Each panel holds the scratch arm that its arms are compared with, and all that have no source (the classical one).
    """
    if len(lines) <= CROWD:
        return [list(lines.values())]
    sources = sources_of(summary)
    compared = {(sources[pair.arm], pair.baseline) for pair in summary.comparisons}
    scratch = {baseline for _, baseline in compared}
    chosen = [
        [
            scores
            for (arm, _), scores in lines.items()
            if (source, arm) in compared or (sources[arm] in ("", source) and arm not in scratch)
        ]
        for source in dict.fromkeys(sources[arm] for arm, _ in lines)
        if source
    ]
    return chosen or [list(lines.values())]


def _line(axes: Axes, scores: list[ArmScore], colour: str, hollow: bool, shift: float) -> None:
    budgets = [float(score.budget) for score in scores]
    means = [float(score.mean or 0.0) for score in scores]
    role = scores[0].role
    if len(scores) > 1:
        grid = np.geomspace(budgets[0], budgets[-1], 60)
        drawn = monotone_curve(budgets, means)(grid)
        axes.plot(grid, drawn, color=colour, linewidth=1.6, linestyle=DASHES.get(role, "-"), alpha=0.85, zorder=2)
    for score, mean in zip(scores, means, strict=True):
        x = score.budget * shift
        if score.low is not None and score.high is not None:
            axes.plot([x, x], [score.low, score.high], color=colour, linewidth=2, solid_capstyle="round", zorder=3)
        face = PAPER if hollow else colour
        axes.plot([x], [mean], MARKERS.get(role, "o"), color=colour, markerfacecolor=face, markersize=6.5, zorder=4)
    label = score_name(scores[0]) if scores[0].variant != CONVERGED else f"{scores[0].label}, converged"
    face = PAPER if hollow else colour
    axes.plot([], [], MARKERS.get(role, "o"), linestyle=DASHES.get(role, "-"), color=colour, markerfacecolor=face,
              label=label)  # fmt: skip


def _axis_name(summary: Summary) -> str:
    return f"labels a class, logarithmic   (dotted: chance; bars: {summary.confidence:.0%} intervals)"


def _frame(axes: Axes, summary: Summary, alone: bool) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_alpha(0.4)
    axes.tick_params(color=INK, length=3)
    axes.grid(color=INK, alpha=0.1, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    budgets = sorted(summary.budgets)
    axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
    margin = _span(summary) ** 0.09
    axes.set_xlim(budgets[0] / margin, budgets[-1] * margin)
    axes.axhline(summary.chance, color=INK, alpha=0.45, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    if alone:
        axes.set_xlabel(_axis_name(summary))
    axes.tick_params(labelbottom=True)
    if axes.get_legend_handles_labels()[0]:
        place: Any = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)} if alone else \
            {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderpad": 0.2}  # fmt: skip
        handles, labels = axes.get_legend_handles_labels()
        names = [wrapped(label, 27) for label in labels]
        axes.legend(handles, names, frameon=False, fontsize=9 if alone else 8, handlelength=2.6, **place)


def _span(summary: Summary) -> float:
    """The ratio of the largest to the smallest budget; 10 where there is only one."""
    ratio = max(summary.budgets) / min(summary.budgets)
    return float(ratio) if ratio > 1 else 10.0


def _say(score: ArmScore) -> str:
    where = f"{score_name(score)}, {labels_a_class(score.budget)}"
    return f"{where}: no data" if score.mean is None else f"{where}: {score.mean:.1f} %{say_bounds(score)}"
