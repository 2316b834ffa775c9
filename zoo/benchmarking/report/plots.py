"""The plots of a report, by the name of their file: how each is drawn, what it shows in words, and its caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.benchmarking.report.figures import accuracy_figure, difference_figure
from zoo.benchmarking.report.figures_cost import cost_figure
from zoo.benchmarking.report.figures_efficiency import efficiency_figure
from zoo.benchmarking.report.figures_search import search_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from zoo.benchmarking.summary_records import Summary


@dataclass(frozen=True)
class Plot:
    """A plot: `draw` makes its figure, `alt` says what it shows, `caption` how to read it."""

    draw: Callable[[Summary], Figure]
    alt: str
    caption: str


PLOTS = {
    "differences.png": Plot(
        difference_figure,
        "Difference from scratch by arm and label budget",
        "Dots: mean difference from scratch. Bars: intervals. Shaded: the margin.",
    ),
    "scores.png": Plot(
        accuracy_figure,
        "Test score by arm and label budget",
        "Dots: mean test score. Bars: intervals. Dotted: chance.",
    ),
    "efficiency.png": Plot(
        efficiency_figure,
        "Test score against labels, by arm",
        "Marks: mean test score, side by side at each budget. Bars: intervals. Lines: the fitted curves. "
        "Hollow: converged scratch. Dashed: frozen.",
    ),
    "cost.png": Plot(
        cost_figure,
        "Test score against cost",
        "Marks: mean test score. Bars: intervals. Hollow: scratch with all its schedules. Dotted: chance.",
    ),
    "search.png": Plot(
        search_figure,
        "Validation score by searched value, arm and label budget",
        "Lines: mean validation score over the tuning seeds. Large marks: the chosen value. Ring and arrow: it lies on "
        "the edge of what was tried, and a better one may lie where the arrow points. Cross at the bottom: failed.",
    ),
}
"""In the order of the report."""
