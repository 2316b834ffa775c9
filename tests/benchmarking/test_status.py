"""The count of cells in a store: each is finished, failed or missing, and failures say why."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import digits, make_row

from zoo.benchmarking.places import Place
from zoo.benchmarking.status import status
from zoo.benchmarking.store import Store
from zoo.errors import StoreError
from zoo.specs import Result, RunSpec

SUITE = digits()
PER_PLACE = 3 * 2 + 10  # trials and reporting cells
PLACES = (len(SUITE.arms) + 1) * len(SUITE.budgets)


def trial(value, seed, score=None, arm="C"):
    run = RunSpec("digits", "1", "digits", "d", arm, arm[0], "", "", 1, seed, "tune", {"penalty": value})
    if score is None:
        return Result(run, {"status": "failed", "reason": "TimeLimit: the cell ran for more than 5 s\n  at x"})
    return Result(run, {"status": "ok", "score": score, "loss": 1.0})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create(SUITE)
    return store


def tally(store, phase):
    (found,) = (t for t in status(store.folder).tallies if (t.place, t.phase) == (Place("C", 1, 1), phase))
    return found.finished, found.failed, found.missing


def test_an_empty_store_lacks_everything(store):
    found = status(store.folder)
    assert (found.total("finished"), found.total("failed")) == (0, 0)
    assert found.total("missing") == PLACES * PER_PLACE


def test_finished_failed_and_missing_with_reasons(store):
    low, middle, _ = SUITE.grids["penalty"]
    for row in (trial(low, 1000, 50.0), trial(low, 1001), trial(middle, 1000), trial(middle, 1001, 70.0)):
        store.write(row)
    assert tally(store, "tune") == (2, 2, 2)
    found = status(store.folder)
    assert found.reasons == {"TimeLimit: the cell ran for more than 5 s": 2}
    said = str(found)
    assert said.endswith("failed 2 times: TimeLimit: the cell ran for more than 5 s")
    assert f"2 cells finished, 2 failed, {PLACES * PER_PLACE - 4} missing" in said
    assert found.to_json()["failed"] == 2
    assert sum(cell["missing"] for cell in found.to_json()["cells"]) == found.total("missing")


def test_an_extension_counts_once_the_grid_asks_for_it(store):
    for score, value in zip((50.0, 60.0, 70.0), SUITE.grids["penalty"], strict=True):
        for seed in SUITE.tuning_seeds:
            assert tally(store, "tune")[2] > 0
            store.write(trial(value, seed, score))
    assert tally(store, "tune") == (6, 0, 2)


def test_a_closed_search_needs_nothing_more(store):
    row = make_row(SUITE, "C", 1, 0, np.ones(797, dtype=bool))
    store.write(row)
    store.write(replace(row, run=replace(row.run, seed=1), result={"status": "failed", "reason": "x"}))
    assert tally(store, "final") == (1, 1, 8)
    assert tally(store, "tune") == (0, 0, 6)


def test_no_store(tmp_path):
    with pytest.raises(StoreError, match="not a result store"):
        status(tmp_path / "none")


def test_what_is_wrong_with_the_files_is_listed_and_the_rest_is_counted(store):
    store.write(trial(SUITE.grids["penalty"][0], 1000, 50.0))
    damaged = trial(SUITE.grids["penalty"][0], 1001, 50.0)
    store.write(damaged)
    path = store.folder / "rows" / f"{damaged.key}.json"
    path.write_text("{")
    (store.folder / "rows" / "notes.txt").write_text("mine")
    found = status(store.folder)
    assert tally(store, "tune") == (1, 0, 5)
    assert [name in problem for name, problem in zip(("notes.txt", path.name), found.problems, strict=True)] == [
        True
    ] * 2
    assert str(found).endswith(found.problems[-1])
    assert found.to_json()["problems"] == list(found.problems)


def test_a_damaged_retry_is_missing_and_not_what_was_there_before(store):
    row = trial(SUITE.grids["penalty"][0], 1000, 50.0)
    store.write(replace(row, result={"status": "failed", "reason": "x"}))
    store.write(row)
    (store.folder / "rows" / f"{row.key}.json").write_text("{")
    assert tally(store, "tune") == (0, 0, 6)
    assert len(status(store.folder).problems) == 1
