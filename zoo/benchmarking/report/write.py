"""Reports from stored rows: one self-contained HTML page, Markdown, JSON, and a table for the terminal. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.report import evidence, text
from zoo.benchmarking.report.figures import png
from zoo.benchmarking.report.html import render_html
from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.report.plots import PLOTS
from zoo.benchmarking.summary import summarise
from zoo.io.atomic import explained, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from zoo.benchmarking.report.text import Table
    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Summary
    from zoo.specs import Result

__all__ = ["terminal_table", "write_report"]


def write_report(suite: Suite, rows: Sequence[Result], folder: str | Path) -> list[Path]:
    """Write report.html, report.md, summary.json and the plots as PNGs into `folder`; each appears whole or not at all.

    Args:
        suite: the suite that the rows belong to.
        rows: all rows of its store, in any order.
        folder: is made if it does not exist; files of the same names are replaced.

    Raises:
        StoreError: the folder cannot be written.
        MissingDependency: matplotlib is not installed (the extra `report`).

    Source:
        PROTOCOL, "Numbers": every definition is quoted beside the number that it defines.

    Example:
        >>> import tempfile
        >>> from zoo.benchmarking.suite import load_suite
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in write_report(load_suite("digits"), [], folder)][:4]
        ['report.html', 'report.md', 'summary.json', 'differences.png']
    """
    summary = summarise(suite, rows)
    stored = json.dumps(summary.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {
        "report.html": render_html(suite, summary).encode(),
        "report.md": render_markdown(suite, summary).encode(),
        "summary.json": stored.encode(),
        **{name: png(plot.draw(summary)) for name, plot in PLOTS.items()},
    }
    return [write_file(Path(folder) / name, data) for name, data in files.items()]


def terminal_table(summary: Summary, console: Console) -> None:
    """Print verdicts, scores, label efficiency and pairs: rich tables on a terminal, plain aligned lines when piped.

    Raises:
        MissingDependency: never here; rich comes with zoo.

    Source:
        DESIGN, "What zoo does not write itself": rich on a terminal, plain lines when piped.

    Example:
        >>> from rich.console import Console
        >>> from zoo.benchmarking.suite import load_suite
        >>> terminal_table(summarise(load_suite("digits"), []), Console(force_terminal=False))  # doctest: +ELLIPSIS
        Difference from scratch in points of accuracy, with 95% intervals
        ...
    """
    tables = [text.verdict_table(summary), text.score_table(summary), evidence.efficiency_table(summary)]
    if summary.pairs:
        tables += [evidence.pair_table(summary), evidence.best_table(summary)]
    print_tables(tables, console)


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Rich tables on a terminal, plain aligned lines when piped."""
    for table in tables:
        if console.is_terminal:
            console.print(_rich_table(table))
        else:
            for line in _plain_lines(table):
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def _rich_table(table: Table) -> object:
    from rich.table import Table as Rich
    from rich.text import Text

    rich = Rich(title=table.caption, title_justify="left", header_style="bold")
    for name in table.head:
        rich.add_column(name, justify="right" if name in table.numeric else "left", no_wrap=name == "Verdict")
    for heading, rows in table.groups:
        rich.add_row(Text(heading, style="bold"))
        for row in rows:
            rich.add_row(*(Text(cell) for cell in row))
        rich.add_section()
    return rich


def _plain_lines(table: Table) -> Iterable[str]:
    rows = [row for _, group in table.groups for row in group]
    widths = [max(len(cell) for cell in column) for column in zip(table.head, *rows, strict=True)]
    yield table.caption
    for heading, group in table.groups:
        yield ""
        yield heading
        for row in (table.head, *group):
            cells = (
                cell.rjust(width) if name in table.numeric else cell.ljust(width)
                for cell, width, name in zip(row, widths, table.head, strict=True)
            )
            yield ("  " + "  ".join(cells)).rstrip()
    yield ""


def write_file(path: Path, data: bytes) -> Path:
    """Write one file of a report, whole or not at all; returns its path."""
    with explained(f"the report {path} cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, data)
    return path
