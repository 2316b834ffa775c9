"""The forecast: sums that can be checked by hand, and a pace that is measured on the real work."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

import zoo.benchmarking.forecast as module
from zoo.benchmarking.arms import Job
from zoo.benchmarking.forecast import EXTRA, LONG, SHORT, TOUCHED, Forecast, Pace, forecast, measure_pace, measure_paces
from zoo.benchmarking.suite import load_suite
from zoo.specs import RunSpec


def jobs(*steps):
    """One job for each number of steps; None for a cell that trains nothing."""
    recipes = [{"penalty": 1.0} if n is None else {"lr": 0.1, "steps": n} for n in steps]
    return [Job(RunSpec("s", "1", "t", "d", "S", "S", "b", "", 1, i, "tune", r)) for i, r in enumerate(recipes)]


def test_cells_cpu_and_wall_time_by_hand():
    found = forecast(jobs(100, 300, None), {"S": Pace(step=0.5, cell=2.0, memory_mb=400.0, worker_mb=60.0)}, workers=4)
    assert found.cells == 3
    assert found.cpu_seconds == pytest.approx(EXTRA * (3 * 2.0 + 400 * 0.5))
    assert found.seconds == pytest.approx(found.cpu_seconds / 4)
    assert found.memory_mb == 400 + 4 * 60  # the driver and its workers


def test_what_it_says():
    said = str(Forecast(cells=12, cpu_seconds=7200, seconds=1800, memory_mb=2500, workers=4))
    assert said.startswith("12 cells to run: about 30")
    assert "with 4 workers (2.00 CPU-hours, 2.5 GB of memory)" in said
    assert "1 worker (" in str(Forecast(1, 1, 1, 1, 1))


@pytest.mark.parametrize("pace", [None, {}, {"S": Pace(1, 1, 1, 1)}])
def test_nothing_to_run(pace):
    found = forecast([], pace, workers=3)
    assert (found.cells, found.cpu_seconds, found.seconds, found.memory_mb) == (0, 0, 0, 0)
    assert str(found) == "nothing to run: every cell is stored"


class Bench:
    """A workbench on a clock of its own: a cell takes 3 seconds and half a second a step."""

    def __init__(self, cell=3.0, step=0.5):
        self.suite = dataclasses.replace(load_suite("digits"), budgets=(1, 10), tuning_seeds=(1000, 1001))
        self.cell, self.step, self.now, self.ran = cell, step, 0.0, []

    def run_spec(self, arm, budget, seed, phase, value):
        return RunSpec("s", "1", "t", "d", arm.id, arm.role, "b", "", budget, seed, phase, {"lr": value, "steps": 100})

    def run(self, job):
        self.ran.append(job.run)
        self.now += self.cell + self.step * job.run.recipe["steps"] + (50.0 if len(self.ran) == 1 else 0.0)


def measured(monkeypatch, bench):
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: bench.now))
    return measure_pace(bench, bench.suite.scratch_arms[0])


def test_the_pace_of_steps_and_cells_without_the_warm_up(monkeypatch):
    pace = measured(monkeypatch, Bench())
    assert (pace.step, pace.cell) == (pytest.approx(0.5), pytest.approx(3.0))
    assert pace.memory_mb > 50
    assert TOUCHED * pace.memory_mb <= pace.worker_mb <= pace.memory_mb


def test_only_short_trials_of_scratch_are_timed(monkeypatch):
    bench = Bench()
    measured(monkeypatch, bench)
    assert [run.recipe["steps"] for run in bench.ran] == [SHORT, SHORT, LONG]
    assert {(run.role, run.phase, run.budget, run.seed) for run in bench.ran} == {("S", "tune", 10, 1000)}


def test_a_noisy_clock_never_gives_a_pace_of_zero(monkeypatch):
    pace = measured(monkeypatch, Bench(cell=0.0, step=-0.1))
    assert pace.step > 0
    assert pace.cell > 0


def test_no_forecast_when_the_timed_cell_diverges():

    from zoo.errors import TrainingDiverged

    def diverges(job):
        raise TrainingDiverged("the loss became nan")

    suite = load_suite("digits")
    run = RunSpec("s", "1", "t", "d", "S", "S", "b", "", 1, 0, "tune", {"steps": 5})
    bench = SimpleNamespace(suite=suite, run_spec=lambda *cell: run, run=diverges)
    assert measure_paces(bench, {"S", "P:glyphs"}) is None
    assert "3 cells to run; how long is not known" in str(forecast([Job(run)] * 3, None, 2))


def test_each_arm_has_the_pace_of_its_own_architecture():
    suite = load_suite("digits")
    large = dataclasses.replace(suite.scratch_arms[0], id="S2")
    arms = [dataclasses.replace(arm, baseline="S2" if "textures" in arm.id else "S" if arm.role in "PF" else "")
            for arm in suite.arms]  # fmt: skip
    suite = dataclasses.replace(suite, arms=(*arms, large))
    bench = Bench(step=0.0, cell=0.0)
    bench.suite = suite
    slow = {"S": 1.0, "S2": 5.0, "C": 0.25}
    bench.run = lambda job: setattr(bench, "now", bench.now + slow[job.run.arm])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: bench.now))
        paces = measure_paces(bench, {arm.id for arm in suite.arms})
    assert {name: round(pace.cell, 2) for name, pace in paces.items()} == {
        "S": 1.0, "S2": 5.0, "C": 0.25, "P:glyphs": 1.0, "F:glyphs": 1.0, "P:textures": 5.0, "F:textures": 5.0,
    }  # fmt: skip
    mixed = [dataclasses.replace(job, run=dataclasses.replace(job.run, arm=name)) for job, name in
             zip(jobs(None, None, None), ("P:textures", "S", "C"), strict=True)]  # fmt: skip
    assert forecast(mixed, paces, 1).cpu_seconds == pytest.approx(EXTRA * 6.25, rel=0.01)
