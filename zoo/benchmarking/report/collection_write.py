"""Reports of a stored collection: one page over all its suites, and the report of each. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.collection_store import read_collection
from zoo.benchmarking.collection_summary import view_collection
from zoo.benchmarking.report import collection_text as words
from zoo.benchmarking.report.collection_html import render_collection_html
from zoo.benchmarking.report.collection_markdown import render_collection_markdown
from zoo.benchmarking.report.write import print_tables, write_file, write_report
from zoo.benchmarking.store import read_rows, read_suite

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.benchmarking.collection_summary import View


def write_collection_report(store: str | Path, folder: str | Path) -> list[Path]:
    """Write report.html, report.md and summary.json into `folder`, and the report of every suite into a folder below.

    Args:
        store: the collection's folder.
        folder: may be the same one; files of the same names are replaced.

    Raises:
        StoreError: no collection is there, a row is damaged, or the folder cannot be written.
        MissingDependency: matplotlib is not installed (the extra `report`).

    Returns:
        The paths of the collection's own files, and of each suite's page.
    """
    folder = Path(folder)
    pages = []
    for entry in read_collection(store)[1]:
        if entry.store is not None:
            suite = read_suite(entry.store)
            pages.append(write_report(suite, read_rows(entry.store), folder / entry.member.suite)[0])
    view = view_collection(store)
    linked = [path.parent.name for path in pages]
    stored = json.dumps(view.summary.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {
        "report.html": render_collection_html(view, linked),
        "report.md": render_collection_markdown(view, linked),
        "summary.json": stored,
    }
    return [*(write_file(folder / name, text.encode()) for name, text in files.items()), *pages]


def collection_terminal(view: View, console: Console) -> None:
    """Print the answer, the matrices, the averages and how far every suite is."""
    console.print(words.opening(view), markup=False, highlight=False, soft_wrap=True)
    for name, story in words.answers(view):
        console.print(f"{name}: {story}", markup=False, highlight=False, soft_wrap=True)
    for caution in words.cautions(view):
        console.print(caution, markup=False, highlight=False, soft_wrap=True)
    console.print()
    modalities = view.collection.modalities
    tables = [words.matrix_table(view, modality) for modality in modalities]
    tables += [words.average_table(view), *(words.reuse_table(view, modality) for modality in modalities)]
    print_tables([*tables, words.member_table(view)], console)
