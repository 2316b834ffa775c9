"""A row of an earlier schema version is read by today's code and left as it is; one of a later version is refused."""

import json
from pathlib import Path

import pytest

from zoo.benchmarking.store import Store, read_rows
from zoo.benchmarking.suite import load_suite
from zoo.errors import InvalidRecord, StoreError
from zoo.migrations import MIGRATIONS, migrated
from zoo.specs import Record, Result, RunSpec

OLD = Path(__file__).parent / "benchmarking" / "rows" / "schema-0.json"
"""A row as a version 0 might have looked: `outcome` for `result`, and the seconds beside it."""


def from_0(data):
    fields = dict(data)
    return {"run": fields["run"], "result": fields["outcome"], "measured": {"seconds": fields["seconds"]}}


@pytest.fixture
def store(tmp_path):
    """A store with the old row under its name."""
    store = Store(tmp_path)
    store.create(load_suite("digits"))
    key = RunSpec.from_json(json.loads(OLD.read_bytes())["run"]).key()
    (tmp_path / "rows" / f"{key}.json").write_bytes(OLD.read_bytes())
    return store


def test_an_old_row_is_read_and_its_bytes_stay(store, monkeypatch):
    monkeypatch.setitem(MIGRATIONS, ("Result", 0), from_0)
    (row,) = read_rows(store.folder)
    assert (row.result["score"], row.measured["seconds"], row.run.arm) == (91.5, 1.5, "S")
    assert store.examine()[1] == []
    assert store.keys() == {row.key}
    assert not store.write(row)
    assert (store.folder / "rows" / f"{row.key}.json").read_bytes() == OLD.read_bytes()


def test_an_old_row_without_a_step_is_refused(store):
    with pytest.raises(StoreError, match=r"expected a record of schema 'zoo.Result/1', received 'zoo.Result/0'"):
        store.rows()


def test_a_later_version_is_refused_with_what_to_do(store):
    path = next((store.folder / "rows").iterdir())
    path.write_bytes(OLD.read_bytes().replace(b"zoo.Result/0", b"zoo.Result/7"))
    with pytest.raises(StoreError, match=r"received 'zoo.Result/7', which a later zoo wrote. Fix: update zoo"):
        store.rows()


def test_steps_follow_each_other_and_leave_their_input_alone(monkeypatch):
    monkeypatch.setitem(MIGRATIONS, ("Thing", 1), lambda data: {**data, "b": data["a"] + 1})
    monkeypatch.setitem(MIGRATIONS, ("Thing", 2), lambda data: {"c": data["a"] + data["b"]})
    stored = {"schema": "zoo.Thing/1", "a": 1}
    assert migrated("Thing", 3, stored) == {"c": 3}
    assert stored == {"schema": "zoo.Thing/1", "a": 1}


@pytest.mark.parametrize("schema", ["zoo.Thing/", "zoo.Thing/-1", "zoo.Thing/1.0", "zoo.Other/1", "Thing/1", None, 1])
def test_what_is_no_version_of_this_record(schema):
    with pytest.raises(InvalidRecord, match=r"expected a record of schema 'zoo.Thing/3', received"):
        migrated("Thing", 3, {"schema": schema})


def test_every_earlier_version_has_its_step():
    for kind in Record.__subclasses__():
        assert {(kind.__name__, version) for version in range(1, kind.VERSION)} <= MIGRATIONS.keys()


def test_the_record_that_names_rows_never_changes_its_version():
    assert (RunSpec.VERSION, Result.VERSION) == (1, 1)  # raise the second with a step; never the first
