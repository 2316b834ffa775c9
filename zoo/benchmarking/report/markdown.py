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
    parts = [
        f"# {escaped(suite.title)}",
        escaped(" ".join(suite.about.split())),
        f"*{escaped(text.counts(suite, summary))}.*",
    ]
    parts += [
        "## The short answer",
        escaped(opening),
        bullets(f"**{escaped(label)}**: {escaped(story)}" for label, story in stories),
    ]
    parts += [bullets(map(escaped, definitions.cautions(summary)))]
    parts += ["## Difference from scratch", _image("differences.png")]
    parts += [md_table(text.verdict_table(summary))]
    parts += [terms(definitions.verdict_definitions(summary))]
    parts += ["## Test scores", _image("scores.png")]
    parts += [md_table(text.score_table(summary))]
    parts += [terms(definitions.score_definitions(summary))]
    parts += ["## What pre-training is worth in labels", _image("efficiency.png")]
    parts += [md_table(evidence.efficiency_table(summary))]
    parts += [terms(definitions.efficiency_definitions(summary))]
    if summary.pairs:
        parts += ["## Pre-trained arms against each other", md_table(evidence.pair_table(summary))]
        parts += [md_table(evidence.best_table(summary)), terms(definitions.pair_definitions(summary))]
    parts += ["## Cost", _image("cost.png"), md_table(cost_table(summary))]
    parts += [md_table(break_even_table(summary)) if summary.break_evens else "", terms(cost_definitions())]
    parts += [
        "## What the gain rests on",
        escaped(" ".join(suite.rests_on.split())),
        f"**Leakage**: {escaped(suite.leakage)}.",
    ]
    parts += [
        "## Sources and licences",
        bullets(f"**{escaped(k)}**: {escaped(v)}" for k, v in text.origins(suite)),
    ]
    parts += ["## Search", _image("search.png"), md_table(text.search_table(summary))]
    parts += [terms(definitions.search_definitions())]
    parts += ["## Warnings and failures", bullets(map(escaped, text.warnings(summary))) or "No warnings."]
    parts += [md_table(text.failure_table(summary)) if summary.failures else "No cell failed."]
    parts += ["## Environment"]
    parts += [
        bullets(f"{env.rows} rows: {escaped(text.shown(env.facts))}" for env in summary.environments) or "Not recorded."
    ]
    parts += ["## How to re-run a row", bullets(text.rerun(suite))]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(value: str) -> str:
    """Text that Markdown will not take for markup, links or a table's border."""
    plain = re.sub(r"([\\`*_\[\]|~$])", r"\\\1", " ".join(value.split()))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _image(name: str) -> str:
    return f"![{PLOTS[name].alt}]({name})"


def terms(pairs: Iterable[tuple[str, str]]) -> str:
    """Terms with their meanings, as a list."""
    return bullets(f"**{escaped(term)}**: {escaped(meaning)}" for term, meaning in pairs)


def bullets(items: Iterable[str]) -> str:
    """A list of texts that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def md_table(table: Table) -> str:
    """One Markdown table for each group, under the caption with the group's heading."""
    rule = "|".join("---:" if name in table.numeric else "---" for name in table.head)
    parts = []
    for heading, rows in table.groups:
        lines = [f"| {' | '.join(map(escaped, row))} |" for row in rows] or [
            "| no rows |" + " |" * (len(table.head) - 1)
        ]
        head = f"| {' | '.join(map(escaped, table.head))} |\n|{rule}|"
        parts.append("\n".join([f"**{escaped(table.caption)}: {escaped(heading)}**\n", head, *lines]))
    return "\n\n".join(parts)
