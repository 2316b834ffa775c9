"""Rows keep what they hold, and packing leaves out what differs from run to run."""

import pytest

from zoo.conformance.rows import Conformance, file_name, pack, read, write

CHECKS = {
    "widths": {"state": "holds", "detail": "", "value": None},
    "batching": {"state": "fails", "detail": "x", "value": 2.0},
}
ROW = Conformance("timm/a.b", "timm", "a", "vision", "fails", checks=CHECKS, measured={"seconds": 1.5})


def test_round_trip(tmp_path):
    write(tmp_path / "rows", ROW)
    assert read(tmp_path / "rows") == [ROW]
    assert ROW.failing == ("batching",)


def test_a_pack_is_sorted_and_without_measurements(tmp_path):
    other = Conformance("a/a", "a", "a", "text", "conforms")
    pack([ROW, other], tmp_path / "rows.jsonl")
    found = read(tmp_path / "rows.jsonl")
    assert [row.name for row in found] == ["a/a", "timm/a.b"]
    assert found[1].measured == {}
    assert found[1].checks == ROW.checks


@pytest.mark.parametrize("name", ["../../etc/x", "a/b c", "ä/ö", "hf-hub:x/y@z"])
def test_names_cannot_leave_the_folder(name):
    made = file_name(name)
    assert "/" not in made
    assert made.endswith(".json")
