"""The plot of label efficiency: accuracy against labels on a logarithmic axis, one line an arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.benchmarking.report.figures import COLOURS, INK, MARKERS, PAPER, colours_of, say_bounds, style
from zoo.benchmarking.report.text import labels_a_class, score_name
from zoo.benchmarking.statistics.label_efficiency import monotone_curve
from zoo.benchmarking.summary_records import CONVERGED, ArmScore, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "efficiency_figure"]

DASHES = {"S": "-", "P": "-", "F": (0, (5, 2)), "C": (0, (1, 1.6))}
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

        figure = Figure(figsize=(7.4, 4.4), layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.04))
        axes = figure.subplots()
        lines: dict[tuple[str, str], list[ArmScore]] = {}
        for score in sorted(summary.arms, key=lambda score: score.budget):
            lines.setdefault((score.arm, score.variant), []).append(score)
        colours = colours_of(summary)
        for index, ((arm, variant), scores) in enumerate(lines.items()):
            known = [score for score in scores if score.mean is not None]
            if known:
                shift = 1.0 if len(lines) == 1 else _span(summary) ** (SPREAD * (index - (len(lines) - 1) / 2))
                _line(axes, known, colours[arm], variant == CONVERGED, shift)
        _frame(axes, summary)
    figure.set_gid("zoo-efficiency")
    spoken = "; ".join(_say(score) for scores in lines.values() for score in scores)
    figure.set_label(f"Test {summary.metric} against labels, by arm\n{spoken or 'no data'}")
    return figure


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


def _frame(axes: Axes, summary: Summary) -> None:
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
    axes.set_xlabel(f"labels a class, logarithmic   (dotted: chance; bars: {summary.confidence:.0%} intervals)")
    axes.set_ylabel(f"test {summary.metric}, %")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=2.6)


def _span(summary: Summary) -> float:
    """The ratio of the largest to the smallest budget; 10 where there is only one."""
    ratio = max(summary.budgets) / min(summary.budgets)
    return float(ratio) if ratio > 1 else 10.0


def _say(score: ArmScore) -> str:
    where = f"{score_name(score)}, {labels_a_class(score.budget)}"
    return f"{where}: no data" if score.mean is None else f"{where}: {score.mean:.1f} %{say_bounds(score)}"
