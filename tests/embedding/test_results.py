import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from zoo.embedding.inputs import Item
from zoo.embedding.results import check_format, write_result
from zoo.errors import MissingDependency, StoreError, UsageError

ITEMS = [Item("ä/b.png", None, "image"), Item("t.csv", 7, "text", "x")]
FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_parquet(tmp_path):
    write_result(tmp_path / "new" / "o.parquet", ITEMS, FEATURES, {"backbone": "a/b"})
    table = pq.read_table(tmp_path / "new" / "o.parquet")
    assert table.schema.metadata[b"backbone"] == b"a/b"
    assert table["path"].to_pylist() == ["ä/b.png", "t.csv"]
    assert table["row"].to_pylist() == [None, 7]
    assert table["features"].to_pylist() == FEATURES.tolist()
    assert str(table.schema.field("features").type) == "fixed_size_list<item: float>[3]" or "[3]" in str(
        table.schema.field("features").type
    )


def test_safetensors(tmp_path):
    from zoo.io.tensors import check_safetensors

    write_result(tmp_path / "o.safetensors", ITEMS, FEATURES, {"backbone": "a/b"})
    found = load_file(tmp_path / "o.safetensors")
    assert np.array_equal(found["features"], FEATURES)
    assert found["rows"].tolist() == [-1, 7]
    assert json.loads(found["paths"].tobytes()) == ["ä/b.png", "t.csv"]
    assert check_safetensors(tmp_path / "o.safetensors")["features"] == ("F32", (2, 3))


def test_other_forms_are_refused_before_work(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.safetensors, received 'o\.csv'"):
        check_format(tmp_path / "o.csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    check_format(tmp_path / "o.safetensors")
    with pytest.raises(MissingDependency, match="embed"):
        check_format(tmp_path / "o.parquet")


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        write_result(tmp_path / "file" / "o.parquet", ITEMS, FEATURES, {})
