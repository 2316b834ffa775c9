"""The report as Markdown, with its plots as files beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zoo.benchmarking.report import definitions, evidence, text
from zoo.benchmarking.report.costs import break_even_table, cost_definitions, cost_table
from zoo.benchmarking.report.plots import PLOTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.benchmarking.report.text import Table
    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Summary


def render_markdown(suite: Suite, summary: Summary) -> str:
    """The same report as Markdown; the plots are named as files beside it.

    Raises:
        KeyError: a verdict without words (a programming error).

    Source:
        Tables: the GitHub Flavored Markdown specification.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> render_markdown(load_suite("digits"), summarise(load_suite("digits"), [])).splitlines()[0]
        '# Real handwritten digits: pre-trained against from scratch'
    """
    opening, stories = text.answer(summary)
    parts = [f"# {_md(suite.title)}", _md(" ".join(suite.about.split())), f"*{_md(text.counts(suite, summary))}.*"]
    parts += [
        "## The short answer",
        _md(opening),
        _bullets(f"**{_md(label)}**: {_md(story)}" for label, story in stories),
    ]
    parts += [_bullets(map(_md, definitions.cautions(summary)))]
    parts += ["## Difference from scratch", _image("differences.png")]
    parts += [_md_table(text.verdict_table(summary))]
    parts += [_terms(definitions.verdict_definitions(summary))]
    parts += ["## Test scores", _image("scores.png")]
    parts += [_md_table(text.score_table(summary))]
    parts += [_terms(definitions.score_definitions(summary))]
    parts += ["## What pre-training is worth in labels", _image("efficiency.png")]
    parts += [_md_table(evidence.efficiency_table(summary))]
    parts += [_terms(definitions.efficiency_definitions(summary))]
    if summary.pairs:
        parts += ["## Pre-trained arms against each other", _md_table(evidence.pair_table(summary))]
        parts += [_md_table(evidence.best_table(summary)), _terms(definitions.pair_definitions(summary))]
    parts += ["## Cost", _image("cost.png"), _md_table(cost_table(summary))]
    parts += [_md_table(break_even_table(summary)) if summary.break_evens else "", _terms(cost_definitions())]
    parts += ["## What the gain rests on", _md(" ".join(suite.rests_on.split())), f"**Leakage**: {_md(suite.leakage)}."]
    parts += [
        "## Sources and licences",
        _bullets(f"**{_md(k)}**: {_md(v)}" for k, v in text.origins(suite)),
    ]
    parts += ["## Search", _image("search.png"), _md_table(text.search_table(summary))]
    parts += [_terms(definitions.search_definitions())]
    parts += ["## Warnings and failures", _bullets(map(_md, text.warnings(summary))) or "No warnings."]
    parts += [_md_table(text.failure_table(summary)) if summary.failures else "No cell failed."]
    parts += ["## Environment"]
    parts += [
        _bullets(f"{env.rows} rows: {_md(text.shown(env.facts))}" for env in summary.environments) or "Not recorded."
    ]
    parts += ["## How to re-run a row", _bullets(text.rerun(suite))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _md(value: str) -> str:
    """Text that Markdown will not take for markup, links or a table's border."""
    escaped = re.sub(r"([\\`*_\[\]|~$])", r"\\\1", " ".join(value.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _image(name: str) -> str:
    return f"![{PLOTS[name].alt}]({name})"


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    return _bullets(f"**{_md(term)}**: {_md(meaning)}" for term, meaning in pairs)


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _md_table(table: Table) -> str:
    rule = "|".join("---:" if name in table.numeric else "---" for name in table.head)
    parts = []
    for heading, rows in table.groups:
        lines = [f"| {' | '.join(map(_md, row))} |" for row in rows] or ["| no rows |" + " |" * (len(table.head) - 1)]
        head = f"| {' | '.join(map(_md, table.head))} |\n|{rule}|"
        parts.append("\n".join([f"**{_md(table.caption)}: {_md(heading)}**\n", head, *lines]))
    return "\n\n".join(parts)
