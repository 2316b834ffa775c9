import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.data import arrow
from zoo.data.arrow import ArrowColumn, arrow_table, declared, import_parquet, read_parquet
from zoo.errors import DataError, MissingDependency

CELLS = [{"bytes": b"\x00\x01" * 50, "path": "a.png"}, None, {"bytes": None, "path": "b.png"}] * 70


@pytest.mark.parametrize("in_memory", [10**9, 0])
def test_columns_of_bytes_stay_in_arrow(tmp_path, in_memory, monkeypatch):
    monkeypatch.setattr(arrow, "IN_MEMORY", in_memory)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pq.write_table(pa.table({"image": CELLS, "n": list(range(210))}), tmp_path / "a.parquet", row_group_size=50)
    table = read_parquet(tmp_path / "a.parquet")
    column = table.columns["image"]
    assert isinstance(column, ArrowColumn)
    assert column is table.columns["image"]
    assert list(column) == CELLS
    assert table.columns["n"] == list(range(210))
    assert sorted(table.columns) == ["image", "n"]
    assert "absent" not in table.columns
    if sys.platform != "win32":
        assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]  # nothing is left on the disk
    before = pa.total_allocated_bytes()
    assert column[207] == CELLS[207]
    assert pa.total_allocated_bytes() - before < 10_000


def test_names_with_dots_are_no_paths(tmp_path):
    pq.write_table(pa.table({"a": [1], "a.b": [2]}), tmp_path / "a.parquet")
    columns = read_parquet(tmp_path / "a.parquet").columns
    assert (columns["a"], columns["a.b"]) == ([1], [2])


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "a.parquet")
    for read in (lambda: read_parquet(tmp_path / "a.parquet"), lambda: arrow_table(table, "frame")):
        with pytest.raises(DataError, match=r"has two columns 'a'\. Fix: rename one"):
            read()


def test_tables_in_memory():
    table = arrow_table(pa.table({"b": [b"x", None], "t": ["a", "b"]}), "frame")
    assert isinstance(table.columns["b"], ArrowColumn)
    assert list(table.columns["b"]) == [b"x", None]
    assert table.columns["t"] == ["a", "b"]


def test_what_datasets_declares_is_kept(tmp_path):
    import datasets

    features = datasets.Features(
        {
            "label": datasets.ClassLabel(names=["b", "a"]),
            "tags": datasets.List(datasets.ClassLabel(names=["x", "y"])),
            "image": datasets.Image(),
        }
    )
    rows = {"label": [0, 1], "tags": [[0], []], "image": [{"bytes": b"x", "path": None}] * 2}
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    table = read_parquet(tmp_path / "a.parquet")
    assert table.classes == {"label": ("b", "a"), "tags": ("x", "y")}
    assert table.media == {"image": "image"}


@pytest.mark.parametrize(
    "features", [None, [], {"a": None, "b": {"_type": "ClassLabel"}, "c": [], "d": {"_type": "List"}}]
)
def test_strange_declarations_declare_nothing(features):
    assert declared(features) == ({}, {})


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[embed\]"):
        import_parquet("embed")
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[data\]"):
        read_parquet(Path("a.parquet"))
