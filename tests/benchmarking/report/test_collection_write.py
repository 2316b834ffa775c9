import io
import json

import pytest
from rich.console import Console
from together import stored

from zoo.benchmarking.collection_records import CollectionSummary
from zoo.benchmarking.collection_store import pack_collection
from zoo.benchmarking.collection_summary import view_collection
from zoo.benchmarking.report import collection_write as module
from zoo.benchmarking.report.collection_write import collection_terminal, write_collection_report
from zoo.benchmarking.report.write import write_file


@pytest.fixture
def fast(monkeypatch):
    """The suites' own reports are tested on their own."""
    monkeypatch.setattr(module, "write_report", lambda suite, rows, folder: [write_file(folder / "report.html", b"x")])


def test_files_of_a_collection_and_of_its_suites(tmp_path, fast):
    stored(tmp_path / "run", without=("letters",))
    paths = write_collection_report(tmp_path / "run", tmp_path / "out")
    names = [str(path.relative_to(tmp_path / "out")) for path in paths]
    assert names == ["report.html", "report.md", "summary.json", "digits/report.html"]
    summary = CollectionSummary.from_json(json.loads(paths[2].read_text(encoding="utf-8")))
    assert summary == view_collection(tmp_path / "run").summary


def test_packed_stores_give_the_same_page(tmp_path, fast):
    stored(tmp_path / "run")
    pack_collection(tmp_path / "run", tmp_path / "packed")
    one = write_collection_report(tmp_path / "run", tmp_path / "one")
    two = write_collection_report(tmp_path / "packed", tmp_path / "two")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_terminal_says_the_answer_and_the_matrix(tmp_path):
    stored(tmp_path, without=("letters",))
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
        collection_terminal(view_collection(tmp_path), console)
        text = console.file.getvalue()
        assert "In vision: with 1 label a class" in text
        assert "▲ +29.2 helps" in text
        assert "did not run" in text
        assert "classical baseline" in text
