from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo.benchmarking.store import Store, pack, read_rows, read_suite
from zoo.benchmarking.suite import load_suite
from zoo.errors import InvalidRecord, StoreError
from zoo.specs import Result, RunSpec, canonical

SUITE = load_suite("digits")


def run_of(seed: int) -> RunSpec:
    return RunSpec("digits", "1", "digits", "r", "S", "S", "pocket/resnet10", "", 5, seed, "final", {"lr": 0.1})


def row(seed: int, **result: Any) -> Result:
    return Result(run_of(seed), {"status": "ok", "score": 90.5, "correct": "0110"} | result, {"seconds": 1.5})


def failed(seed: int, reason: str = "diverged") -> Result:
    return Result(run_of(seed), {"status": "failed", "reason": reason})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    store.create(SUITE)
    return store


def files(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store.folder / "rows").iterdir()}


# ---------------------------------------------------------------------------------------------- writing and reading


def test_round_trip(store: Store) -> None:
    rows = [row(seed, text="Grüße \u2028 \U0001f600", nested={"b": [1, 2.5, None], "a": True}) for seed in range(20)]
    assert all(store.write(one) for one in rows)
    expected = sorted(rows, key=lambda one: one.key)
    assert store.rows() == read_rows(store.folder) == expected
    assert store.keys() == {one.key for one in rows}
    assert rows[3] in store.rows()
    assert read_suite(store.folder) == store.suite() == SUITE
    assert store.examine()[1] == []
    assert not list(store.folder.rglob("*.tmp"))


def test_a_finished_row_is_never_replaced(store: Store) -> None:
    assert store.write(row(0))
    before = files(store)
    assert not store.write(row(0))
    assert not store.write(row(0, score=12.0))
    assert not store.write(failed(0))
    assert files(store) == before


def test_failures_stay_visible_and_can_be_retried(store: Store) -> None:
    assert store.write(failed(0, "first"))
    assert store.write(failed(0, "second"))
    assert store.keys() == set()
    assert store.failed() == {row(0).key}
    assert [one.result["reason"] for one in store.rows()] == ["second"]
    for n in range(3, 12):
        store.write(failed(0, str(n)))
    assert [one.result["reason"] for one in store.rows()] == ["11"]  # by number, not by text
    assert store.write(row(0))
    assert (store.keys(), store.failed()) == ({row(0).key}, set())
    assert store.rows() == [row(0)]
    assert [one.ok for one in store.attempts()] == [False] * 11 + [True]


def test_what_is_not_json_is_refused_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(InvalidRecord, match=r"result\.score = nan"):
        store.write(row(0, score=float("nan")))
    assert files(store) == {}


# ---------------------------------------------------------------------------------------------------------- creating


def test_create_again_keeps_everything(store: Store) -> None:
    store.write(row(0))
    before = (store.folder / "suite.json").read_bytes()
    store.create(SUITE)
    store.create(replace(SUITE, margin=1))  # 1 and 1.0 are the same margin
    assert (store.folder / "suite.json").read_bytes() == before
    assert store.rows() == [row(0)]


@pytest.mark.parametrize("only_failed", [False, True])
def test_another_suite_is_refused_with_what_differs(store: Store, only_failed: bool) -> None:
    store.write(failed(0) if only_failed else row(0))
    arms = (replace(SUITE.arms[0], backbone="pocket/other"), *SUITE.arms[1:])
    with pytest.raises(StoreError) as caught:
        store.create(replace(SUITE, margin=2.0, arms=arms))
    message = str(caught.value)
    assert "margin is 1.0 there and 2.0 here" in message
    assert "arms[0].backbone" in message
    assert "pocket/other" in message
    assert "--out" in message
    assert "title" not in message
    assert store.suite() == SUITE


def test_a_store_without_rows_takes_another_suite(store: Store) -> None:
    other = replace(SUITE, margin=2.0)
    (store.folder / "rows" / ".DS_Store").touch()
    store.create(other)
    assert store.suite() == other
    assert store.examine()[1] == []
    store.write(row(0))
    with pytest.raises(StoreError, match=r"margin is 2\.0 there and 1\.0 here"):
        store.create(SUITE)


def test_a_row_that_was_renamed_keeps_its_suite(store: Store) -> None:
    (store.folder / "rows" / f"{row(0).key} (copy).json").write_text(good_line())
    with pytest.raises(StoreError, match="another suite"):
        store.create(replace(SUITE, margin=2.0))
    assert store.suite() == SUITE


def test_a_suite_that_cannot_be_replaced_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"suite\.json cannot be replaced: .*free some space"):
        store.create(replace(SUITE, margin=2.0))
    assert store.suite() == SUITE
    assert [path.name for path in store.folder.iterdir() if path.suffix == ".tmp"] == []


def test_a_damaged_suite_file(store: Store) -> None:
    path = store.folder / "suite.json"
    path.write_text("{")
    with pytest.raises(StoreError, match=r"suite\.json cannot be read.*move that one file away"):
        store.create(SUITE)
    path.unlink()
    store.create(SUITE)
    assert store.examine()[1] == []


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    place = tmp_path / "results"
    place.write_text("mine")
    with pytest.raises(StoreError, match="cannot be created"):
        Store(place).create(SUITE)
    with pytest.raises(StoreError, match="it is a file"):
        Store(place).write(row(0))
    with pytest.raises(StoreError, match="it is a file"):
        Store(place).rows()
    assert place.read_text() == "mine"


# ------------------------------------------------------------------------------------------------------ damaged rows


def good_line(seed: int = 0) -> str:
    return canonical(row(seed).to_json()) + "\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 bytes"),
        (good_line()[:-40], "not JSON"),
        (good_line().replace("zoo.Result/1", "zoo.Result/9"), "schema"),
        (good_line().replace('"score":90.5', '"score":NaN'), "NaN"),
        (good_line().replace('"seed":0', '"seed":7'), "belongs to key"),
        (good_line().replace('"status":"ok"', '"status":"failed"'), "does not go with its name"),
        (good_line().replace('"status":"ok"', '"status":"great"'), "result.status"),
        (good_line().replace('"measured"', '"measurd"'), "Nearest: measured"),
        ("[" * 100_000, "not JSON"),
        ("\xff", "not JSON"),
    ],
)
def test_a_damaged_row_is_named_and_left_alone(store: Store, text: str, problem: str) -> None:
    store.write(row(1))
    path = store.folder / "rows" / f"{row(0).key}.json"
    path.write_bytes(text.encode("latin-1"))
    for read in (store.rows, lambda: pack(store.folder, store.folder / "x.jsonl")):
        with pytest.raises(StoreError) as caught:
            read()
        message = str(caught.value)
        assert path.name in message
        assert problem in message
        assert "move that one file" in message
    assert len(store.examine()[1]) == 1
    assert store.keys() == {row(0).key, row(1).key}  # names only
    assert path.read_bytes() == text.encode("latin-1")
    assert not (store.folder / "x.jsonl").exists()

    path.rename(store.folder / "moved.json")  # the fix that the message names
    assert store.rows() == [row(1)]
    assert store.write(row(0))
    assert store.examine()[1] == []


def test_strays_are_reported(store: Store) -> None:
    (store.folder / "rows" / ".DS_Store").write_text("")
    (store.folder / "rows" / "notes.txt").write_text("")
    assert store.rows() == []
    assert [("notes.txt" in problem) for problem in store.examine()[1]] == [True]
    (store.folder / "rows" / f"{row(0).key} (copy).json").write_text(good_line())
    with pytest.raises(StoreError, match="not that of a row"):
        store.rows()


def test_no_store_says_what_is_there_and_what_is_near(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing is there.*Nearest stores: .*results"):
        read_rows(tmp_path / "reslts")
    with pytest.raises(StoreError, match=r"it holds suite\.json|it is empty"):
        read_rows(store.folder / "rows")
    (tmp_path / "other").mkdir()
    with pytest.raises(StoreError, match="it is empty"):
        read_suite(tmp_path / "other")
    (tmp_path / "other" / "a.txt").write_text("")
    with pytest.raises(StoreError, match=r"it holds a\.txt"):
        Store(tmp_path / "other").keys()
    with pytest.raises(StoreError, match=r"Store\(folder\)\.create\(suite\) made"):
        Store(tmp_path / "other").write(row(0))
    with pytest.raises(StoreError, match="nothing is there"):
        Store(tmp_path / "nowhere").examine()


# ----------------------------------------------------------------------------------------------------------- packing


def test_pack_round_trip(store: Store, tmp_path: Path) -> None:
    store.write(failed(0))
    for seed in range(5):
        store.write(row(seed))
    store.write(failed(9))
    file = tmp_path / "packed.jsonl"
    pack(store.folder, file)
    assert read_suite(file) == SUITE
    assert read_rows(file) == store.rows()
    parts = [(store.folder / "suite.json").read_bytes(), *(data for _, data in sorted(files(store).items()))]
    assert sorted(file.read_bytes().splitlines()) == sorted(line.rstrip() for line in parts)
    first = file.read_bytes()
    pack(store.folder, file)
    assert file.read_bytes() == first
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["packed.jsonl", "results"]


def test_a_damaged_pack_names_the_line(store: Store, tmp_path: Path) -> None:
    store.write(row(0))
    file = tmp_path / "packed.jsonl"
    pack(store.folder, file)
    good = file.read_bytes()
    file.write_bytes(good[:-30])
    with pytest.raises(StoreError, match=r"packed\.jsonl is not a packed store: line 2"):
        read_rows(file)
    file.write_bytes(good + good.splitlines()[1])
    with pytest.raises(StoreError, match=r"line 3: .*comes again"):
        read_rows(file)


@pytest.mark.parametrize("content", ["", "my thesis\n", '{"schema":"zoo.Result/1"}\n'])
def test_pack_replaces_nothing_but_packs(store: Store, tmp_path: Path, content: str) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text(content)
    with pytest.raises(StoreError, match="not a packed store: line 1"):
        pack(store.folder, file)
    assert file.read_text() == content


# ---------------------------------------------------------------------------------------------- disks that say no


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_full_disk_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    store.write(row(1))
    before = files(store)

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, refuse)
    for action in (
        lambda: store.write(row(0)),
        lambda: store.write(failed(0)),
        lambda: Store(tmp_path / "new").create(SUITE),
    ):
        with pytest.raises(StoreError, match=r"free some space.*all that is stored so far is kept"):
            action()
    assert files(store) == before
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.undo()
    assert store.write(row(0))


def test_pack_onto_a_full_disk_keeps_the_old_pack(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "packed.jsonl"
    pack(store.folder, file)
    before = file.read_bytes()
    store.write(row(0))

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="free some space"):
        pack(store.folder, file)
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_leftovers_are_ignored_and_swept_once_old(store: Store) -> None:
    young, old = (store.folder / "rows" / f".{row(n).key}.json.1-{n}.tmp" for n in (0, 1))
    for path in (young, old):
        path.write_text('{"half":')
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert (store.rows(), store.keys(), store.examine()[1]) == ([], set(), [])
    store.create(SUITE)
    assert young.exists()
    assert not old.exists()


# ------------------------------------------------------------------------------------- several processes, and kill -9

WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from test_store import Store, row
store, first, last = Store(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.write(row(seed, who=sys.argv[5], correct="01" * 50_000)) for seed in range(first, last)))
"""


def writer(store: Store, first: int, last: int, who: str = "") -> subprocess.Popen[str]:
    arguments = [str(store.folder), str(Path(__file__).parent), str(first), str(last), who]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_writers_leave_whole_rows_and_touch_no_finished_one(store: Store) -> None:
    rng = random.Random(0)
    finished: dict[str, bytes] = {}
    for _ in range(5):
        with writer(store, 0, 100_000) as process:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            deadline = time.monotonic() + 30
            while len(store.keys()) < len(finished) + 3 and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(rng.random() * 0.02)
            process.kill()
        now = {name: data for name, data in files(store).items() if not name.startswith(".")}
        assert len(now) > len(finished)
        assert {name: now[name] for name in finished} == finished
        assert {f"{one.key}.json": canonical(one.to_json()).encode() + b"\n" for one in store.rows()} == now
        assert store.examine()[1] == []
        finished = now
    store.create(SUITE)
    assert len(store.rows()) == len(finished)


def test_two_processes_write_the_same_rows(store: Store) -> None:
    processes = [writer(store, 0, 100, who) for who in "ab"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    stored = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(stored) == 100  # each row by exactly one of them
    rows = store.rows()
    assert store.keys() == {row(seed).key for seed in range(100)} == {one.key for one in rows}
    assert [sum(one.result["who"] == who for one in rows) for who in "ab"] == stored
    assert not list(store.folder.rglob("*.tmp"))


def test_two_drivers_create_the_same_store(tmp_path: Path) -> None:
    code = (
        "import sys; from zoo.benchmarking.store import Store; from zoo.benchmarking.suite import load_suite; "
        "Store(sys.argv[1]).create(load_suite('digits'))"
    )
    drivers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "results")]) for _ in range(3)]
    assert [driver.wait(60) for driver in drivers] == [0, 0, 0]
    assert read_suite(tmp_path / "results") == SUITE


def test_no_torch() -> None:
    code = "import sys, zoo.benchmarking.store; print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
