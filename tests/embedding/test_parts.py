import numpy as np
import pytest

from zoo.embedding.parts import Part, Parts, started
from zoo.errors import StoreError, UsageError

PART = Part(np.array([0, 2]), np.arange(6, dtype=np.float32).reshape(2, 3), {1: "no image: «x»"})


def test_parts_are_kept_between_runs_of_the_same_plan(tmp_path):
    out = tmp_path / "deep" / "out.parquet"
    assert not started(out)
    parts = Parts(out, {"backbone": "a", "inputs": "b"})
    parts.write(1, PART)
    again = Parts(out, {"inputs": "b", "backbone": "a"})
    assert started(out)
    assert (again.has(0), again.has(1)) == (False, True)
    found = again.read(1)
    assert found.rows.tolist() == [0, 2]
    assert np.array_equal(found.features, PART.features)
    assert found.unreadable == PART.unreadable
    again.clear()
    assert not started(out)


def test_another_plan_is_refused_and_says_what_differs(tmp_path):
    out = tmp_path / "out.parquet"
    Parts(out, {"backbone": "a", "inputs": "b"})
    with pytest.raises(UsageError, match="an unfinished run, of another inputs"):
        Parts(out, {"backbone": "a", "inputs": "c"})
    (tmp_path / "out.parquet.parts" / "plan.json").write_bytes(b"{")
    with pytest.raises(UsageError, match="a damaged plan"):
        Parts(out, {"backbone": "a"})


def test_a_damaged_part_is_told(tmp_path):
    parts = Parts(tmp_path / "o.parquet", {})
    parts.write(0, PART)
    path = tmp_path / "o.parquet.parts" / "000000.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreError, match=r"000000\.safetensors is damaged"):
        parts.read(0)


def test_a_part_of_nothing_readable(tmp_path):
    parts = Parts(tmp_path / "o.parquet", {})
    parts.write(0, Part(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), {0: "x"}))
    assert parts.read(0).features.shape == (0, 0)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        Parts(tmp_path / "file" / "o.parquet", {})
