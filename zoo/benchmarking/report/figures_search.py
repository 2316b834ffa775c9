"""The plot of the search: validation score against the searched value, to judge by eye whether it was fair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.report.figures import MARKERS, PAPER, colours_of
from zoo.benchmarking.report.panels import INK, panel_title, sources_of, style
from zoo.benchmarking.report.text import labels_a_class, search_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.benchmarking.summary_records import Search, Summary

CROWD = 7
"""A row of panels with more lines than this is split: one row for each source of pre-training."""
OPTIONS = {"lr": "learning rate", "penalty": "inverse penalty C", "k": "neighbours k"}
LEAST = 10.0  # points of score that an axis spans at least, so that a flat search looks flat
TO_LEFT, TO_RIGHT = 8, 9  # matplotlib's CARETLEFTBASE and CARETRIGHTBASE: triangles whose base is at the point
SCHEDULES = ("-", (0, (4, 1.5)), (0, (1, 1.3)))

WIDTH, PANEL, LEFT, GAP = 7.4, 1.25, 0.62, 0.16  # inches: figure, height of a panel, left margin, between panels
LINE, HEAD, FOOT, EDGE = 0.17, 0.3, 0.58, 0.12  # inches: a line of names, titles, what is below panels; without these


@dataclass(frozen=True)
class Row:
    """What one row of panels shows: an option that is searched, and the searches of all budgets.

    The `first` row of an option names the budgets, the `last` one the searched values.
    """

    option: str
    searches: tuple[Search, ...]
    first: bool = True
    last: bool = True

    @property
    def lines(self) -> tuple[Search, ...]:
        """One search for each line: arms and schedules, whatever the budget."""
        return tuple({(search.arm, search.schedule): search for search in self.searches}.values())

    @property
    def columns(self) -> int:
        """How many names of lines stand side by side."""
        longest = max(len(search_name(search)) for search in self.lines)
        return max(1, min(4, len(self.lines), int((WIDTH - LEFT) / (0.064 * longest + 0.62))))


def search_figure(summary: Summary) -> Figure:
    """Mean validation score (percent) of every searched value (log axis), one line for each arm and schedule.

    A column of panels for each label budget and a row for each searched option, its axes shared; rows that would be
    crowded are split by source of pre-training. The chosen value has a large mark. Where it lies at the end of what was
    tried, it wears a ring and an arrow that points to where a better value may lie. A value with a failed run has no
    score and breaks the line: a cross at the bottom.

    Raises:
        MissingDependency: matplotlib is not installed.

    Source:
        `zoo.benchmarking.search.choose`.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> len(search_figure(summarise(load_suite("digits"), [])).axes)
        0
    """
    with style():
        from matplotlib.figure import Figure

        rows = _rows(summary)
        budgets = [b for b in summary.budgets if any(search.budget == b for search in summary.searches)]
        figure = Figure(figsize=(WIDTH, sum(_height(row) for row in rows) or 0.6))
        figure.set_gid("zoo-search")
        spoken = "; ".join(_say(search) for search in summary.searches)
        figure.set_label(f"Validation {summary.metric} by searched value\n{spoken or 'no data'}")
        if not rows:
            figure.text(0.5, 0.5, "no search yet", ha="center", va="center")
        colours, dashes = colours_of(summary), _dashes(summary)
        top = figure.get_figheight()
        for row in rows:
            _row(figure, row, budgets, top, colours, dashes)
            top -= _height(row)
    return figure


def _row(
    figure: Figure, row: Row, budgets: Sequence[int], top: float, colours: dict[str, str], dashes: dict[int, Any]
) -> None:
    """A row of panels, one for each budget, under the names of its lines; `top` in inches from below."""
    tall, columns = figure.get_figheight(), len(budgets)
    wide = (WIDTH - LEFT - GAP * (columns - 1) - 0.1) / columns
    low = (top - _height(row) + _foot(row)) / tall
    panels = [figure.add_axes((_share(LEFT + place * (wide + GAP)), low, _share(wide), PANEL / tall))
              for place in range(columns)]  # fmt: skip
    _frame(panels, row, columns)
    for axes, budget in zip(panels, budgets, strict=True):
        if row.first:
            axes.set_title(
                panel_title(budget, columns), loc="left", fontweight="bold", fontsize=10 if columns <= 3 else 9, pad=5
            )
        for place, search in enumerate(search for search in row.searches if search.budget == budget):
            _line(axes, search, colours[search.arm], dashes[search.schedule])
            _failed(axes, search, colours[search.arm], place)
    handles = [_handle(search, colours[search.arm], dashes[search.schedule]) for search in row.lines]
    figure.legend(handles=handles, frameon=False, fontsize=9, loc="upper left", ncols=row.columns, borderpad=0,
                  bbox_to_anchor=(_share(LEFT - 0.06), (top - 0.08) / tall), handlelength=2.4, borderaxespad=0,
                  labelspacing=0.35)  # fmt: skip


def _share(inches: float) -> float:
    return inches / WIDTH


def _rows(summary: Summary) -> list[Row]:
    rows: list[Row] = []
    for option in dict.fromkeys(search.option for search in summary.searches):
        whole = Row(option, tuple(search for search in summary.searches if search.option == option))
        if len(whole.lines) <= CROWD:
            rows.append(whole)
            continue
        own = sources_of(summary)
        sources = list(dict.fromkeys(own[search.arm] for search in whole.searches))
        rows += [
            Row(option, tuple(s for s in whole.searches if own[s.arm] == name), name == sources[0], name == sources[-1])
            for name in sources
        ]
    return rows


def _height(row: Row) -> float:
    """In inches: names, titles, panels, ticks and the name of the x axis."""
    return 0.12 + LINE * math.ceil(len(row.lines) / row.columns) + (HEAD if row.first else EDGE) + PANEL + _foot(row)


def _foot(row: Row) -> float:
    return FOOT if row.last else EDGE


def _dashes(summary: Summary) -> dict[int, Any]:
    schedules = sorted({search.schedule for search in summary.searches})
    return {schedule: SCHEDULES[min(place, len(SCHEDULES) - 1)] for place, schedule in enumerate(schedules)}


def _line(axes: Axes, search: Search, colour: str, dash: Any) -> None:
    marker = MARKERS.get(search.arm[0], "o")
    values = [trial.value for trial in search.trials]
    scores = [math.nan if trial.score is None else trial.score for trial in search.trials]
    axes.plot(values, scores, color=colour, linewidth=1.4, linestyle=dash, alpha=0.85, zorder=2, label="_curve")
    axes.plot(values, scores, marker, markersize=3.2, linestyle="", color=colour, zorder=3)
    for trial in search.trials:
        if trial.chosen and trial.score is not None:
            axes.plot([trial.value], [trial.score], marker, markersize=7.5, markeredgewidth=1, color=colour,
                      markeredgecolor=PAPER, zorder=5, label="_chosen")  # fmt: skip
            if search.lr_edge:
                _edge(axes, search, trial.value, trial.score, colour)


def _edge(axes: Axes, search: Search, value: float, score: float, colour: str) -> None:
    """A ring round the chosen mark, and a triangle beside it that points out of what was tried."""
    from matplotlib.transforms import offset_copy

    right = value == search.trials[-1].value
    beside = offset_copy(axes.transData, axes.get_figure(root=True), x=9.5 if right else -9.5, units="points")
    place: Any = {"color": colour, "clip_on": False, "zorder": 6}
    axes.plot([value], [score], "o", markersize=12, markerfacecolor="none", markeredgewidth=1.3, **place,
              label="_edge")  # fmt: skip
    axes.plot([value], [score], marker=TO_RIGHT if right else TO_LEFT, markersize=6, transform=beside,
              **place, label="_arrow")  # fmt: skip


def _failed(axes: Axes, search: Search, colour: str, place: int) -> None:
    """Crosses just above the bottom, each line of a panel on a level of its own."""
    values = [trial.value for trial in search.trials if trial.score is None]
    if values:
        height = [0.05 + 0.06 * place] * len(values)
        axes.plot(values, height, "x", markersize=6, markeredgewidth=1.8, color=colour, zorder=4,
                  transform=axes.get_xaxis_transform(), label="_failed")  # fmt: skip


def _frame(panels: Sequence[Axes], row: Row, columns: int) -> None:
    from matplotlib.ticker import MaxNLocator, NullLocator

    values = [trial.value for search in row.searches for trial in search.trials]
    scores = [t.score for search in row.searches for t in search.trials if t.score is not None] or [0.0, 100.0]
    middle, half = (min(scores) + max(scores)) / 2, max(max(scores) - min(scores), LEAST) / 2
    wider = 4.0 if columns <= 3 else 8.0
    least, most = min(values) / wider, max(values) * wider
    ticks = _decades(min(values), max(values), 5 if columns <= 2 else 3 if columns <= 4 else 2)
    for axes in panels:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(least, most)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_ylim(middle - 1.4 * half, middle + 1.25 * half)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.patch.set_alpha(0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_alpha(0.4)
        axes.tick_params(axis="x", color=INK, length=3)
        axes.tick_params(labelsize=9, labelleft=axes is panels[0], labelbottom=row.last)
        axes.grid(color=INK, alpha=0.1, linewidth=0.8)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("validation, %", fontsize=9)
    panels[0].yaxis.set_label_coords(-(LEFT - 0.22) / (panels[0].get_position().width * WIDTH), 0.5)
    if row.last:
        panels[0].set_xlabel(f"{OPTIONS.get(row.option, row.option)}, logarithmic", loc="left", fontsize=9)


def _decades(least: float, most: float, number: int) -> list[float]:
    """Powers of ten between two values, thinned to about `number`.

    Example:
        >>> _decades(0.0005, 3.0, 2)
        [0.001, 0.1]
    """
    powers = range(math.ceil(math.log10(least)), math.floor(math.log10(most)) + 1)
    return [10.0**power for power in powers[:: math.ceil(len(powers) / number)]]


def _handle(search: Search, colour: str, dash: Any) -> Artist:
    """What stands beside a line's name."""
    from matplotlib.lines import Line2D

    marker = MARKERS.get(search.arm[0], "o")
    return Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=5, label=search_name(search))


def _say(search: Search) -> str:
    """What one line shows, for whoever hears the figure."""
    where = f"{search_name(search)}, {labels_a_class(search.budget)}, {search.option}"
    said = [
        f"{trial.value:g}: {'failed' if trial.score is None else f'{trial.score:.1f} %'}" for trial in search.trials
    ]
    chosen = next((trial for trial in search.trials if trial.chosen), None)
    if chosen is None:
        return f"{where}, {', '.join(said)}"
    side = "highest" if chosen.value == search.trials[-1].value else "lowest"
    edge = f", the {side} that was tried, so a better one may lie beyond" if search.lr_edge else ""
    return f"{where}, {', '.join(said)}; chosen {chosen.value:g}{edge}"
