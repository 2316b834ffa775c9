"""The report: traced to rows, self-contained, accessible, safe with hostile text, and written atomically."""

from __future__ import annotations

import ast
import dataclasses
import io
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from synthetic import digits, digits_rows, make_row

import zoo.benchmarking.report as module
from zoo.benchmarking.report import render_html, render_markdown, terminal_table, write_report
from zoo.benchmarking.report.plots import PLOTS
from zoo.benchmarking.report.text import answer, signed
from zoo.benchmarking.summary import Summary, summarise
from zoo.errors import StoreError

SUITE = digits()
ROWS = digits_rows(SUITE)
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """What the tests ask of a page: its tags in order, its tables, its loads, and whether all tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.errors: list[str] = []
        self.cell: str | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.cell or "")
            self.cell = None

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarise(SUITE, ROWS)


@pytest.fixture(scope="module")
def html(summary) -> str:
    return render_html(SUITE, summary)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_page_is_closed_and_loads_nothing(html, page):
    assert page.open == []
    assert page.errors == []
    for tag, attrs in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img"}
        for name, value in attrs.items():
            if name.rpartition(":")[2] in {"src", "href", "action", "srcset", "data", "poster"}:
                assert (value or "").startswith("#"), (tag, name, value)
    assert not re.search(r"url\((?!#)|@import", html)


def test_landmarks_headings_and_ids(page):
    assert page.named("html")[0]["lang"] == "en"
    assert page.named("main")
    assert page.named("meta")[1]["name"] == "viewport"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    skip = page.named("a")[0]
    assert skip["class"] == "skip"
    assert skip["href"][1:] in ids
    for _, attrs in page.tags:
        assert set((attrs.get("aria-labelledby") or "").split()) <= set(ids)


def test_tables_have_captions_and_scopes(page):
    assert len(page.tables) == len(page.named("caption")) == 8
    assert all(attrs.get("scope") in {"col", "row", "rowgroup"} for attrs in page.named("th"))
    boxes = [attrs for attrs in page.named("div") if (attrs.get("class") or "").startswith("scroll")]
    assert len(boxes) == 8
    assert all(box["tabindex"] == "0" and box["role"] == "region" and box["aria-label"] for box in boxes)


def test_both_themes_and_visible_focus(html):
    assert "prefers-color-scheme: dark" in html
    assert ":focus-visible" in html
    assert html.count("<svg") == html.count('role="img"') == len(PLOTS)


def test_every_figure_of_the_tables_is_that_of_the_rows(page):
    """Recomputed from the rows' strings, without the summary."""

    def mean(arm, budget, schedule=1):
        mine = [r for r in ROWS if (r.run.arm, r.run.budget, r.run.recipe["schedule"]) == (arm, budget, schedule)]
        return np.mean([100 * r.result["correct"].count("1") / 797 for r in mine])

    labels = {arm.label: arm.id for arm in SUITE.arms}
    budget = 0
    seen = 0
    for cells in page.tables[0][1:]:
        if len(cells) == 1:
            budget = int(cells[0].split()[0])
            continue
        schedule = 2 if cells[1].startswith("converged") else 1
        assert cells[3] == signed(mean(labels[cells[0]], budget) - mean("S", budget, schedule))
        seen += 1
    assert seen == 20
    assert budget == 10
    scores = [cells[1] for cells in page.tables[1][1:] if len(cells) > 1]
    places = [("S", 1), ("S", 2), *((arm.id, 1) for arm in SUITE.arms if arm.role != "S")]
    assert scores == [f"{mean(arm, b, s):.1f}" for b in SUITE.budgets for arm, s in places]


def test_a_changed_row_changes_page_markdown_and_terminal(summary):
    index = next(i for i, r in enumerate(ROWS) if r.run.arm == "C" and r.run.budget == 1)
    rows = [*ROWS[:index], make_row(SUITE, "C", 1, 0, np.ones(797, bool)), *ROWS[index + 1 :]]
    changed = summarise(SUITE, rows)
    for render in (render_html, render_markdown):
        assert render(SUITE, changed) != render(SUITE, summary)
    assert printed(changed, False) != printed(summary, False)


def test_rendering_is_deterministic(html):
    again = summarise(SUITE, [ROWS[i] for i in np.random.default_rng(1).permutation(len(ROWS))])
    assert render_html(SUITE, again) == html


def test_the_answer_follows_the_verdicts(summary):
    opening, stories = answer(summary)
    tuned = [c.verdict for c in summary.comparisons if c.role == "P"]
    assert f"helps in {tuned.count('helps')}" in opening
    assert f"undetermined in {tuned.count('undetermined')}" in opening
    assert "hurts" not in opening
    pairs = tuple(dataclasses.replace(c, verdict="hurts", difference=-5.0) for c in summary.comparisons)
    opening, stories = answer(dataclasses.replace(summary, comparisons=pairs))
    assert opening.endswith("hurts in 8.")
    assert all("helps" not in story and "hurts" in story for _, story in stories)


def test_failures_missing_cells_and_warnings_are_shown():
    rows = [r for r in ROWS if not (r.run.arm == "C" and r.run.seed == 1)]
    rows[0] = dataclasses.replace(rows[0], result={"status": "failed", "reason": "the loss became NaN at step 12"})
    broken = summarise(SUITE, rows)
    for text in (render_html(SUITE, broken), render_markdown(SUITE, broken)):
        assert "the loss became NaN at step 12" in text
        assert rows[0].key in text
        assert "no verdict (failed)" in text
        assert "1 missing" in text
        assert "137 of 140 cells (1 failed, 2 missing)" in text


def test_an_empty_store_makes_a_report_without_numbers():
    empty = summarise(SUITE, [])
    assert "incomplete in 8" in render_markdown(SUITE, empty)
    assert Page(render_html(SUITE, empty)).errors == []


def test_hostile_text_stays_text():
    evil = '<script>alert("x")</script> | `a` $x [b](http://c) & "q"'
    arms = tuple(dataclasses.replace(arm, label=evil) for arm in SUITE.arms)
    suite = dataclasses.replace(
        SUITE, title=evil, about=evil, arms=arms, rests_on=evil, leakage=evil, sources={evil: evil}
    )
    rows = [dataclasses.replace(r, result=r.result | {"warnings": [evil]}) for r in ROWS]
    rows[3] = dataclasses.replace(rows[3], result={"status": "failed", "reason": evil}, measured={evil: evil})
    hostile = summarise(suite, rows)
    text = render_html(suite, hostile)
    assert "<script" not in text
    assert Page(text).errors == []
    assert any(evil == cells[0] for cells in Page(text).tables[0])
    markdown = render_markdown(suite, hostile)
    assert "<script" not in markdown
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    tables = [line for line in markdown.splitlines() if line.startswith("| ") and "fine" not in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "helps" in line} == {11}


def test_markdown_tables_are_regular(summary):
    blocks = re.findall(r"(?:^\|.*\n)+", render_markdown(SUITE, summary), flags=re.MULTILINE)
    assert len(blocks) == 16
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def printed(summary: Summary, terminal: bool) -> str:
    out = io.StringIO()
    terminal_table(summary, Console(file=out, force_terminal=terminal, width=160 if terminal else 40, no_color=True))
    return out.getvalue()


def test_piped_lines_are_plain_and_aligned(summary):
    text = printed(summary, terminal=False)
    assert text.isprintable() or set(text) & {"\x1b", "│"} == set()
    rows = [line for line in text.splitlines() if "  equal budget" in line]
    assert len(rows) == 10  # no line was wrapped at 40 columns
    assert len({line.index("equal budget") for line in rows}) == 1


def test_a_terminal_gets_a_rich_table_with_the_same_numbers(summary):
    text = printed(summary, terminal=True)
    assert "│" in text
    assert all(signed(c.difference) in text for c in summary.comparisons)


def test_markup_in_labels_is_not_interpreted(summary):
    pairs = tuple(dataclasses.replace(c, label="[red]x[/red]") for c in summary.comparisons)
    for terminal in (True, False):
        assert "[red]x[/red]" in printed(dataclasses.replace(summary, comparisons=pairs), terminal)


def test_write_report_makes_whole_files_and_leaves_nothing_else(tmp_path, summary):
    folder = tmp_path / "new" / "report"
    paths = write_report(SUITE, ROWS, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    assert Summary.from_json(json.loads((folder / "summary.json").read_text())) == summary
    assert (folder / "differences.png").read_bytes().startswith(b"\x89PNG")
    first = {path.name: path.read_bytes() for path in paths}
    assert {path.name: path.read_bytes() for path in write_report(SUITE, ROWS, folder)} == first
    assert (folder / "report.html").stat().st_mode & 0o044 == 0o044 & ~os.umask(os.umask(0o022))


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match=r"cannot be written: .*choose another one with --out"):
        write_report(SUITE, ROWS, blocked / "report")


def test_a_read_only_folder_is_left_as_it_was(tmp_path, monkeypatch):
    real = Path.open

    def refuse(path, mode="r", *args, **options):
        if mode == "xb":
            raise PermissionError(13, "Permission denied")
        return real(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        write_report(SUITE, ROWS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_report(tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")

    def refuse(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="No space left"):
        write_report(SUITE, ROWS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_without_matplotlib_the_page_says_so(summary, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = render_html(SUITE, summary)
    assert "No plot: matplotlib is needed" in text
    assert "<svg" not in text


def test_reporting_imports_neither_torch_nor_matplotlib_nor_scikit_learn():
    code = (
        "import sys, zoo.benchmarking.report as r; from zoo.benchmarking.suite import load_suite as l;"
        "from zoo.benchmarking.summary import summarise; r.render_markdown(l('digits'), summarise(l('digits'), []));"
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'rich', 'pandas', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_numpy_and_scipy_stay_in_the_rooms_that_compute():
    files = [file for file in Path(module.__file__).parent.glob("*.py") if not file.name.startswith(("fig", "pan"))]
    assert len(files) > 6
    for file in files:
        names = {n for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import) for n in
                 (alias.name for alias in node.names)}  # fmt: skip
        assert not names & {"numpy", "scipy", "matplotlib", "torch"}
