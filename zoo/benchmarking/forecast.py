"""What a run will cost, said before it starts: measured on this machine with a few steps of the real work."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.benchmarking.arms import Job
from zoo.benchmarking.executors import start_method
from zoo.benchmarking.meter import lifetime_peak_mb, peak_memory_mb, reset_peak
from zoo.errors import TrainingDiverged
from zoo.training.progress import clock

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from zoo.benchmarking.arms import Workbench
    from zoo.benchmarking.suite import Arm

EXTRA = 1.15  # grids that are extended, workers that wait for the last cell
SHORT, LONG = 2, 12  # training steps of the two timed cells
TOUCHED = 0.1  # of the memory that a forked worker shares with its driver: what it changes, and has of its own then


@dataclass(frozen=True)
class Pace:
    """CPU seconds of one training step, and of everything else in a cell; memory of a process in MB (10^6 bytes).

    `worker_mb` is what one more worker takes: all of a process, or where workers are forked what it does not share.
    """

    step: float
    cell: float
    memory_mb: float
    worker_mb: float


@dataclass(frozen=True)
class Forecast:
    """Cells to run, their CPU seconds, the wall-clock seconds with these workers, and the memory of all of them."""

    cells: int
    cpu_seconds: float
    seconds: float
    memory_mb: float
    workers: int

    def __str__(self) -> str:
        if not self.cells:
            return "nothing to run: every cell is stored"
        if not self.cpu_seconds:
            return f"{self.cells} cells to run; how long is not known: training failed in the timed cell"
        return (
            f"{self.cells} cells to run: about {clock(self.seconds)} with {self.workers} "
            f"worker{'s' if self.workers > 1 else ''} ({self.cpu_seconds / 3600:.2f} CPU-hours, "
            f"{self.memory_mb / 1000:.1f} GB of memory)"
        )


def measure_paces(workbench: Workbench, arms: Collection[str]) -> dict[str, Pace] | None:
    """The pace of every arm in `arms`: that of the scratch arm of its architecture; roles C and R have their own.

    None when training diverges in one of them: the cells will say so, and a forecast is not worth stopping a run for.
    """
    suite = workbench.suite
    scratch = {arm.id: arm if arm.role in "SCR" else suite.baselines(arm)[0] for arm in suite.arms if arm.id in arms}
    paces = {arm.id: measure_pace(workbench, arm) for arm in set(scratch.values())}
    found = {name: pace for name, arm in scratch.items() if (pace := paces[arm.id]) is not None}
    return found if len(found) == len(scratch) else None


def measure_pace(workbench: Workbench, arm: Arm) -> Pace | None:
    """Time two short cells of an arm on a tuning seed, scored on validation; nothing of them is stored."""
    budget, seed = max(workbench.suite.budgets), workbench.suite.tuning_seeds[0]
    run = workbench.run_spec(arm, budget, seed, "tune", workbench.suite.grids[arm.search][0])
    before = peak_memory_mb() if reset_peak() else None
    seconds = []
    for steps in (SHORT, SHORT, LONG):  # the first warms up caches and is not counted
        began = time.perf_counter()
        try:
            workbench.run(Job(dataclasses.replace(run, recipe={**run.recipe, "steps": steps})))
        except TrainingDiverged:
            return None
        seconds.append(time.perf_counter() - began)
    step = max((seconds[2] - seconds[1]) / (LONG - SHORT), 1e-4)
    whole = lifetime_peak_mb()
    grown = (peak_memory_mb() or whole) - before if before is not None else whole
    own = grown + TOUCHED * whole if start_method() == "fork" else whole
    return Pace(step, max(seconds[1] - SHORT * step, 1e-3), whole, min(own, whole))


def forecast(jobs: Sequence[Job], paces: Mapping[str, Pace] | None, workers: int) -> Forecast:
    """The cost of `jobs` at the pace of each one's arm.

    Example:
        >>> str(forecast([], None, 4))
        'nothing to run: every cell is stored'
    """
    if not paces or not jobs:
        return Forecast(len(jobs), 0.0, 0.0, 0.0, workers)
    own = [paces[job.run.arm] for job in jobs]
    steps = [job.run.recipe.get("steps", 0) for job in jobs]
    cpu = EXTRA * sum(pace.cell + pace.step * count for pace, count in zip(own, steps, strict=True))
    memory = max(pace.memory_mb for pace in own) + workers * max(pace.worker_mb for pace in own)
    return Forecast(len(jobs), cpu, cpu / workers, memory, workers)
