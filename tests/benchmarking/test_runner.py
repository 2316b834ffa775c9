"""`bench` from end to end on a tiny suite: same rows in any executor, resumed, retried, killed; and what it refuses."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import zoo.benchmarking.runner as module
from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.forecast import Pace
from zoo.benchmarking.grid import effort
from zoo.benchmarking.runner import bench
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.errors import IncompatibleError, StoreError, ZooError
from zoo.specs import canonical

SEEDS, TRIALS, EXTRA = 2, 2, 1  # reporting seeds, tuning seeds, and values that an extension adds
PLANS = 4  # one for each arm: one budget, no longer schedule
GRID_CELLS, FINAL_CELLS = PLANS * 2 * TRIALS, PLANS * SEEDS


def tiny(**changes):
    """Digits with the arms S, P, F and C, one budget, two values to search, two training steps."""
    suite = load_suite("digits")
    arms = tuple(arm for arm in suite.arms if arm.id in ("S", "P:glyphs", "F:glyphs", "C"))
    small = {
        "arms": arms, "budgets": (1,), "seeds": (0, 1), "tuning_seeds": (1000, 1001), "longer": (), "steps": 2,
        "grids": {"lr": [0.001, 0.01], "penalty": [0.1, 1.0]},
        "split": {"test": 40, "validation": 30, "seed": 0},
    }  # fmt: skip
    return dataclasses.replace(suite, **{**small, **changes})


def run(out, suite=None, workers=1, **options):
    return bench(suite or tiny(), out, workers=workers, quiet=True, **options)


def results(folder):
    """The canonical bytes of what each row specifies and of its `result` part: all that must not change."""
    return {row.key: canonical([row.run.to_json(), row.result]) for row in Store(folder).rows()}


def files(folder):
    return {path.name: path.read_bytes() for path in (folder / "rows").iterdir()}


def count(folder, **fields):
    return sum(all(getattr(r.run, k) == v for k, v in fields.items()) for r in Store(folder).rows())


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A finished run in this process; tests work on copies."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    return folder, run(folder)


@pytest.fixture
def finished(reference, tmp_path):
    return shutil.copytree(reference[0], tmp_path / "run")


@pytest.fixture
def fast(monkeypatch):
    """No timing of real cells for the forecast."""
    monkeypatch.setattr(
        module, "measure_paces", lambda workbench, arms: dict.fromkeys(arms, Pace(0.01, 0.1, 100.0, 10.0))
    )


# ------------------------------------------------------------------------------------------------------ the whole run


def test_every_cell_is_stored(reference):
    folder, done = reference
    extensions = len(list((folder / "rows").iterdir())) - GRID_CELLS - FINAL_CELLS
    assert done.ran == GRID_CELLS + FINAL_CELLS + extensions
    assert done.failed == 0
    assert extensions % TRIALS == 0
    for arm in done.suite.arms:
        assert count(folder, arm=arm.id, phase="final") == SEEDS
        assert count(folder, arm=arm.id, phase="tune") >= 2 * TRIALS
    assert Store(folder).suite() == done.suite


def test_extension_trials_are_run_and_stored(reference):
    folder, done = reference
    extended = 0
    for arm in done.suite.arms:
        grid = set(done.suite.grids[arm.search])
        rows = [row for row in Store(folder).rows() if row.run.arm == arm.id]
        tried = [(row.run.recipe[arm.search], row.run.seed) for row in rows if row.run.phase == "tune"]
        beyond = {value for value, _ in tried} - grid
        assert len(beyond) == EXTRA  # with two values in the grid, the best sits on an edge
        assert sorted(tried) == sorted((v, s) for v in grid | beyond for s in done.suite.tuning_seeds)
        extended += len(beyond)
    assert extended == PLANS


def test_final_rows_hold_the_search_that_led_to_them(reference):
    folder, done = reference
    for row in (row for row in Store(folder).rows() if row.run.phase == "final"):
        option = next(arm.search for arm in done.suite.arms if arm.id == row.run.arm)
        means = {}
        for trial in row.result["search"]:
            means.setdefault(trial["value"], []).append(trial["score"])
        chosen = row.result["chosen"][option]
        assert chosen == row.run.recipe[option]
        assert sum(means[chosen]) / TRIALS == max(sum(scores) / TRIALS for scores in means.values())
        assert row.result["validation_score"] == pytest.approx(sum(means[chosen]) / TRIALS)
        assert row.result["lr_edge"] == (chosen not in done.suite.grids[option])


def test_only_final_rows_have_read_the_test_split(reference):
    reads = {(row.run.phase, row.result["test_reads"], row.result["split"]) for row in Store(reference[0]).rows()}
    assert reads == {("tune", 0, "validation"), ("final", 1, "test")}


def test_rows_say_where_they_were_made(reference):
    for row in Store(reference[0]).rows():
        assert row.measured["device"] == "cpu"
        assert row.measured["versions"]["zoo"]
        assert row.measured["cpu_seconds"] >= 0


def test_the_report_is_written(reference):
    folder, done = reference
    assert done.report
    assert all(path.is_file() and path.stat().st_size > 100 for path in done.report)
    assert all(folder in path.parents for path in done.report)


def test_a_pool_in_another_folder_gives_the_same_results(reference, tmp_path, fast):
    done = run(tmp_path / "other", workers=2)
    assert results(tmp_path / "other") == results(reference[0])
    assert done.ran == reference[1].ran


def test_a_second_run_in_this_process_gives_the_same_results(reference, tmp_path, fast):
    run(tmp_path / "again")
    assert results(tmp_path / "again") == results(reference[0])


# ------------------------------------------------------------------------------------------------- resume and retry


def test_a_finished_store_is_left_as_it_is(finished):
    before, said = files(finished), []
    done = run(finished, tell=said.append)
    assert (done.ran, done.failed) == (0, 0)
    assert files(finished) == before
    assert said == ["nothing to run: every cell is stored"]


@pytest.mark.parametrize("phase", ["tune", "final"])
def test_only_a_row_that_is_gone_is_run_again(reference, finished, fast, phase):
    row = next(row for row in Store(finished).rows() if row.run.phase == phase and row.run.arm == "P:glyphs")
    (finished / "rows" / f"{row.key}.json").unlink()
    kept = files(finished)
    assert run(finished).ran == 1
    assert results(finished) == results(reference[0])
    assert {name: files(finished)[name] for name in kept} == kept


@pytest.mark.parametrize("arm", ["S", "P:glyphs", "F:glyphs", "C"])
def test_a_run_that_was_killed_between_two_trials_of_an_extension(reference, finished, fast, arm):
    option = "lr" if arm in ("S", "P:glyphs") else "penalty"
    grid = tiny().grids[option]
    rows = [row for row in Store(finished).rows() if row.run.arm == arm]
    first, *_ = (row for row in rows if row.run.phase == "tune" and row.run.recipe[option] not in grid)
    for row in (row for row in rows if row.run.phase == "final" or row is first):
        (finished / "rows" / f"{row.key}.json").unlink()
    assert run(finished).ran == SEEDS + 1
    assert results(finished) == results(reference[0])


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import test_runner
test_runner.module.measure_paces = lambda workbench, arms: dict.fromkeys(arms, test_runner.Pace(0.01, 0.1, 100.0, 10.0))
test_runner.run({out!r}, workers=2)
"""


def test_a_run_that_was_killed_goes_on_to_the_same_rows(reference, tmp_path, fast):
    folder = tmp_path / "killed"
    code = SCRIPT.format(tests=str(module.Path(__file__).parent), out=str(folder))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("rows/*.json"))) < 10 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    stored = files(folder)
    rows = [name for name in stored if not name.startswith(".")]
    assert 10 <= len(rows) < reference[1].ran
    assert run(folder).ran == reference[1].ran - len(rows)
    assert results(folder) == results(reference[0])
    assert {name: files(folder)[name] for name in rows} == {name: stored[name] for name in rows}


def failing(monkeypatch, role="P"):
    """Make cells of one role fail; returns how to mend them."""
    fit = Workbench._fit

    def broken(self, run, labels):
        if run.role == role:
            raise ArithmeticError("the loss became nan")
        return fit(self, run, labels)

    monkeypatch.setattr(Workbench, "_fit", broken)
    return lambda: monkeypatch.setattr(Workbench, "_fit", fit)


def test_a_failing_arm_does_not_stop_the_others(reference, tmp_path, fast, monkeypatch):
    failing(monkeypatch)
    done = run(tmp_path, workers=2)
    assert done.failed == SEEDS  # reporting cells
    assert len(Store(done.store).failed()) == 2 * TRIALS + SEEDS  # no extension: no value has won
    good = results(reference[0])
    for row in Store(tmp_path).rows():
        if row.run.arm == "P:glyphs":
            assert row.result["status"] == "failed"
            assert row.result["reason"].startswith("ArithmeticError: the loss became nan")
        else:
            assert canonical([row.run.to_json(), row.result]) == good[row.key]
    assert done.report


def test_failures_are_run_again_only_when_asked_for(reference, finished, fast, monkeypatch):
    good = results(reference[0])
    for row in (row for row in Store(finished).rows() if row.run.arm == "P:glyphs"):
        (finished / "rows" / f"{row.key}.json").unlink()
    mend = failing(monkeypatch)
    assert run(finished).failed == SEEDS
    assert len(Store(finished).failed()) == 2 * TRIALS + SEEDS
    failures = files(finished)
    assert run(finished).ran == 0
    assert files(finished) == failures

    mend()
    again = run(finished, only="failed")
    cells = count(reference[0], arm="P:glyphs")
    assert (again.ran, again.failed) == (cells, 0)
    stored = results(finished)
    assert {key: stored[key] for key in good} == good
    assert failures.items() <= files(finished).items()  # earlier failures stay on record


def test_only_failed_leaves_what_was_never_tried(finished, fast, monkeypatch):
    for row in Store(finished).rows():
        if row.run.phase == "final" and row.run.arm in ("P:glyphs", "S"):
            (finished / "rows" / f"{row.key}.json").unlink()
    mend = failing(monkeypatch)
    run(finished, dataclasses.replace(tiny()))
    mend()
    lost = [row for row in Store(finished).rows() if row.run.arm == "S" and row.run.phase == "final"]
    for row in lost:
        (finished / "rows" / f"{row.key}.json").unlink()
    assert run(finished, only="failed", dry_run=True).forecast.cells == SEEDS
    assert run(finished, only="failed").ran == SEEDS
    assert Store(finished).failed() == set()
    assert not Store(finished).keys() & {row.key for row in lost}
    assert run(finished, only="failed").ran == 0
    assert run(finished).ran == len(lost)


@pytest.mark.parametrize("reason", ["TimeLimit", "MemoryLimit", "WorkerDied"])
def test_a_cell_over_a_limit_or_killed_is_a_failed_row_and_the_grid_goes_on(
    reference, finished, fast, monkeypatch, reason
):
    fit = Workbench._fit

    def bad(self, run, labels):
        if run.role == "P" and run.phase == "final" and run.seed == 1:
            if reason == "WorkerDied":
                os.kill(os.getpid(), signal.SIGKILL)
            taken = bytearray(b"x") * (700_000_000 if reason == "MemoryLimit" else 1)
            time.sleep(300)
            del taken
        return fit(self, run, labels)

    for row in (row for row in Store(finished).rows() if row.run.phase == "final"):
        (finished / "rows" / f"{row.key}.json").unlink()
    monkeypatch.setattr(Workbench, "_fit", bad)
    limits = {"MemoryLimit": {"memory_mb": 600}, "TimeLimit": {"timeout": 8.0}, "WorkerDied": {"timeout": 200.0}}
    done = run(finished, **limits[reason])
    assert (done.ran, done.failed) == (FINAL_CELLS, 1)
    (failed,) = (row for row in Store(finished).rows() if not row.ok)
    assert failed.result["reason"].startswith(reason)
    monkeypatch.setattr(Workbench, "_fit", fit)
    assert run(finished, only="failed").ran == 1
    assert results(finished) == results(reference[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0.0}, "timeout must be a number above 0, received 0.0"),
        ({"memory_mb": -1}, "memory_mb must be a number above 0"),
        ({"timeout": float("nan")}, "timeout must be a number above 0"),
        ({"only": "missing"}, "unknown choice of cells for `only` 'missing'"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(ZooError, match=message):
        run(tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


def test_limits_need_the_cpu():
    with pytest.raises(IncompatibleError, match="timeout cannot be kept on cuda"):
        module._executor(1, "cuda", 5.0, None)


def test_a_trial_that_failed_once_is_still_tried_at_the_other_values(reference, finished, fast, monkeypatch):
    option, worst = "penalty", 0.1
    fit = Workbench._fit_classical

    def broken(self, run, labels):
        if run.recipe[option] == worst:
            raise MemoryError
        return fit(self, run, labels)

    for row in (row for row in Store(finished).rows() if row.run.arm == "C"):
        (finished / "rows" / f"{row.key}.json").unlink()
    monkeypatch.setattr(Workbench, "_fit_classical", broken)
    assert run(finished).failed == 0
    assert len(Store(finished).failed()) == TRIALS
    chosen = {r.result["chosen"][option] for r in Store(finished).rows() if (r.run.arm, r.run.phase) == ("C", "final")}
    assert chosen
    assert worst not in chosen


# ------------------------------------------------------------------------------------------------ forecast and refusals


def test_a_dry_run_writes_nothing(tmp_path):
    said = []
    done = run(tmp_path / "deep" / "run", dry_run=True, tell=said.append)
    assert (done.ran, done.report, done.forecast.cells) == (0, (), GRID_CELLS + FINAL_CELLS)
    assert said == [str(done.forecast)]
    assert done.forecast.seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_in_an_empty_folder(tmp_path, fast):
    assert run(tmp_path, dry_run=True).forecast.cells == GRID_CELLS + FINAL_CELLS
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_counts_only_what_is_missing(finished, fast):
    for row in (row for row in Store(finished).rows() if row.run.phase == "final"):
        (finished / "rows" / f"{row.key}.json").unlink()
    before = files(finished)
    assert run(finished, dry_run=True).forecast.cells == FINAL_CELLS
    assert files(finished) == before


@pytest.mark.parametrize("dry_run", [False, True])
def test_another_suite_in_the_same_folder_is_refused(finished, dry_run):
    before = files(finished)
    with pytest.raises(StoreError, match=r"another suite: margin is 1.0 there and 2.0 here"):
        run(finished, tiny(margin=2.0), dry_run=dry_run)
    assert files(finished) == before


def test_a_file_in_the_place_of_the_store(tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(StoreError, match="cannot be created"):
        run(path)
    with pytest.raises(StoreError, match="cannot be created"):
        run(path / "below")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_must_be_at_least_one(tmp_path, workers):
    with pytest.raises(IncompatibleError, match="workers must be 1 or more"):
        run(tmp_path / "run", workers=workers)
    assert list(tmp_path.iterdir()) == []


def test_suites_by_name(tmp_path, fast):
    done = bench("digits", tmp_path / "run", dry_run=True, workers=1)
    suite = load_suite("digits")
    per_budget = sum((len(suite.grids[a.search]) * len(suite.tuning_seeds) + len(suite.seeds))
                     * (1 + len(suite.longer) * (a.role == "S")) for a in suite.arms)  # fmt: skip
    assert done.forecast.cells == per_budget * len(suite.budgets)


def test_effort_orders_by_training_steps(reference):
    jobs = [Job(row.run) for row in Store(reference[0]).rows()]
    assert {effort(job) for job in jobs if job.run.role in "SP"} == {7.0}
    assert {effort(job) for job in jobs if job.run.role in "FC"} == {5.0}
