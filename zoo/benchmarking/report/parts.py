"""The pieces of an HTML page: sections, tables with verdicts, definitions and lists."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.benchmarking.report.text import Table

LOOK = {
    "helps": ("up", "\N{BLACK UP-POINTING TRIANGLE}"),
    "leans up": ("up", "\N{WHITE UP-POINTING TRIANGLE}"),
    "hurts": ("down", "\N{BLACK DOWN-POINTING TRIANGLE}"),
    "leans down": ("down", "\N{WHITE DOWN-POINTING TRIANGLE}"),
    "ahead": ("open", "\N{BLACK UP-POINTING TRIANGLE}"),
    "behind": ("open", "\N{BLACK DOWN-POINTING TRIANGLE}"),
    "no difference": ("same", "="),
}
"""Class and sign of a verdict in HTML; all others are grey, as is what does not speak of pre-training.
The word itself is always printed."""

LONG = 40
"""A table with more rows scrolls within a box, under its own head."""


def section(title: str, *parts: str) -> str:
    """A landmark with its heading, named by it.

    Example:
        >>> section("Cost", "<p>none</p>").splitlines()[1]
        '<h2 id="cost">Cost</h2>'
    """
    name = re.sub(r"[^a-z]+", "-", title.lower())
    return (
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(title)}</h2>\n'
        + "\n".join(parts)
        + "\n</section>"
    )


def html_table(table: Table) -> str:
    """A table in a box that scrolls sideways; verdicts get a colour and a sign beside their word."""
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


def definition_list(pairs: Iterable[tuple[str, str]]) -> str:
    """Terms with their meanings."""
    rows = "\n".join(f"<div><dt>{escape(term)}</dt><dd>{escape(meaning)}</dd></div>" for term, meaning in pairs)
    return f"<dl>\n{rows}\n</dl>"


def bullets(items: Iterable[str]) -> str:
    """A list of texts that are HTML already; nothing where there are none."""
    entries = "\n".join(f"<li>{item}</li>" for item in items)
    return f"<ul>\n{entries}\n</ul>" if entries else ""


def quiet(sentences: Iterable[str]) -> str:
    """A paragraph in small grey letters."""
    return f'<p class="meta">{escape(" ".join(sentences))}</p>'


def code(html: str) -> str:
    """What stands between backticks becomes code; the text is HTML already."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
