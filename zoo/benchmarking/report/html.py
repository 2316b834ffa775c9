"""The report as one self-contained HTML page; its frame and style are page.html."""

from __future__ import annotations

from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from zoo.benchmarking.report import definitions, evidence, text
from zoo.benchmarking.report.costs import break_even_table, cost_definitions, cost_table
from zoo.benchmarking.report.figures import svg
from zoo.benchmarking.report.parts import bullets, code, definition_list, html_table, quiet, section
from zoo.benchmarking.report.plots import PLOTS
from zoo.errors import MissingDependency
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Summary


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
    answer = f'<p class="lead">{escape(opening)}</p>\n{bullets(spoken)}\n{quiet(definitions.cautions(summary))}'
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
    yield section("Difference from scratch", _plot("differences.png", summary),
                   html_table(text.verdict_table(summary)),
                   definition_list(definitions.verdict_definitions(summary)))  # fmt: skip
    yield section("Test scores", _plot("scores.png", summary), html_table(text.score_table(summary)),
                   definition_list(definitions.score_definitions(summary)))  # fmt: skip
    yield section("What pre-training is worth in labels", _plot("efficiency.png", summary),
                   html_table(evidence.efficiency_table(summary)),
                   definition_list(definitions.efficiency_definitions(summary)))  # fmt: skip
    if summary.pairs:
        yield section("Pre-trained arms against each other", html_table(evidence.pair_table(summary)),
                       html_table(evidence.best_table(summary)),
                       definition_list(definitions.pair_definitions(summary)))  # fmt: skip
    yield section("Cost", _plot("cost.png", summary), html_table(cost_table(summary)), _break_even(summary),
                   definition_list(cost_definitions()))  # fmt: skip
    leakage = f"<p><strong>Leakage</strong>: {escape(suite.leakage)}.</p>"
    yield section("What the gain rests on", f"<p>{escape(' '.join(suite.rests_on.split()))}</p>", leakage)
    yield section("Sources and licences", definition_list(text.origins(suite)))
    yield section("Search", _plot("search.png", summary), html_table(text.search_table(summary)),
                   definition_list(definitions.search_definitions()))  # fmt: skip
    warned = bullets(map(escape, text.warnings(summary))) or "<p>No warnings.</p>"
    failed = html_table(text.failure_table(summary)) if summary.failures else "<p>No cell failed.</p>"
    yield section("Warnings and failures", warned, failed)
    where = "".join(f"<h3>{e.rows} rows</h3>{definition_list([(k, text.shown(v)) for k, v in e.facts.items()])}"
                    for e in summary.environments)  # fmt: skip
    yield section("Environment", where or "<p>Not recorded.</p>")
    yield section("How to re-run a row", bullets(code(escape(step)) for step in text.rerun(suite)))


def _break_even(summary: Summary) -> str:
    return html_table(break_even_table(summary)) if summary.break_evens else ""


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
