"""What the plots of a report share: matplotlib's settings, their ink, and figures with a panel for each budget."""

from __future__ import annotations

import math
from textwrap import fill
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.report.text import labels_a_class
from zoo.errors import MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.benchmarking.summary_records import Summary

INK = "#1b2331"
"""Stands for the page's text colour: `svg` replaces it by `currentColor`; on a white PNG it is near-black."""
STACKED = 3
"""Up to so many label budgets have their panels one below the other."""
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "ytick.major.size": 0,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "zoo",
}


def style() -> Any:
    """A context with matplotlib's settings for every plot of a report.

    Raises:
        MissingDependency: matplotlib is not installed.

    Example:
        >>> with style():
        ...     pass
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingDependency("matplotlib", "report") from error
    return matplotlib.rc_context(STYLE)


def wrapped(label: str, width: int) -> str:
    r"""A label on as many lines as it needs; names without spaces stay whole.

    Example:
        >>> wrapped("vit_small_patch16_224.dino, fine-tuned", 30)
        'vit_small_patch16_224.dino,\nfine-tuned'
    """
    return fill(label, width, break_long_words=False, break_on_hyphens=False)


def sources_of(summary: Summary) -> dict[str, str]:
    """The source of pre-training of every arm: what follows the colon in its id; empty where it has none.

    A scratch arm of one architecture goes with the only source that it is compared with, and with none of several.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> sources = sources_of(summarise(load_suite("digits"), []))
        >>> sources["P:glyphs"], sources["S"]
        ('glyphs', '')
    """
    found = {score.arm: score.arm.partition(":")[2] for score in summary.arms}
    for scratch in [arm for arm in found if ":" in arm]:
        own = {found[pair.arm] for pair in summary.comparisons if pair.baseline == scratch and pair.role != "R"} - {""}
        if own:
            found[scratch] = own.pop() if len(own) == 1 else ""
    return found


def columns_of(summary: Summary) -> int:
    """How many panels stand side by side: one, with room for words beside it, unless there are many label budgets."""
    return 1 if len(summary.budgets) <= STACKED else 3


def panel_title(budget: int, columns: int) -> str:
    """The budget over its panel, short where `columns` panels share the width.

    Example:
        >>> panel_title(10, 1), panel_title(10, 6)
        ('10 labels a class', '10 labels')
    """
    return labels_a_class(budget) if columns <= 2 else labels_a_class(budget).removesuffix(" a class")


def panelled(summary: Summary, height: float, name: str, title: str, spoken: str) -> tuple[Figure, list[Axes]]:
    """A figure with one panel for each budget, all with the same axes; `height` in inches each."""
    with style():
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        columns = columns_of(summary)
        rows = max(math.ceil(len(summary.budgets) / columns), 1)
        layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.04)
        figure = Figure(figsize=(7.4, (height + 0.6) * rows + 0.35), layout=layout)
        grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
        panels = [axes for line in grid for axes in line][: len(summary.budgets)]
        for spare in [axes for line in grid for axes in line][len(summary.budgets) :]:
            spare.remove()
        for place, (axes, budget) in enumerate(zip(panels, summary.budgets, strict=True)):
            axes.set_title(panel_title(budget, columns), loc="left", fontweight="bold", pad=8)
            axes.patch.set_alpha(0)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.spines["bottom"].set_alpha(0.4)
            axes.tick_params(axis="x", labelbottom=True, color=INK, length=3)
            axes.tick_params(axis="y", labelleft=place % columns == 0)
            axes.grid(axis="x", color=INK, alpha=0.1, linewidth=0.8)
            axes.set_axisbelow(True)
    figure.set_gid(name)
    figure.set_label(f"{title}\n{spoken or 'no data'}")
    return figure, panels


def below(figure: Figure, panels: Sequence[Axes], text: str) -> None:
    """The name of the x axis: under the last panel where they are stacked, else once for all of them."""
    with style():
        if len(panels) > STACKED:
            figure.supxlabel(text, fontsize=10)
        elif panels:
            panels[-1].set_xlabel(text)
