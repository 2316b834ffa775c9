"""The report as one self-contained HTML page; its frame and style are page.html."""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from zoo.benchmarking.report import definitions, evidence, text
from zoo.benchmarking.report.costs import break_even_table, cost_definitions, cost_table
from zoo.benchmarking.report.figures import svg
from zoo.benchmarking.report.plots import PLOTS
from zoo.errors import MissingDependency
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.benchmarking.report.text import Table
    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Summary

LOOK = {
    "helps": ("up", "\N{BLACK UP-POINTING TRIANGLE}"),
    "leans up": ("up", "\N{WHITE UP-POINTING TRIANGLE}"),
    "hurts": ("down", "\N{BLACK DOWN-POINTING TRIANGLE}"),
    "leans down": ("down", "\N{WHITE DOWN-POINTING TRIANGLE}"),
    "no difference": ("same", "="),
}
"""Class and sign of a verdict in HTML; all others are grey. The word itself is always printed."""

LONG = 40
"""A table with more rows scrolls within a box, under its own head."""


def render_html(suite: Suite, summary: Summary) -> str:
    """The whole report as one HTML page that loads nothing. Without matplotlib it has no plots, and says so.

    Raises:
        KeyError: the template names a part that is not filled (a packaging error).

    Source:
        Tables and landmarks: W3C, WCAG 2.2 and the WAI tables tutorial.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> render_html(load_suite("digits"), summarise(load_suite("digits"), []))[:15]
        '<!doctype html>'
    """
    template = resources.files("zoo.benchmarking.report").joinpath("page.html").read_text(encoding="utf-8")
    opening, stories = text.answer(summary)
    spoken = [f"<strong>{escape(label)}</strong>: {escape(story)}" for label, story in stories]
    answer = f'<p class="lead">{escape(opening)}</p>\n{_list(spoken)}\n{_quiet(definitions.cautions(summary))}'
    return Template(template).substitute(
        title=escape(suite.title),
        about=escape(" ".join(suite.about.split())),
        counts=escape(text.counts(suite, summary)),
        answer=answer,
        sections="\n".join(_sections(suite, summary)),
        version=escape(__version__),
        rows=summary.totals.rows,
    )


def _sections(suite: Suite, summary: Summary) -> Iterable[str]:
    yield _section("Difference from scratch", _plot("differences.png", summary),
                   _html_table(text.verdict_table(summary)),
                   _definitions(definitions.verdict_definitions(summary)))  # fmt: skip
    yield _section("Test scores", _plot("scores.png", summary), _html_table(text.score_table(summary)),
                   _definitions(definitions.score_definitions(summary)))  # fmt: skip
    yield _section("What pre-training is worth in labels", _plot("efficiency.png", summary),
                   _html_table(evidence.efficiency_table(summary)),
                   _definitions(definitions.efficiency_definitions(summary)))  # fmt: skip
    if summary.pairs:
        yield _section("Pre-trained arms against each other", _html_table(evidence.pair_table(summary)),
                       _html_table(evidence.best_table(summary)),
                       _definitions(definitions.pair_definitions(summary)))  # fmt: skip
    yield _section("Cost", _plot("cost.png", summary), _html_table(cost_table(summary)), _break_even(summary),
                   _definitions(cost_definitions()))  # fmt: skip
    leakage = f"<p><strong>Leakage</strong>: {escape(suite.leakage)}.</p>"
    yield _section("What the gain rests on", f"<p>{escape(' '.join(suite.rests_on.split()))}</p>", leakage)
    yield _section("Sources and licences", _definitions(text.origins(suite)))
    yield _section("Search", _plot("search.png", summary), _html_table(text.search_table(summary)),
                   _definitions(definitions.search_definitions()))  # fmt: skip
    warned = _list(map(escape, text.warnings(summary))) or "<p>No warnings.</p>"
    failed = _html_table(text.failure_table(summary)) if summary.failures else "<p>No cell failed.</p>"
    yield _section("Warnings and failures", warned, failed)
    where = "".join(f"<h3>{e.rows} rows</h3>{_definitions([(k, text.shown(v)) for k, v in e.facts.items()])}"
                    for e in summary.environments)  # fmt: skip
    yield _section("Environment", where or "<p>Not recorded.</p>")
    yield _section("How to re-run a row", _list(_code(escape(step)) for step in text.rerun(suite)))


def _break_even(summary: Summary) -> str:
    return _html_table(break_even_table(summary)) if summary.break_evens else ""


def _plot(name: str, summary: Summary) -> str:
    """One of `PLOTS` with its caption; a note where matplotlib is not installed."""
    plot = PLOTS[name]
    try:
        drawn = svg(plot.draw(summary))
    except MissingDependency as error:
        return f'<p class="meta">No plot: {escape(str(error))}</p>'
    return (
        f'<figure><div class="plot-box" tabindex="0" role="group" aria-label="Plot, scrolls sideways">{drawn}</div>'
        f"<figcaption>{escape(plot.caption)}</figcaption></figure>"
    )


def _section(title: str, *parts: str) -> str:
    name = re.sub(r"[^a-z]+", "-", title.lower())
    return (
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(title)}</h2>\n'
        + "\n".join(parts)
        + "\n</section>"
    )


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col"{_number(table, name)}>{escape(name)}</th>' for name in table.head)
    bodies = []
    for heading, rows in table.groups:
        first = f'<tr><th scope="rowgroup" colspan="{len(table.head)}">{escape(heading)}</th></tr>'
        empty = f'<tr><td colspan="{len(table.head)}">no rows</td></tr>'
        bodies.append(f"<tbody>{first}{''.join(_html_row(table, row) for row in rows) or empty}</tbody>")
    tall = " tall" if sum(len(rows) for _, rows in table.groups) > LONG else ""
    return (
        f'<div class="scroll{tall}" tabindex="0" role="region" aria-label="{escape(table.caption)}">\n<table>'
        f"<caption><span>{escape(table.caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n"
        + "\n".join(bodies)
        + "</table></div>"
    )


def _html_row(table: Table, row: tuple[str, ...]) -> str:
    cells = [f'<th scope="row">{escape(row[0])}</th>']
    for name, value in zip(table.head[1:], row[1:], strict=True):
        if name == "Verdict":
            look, sign = LOOK.get(value, ("open", "?"))
            shown = f'<span class="verdict {look}"><span aria-hidden="true">{sign}</span> {escape(value)}</span>'
        else:
            shown = escape(value)
        style = ' class="long"' if name == "Reason" else _number(table, name)
        cells.append(f"<td{style}>{shown}</td>")
    return f"<tr>{''.join(cells)}</tr>\n"


def _number(table: Table, name: str) -> str:
    return ' class="num"' if name in table.numeric else ""


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "\n".join(f"<div><dt>{escape(term)}</dt><dd>{escape(meaning)}</dd></div>" for term, meaning in pairs)
    return f"<dl>\n{rows}\n</dl>"


def _list(items: Iterable[str]) -> str:
    """A list of texts that are HTML already; nothing where there are none."""
    entries = "\n".join(f"<li>{item}</li>" for item in items)
    return f"<ul>\n{entries}\n</ul>" if entries else ""


def _quiet(sentences: Iterable[str]) -> str:
    return f'<p class="meta">{escape(" ".join(sentences))}</p>'


def _code(html: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
