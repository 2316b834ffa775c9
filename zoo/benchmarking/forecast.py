"""What a run will cost, said before it starts: measured on this machine with a few steps of the real work."""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.benchmarking.arms import Job
from zoo.errors import TrainingDiverged
from zoo.training.progress import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.arms import Workbench

EXTRA = 1.15  # grids that are extended, workers that wait for the last cell
SHORT, LONG = 2, 12  # training steps of the two timed cells


@dataclass(frozen=True)
class Pace:
    """CPU seconds of one training step, and of everything else in a cell; memory of a process in MB."""

    step: float
    cell: float
    memory_mb: float


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


def measure_pace(workbench: Workbench) -> Pace | None:
    """Time two short from-scratch cells on tuning seeds, scored on validation; nothing of them is stored.

    None when training diverges in them: the cells will say so, and a forecast is not worth stopping a run for.
    """
    arm = workbench.suite.baseline
    budget, seed = max(workbench.suite.budgets), workbench.suite.tuning_seeds[0]
    run = workbench.run_spec(arm, budget, seed, "tune", workbench.suite.grids["lr"][0])
    seconds = []
    for steps in (SHORT, SHORT, LONG):  # the first warms up caches and is not counted
        began = time.perf_counter()
        try:
            workbench.run(Job(dataclasses.replace(run, recipe={**run.recipe, "steps": steps})))
        except TrainingDiverged:
            return None
        seconds.append(time.perf_counter() - began)
    step = max((seconds[2] - seconds[1]) / (LONG - SHORT), 1e-4)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Pace(step, max(seconds[1] - SHORT * step, 1e-3), memory)


def forecast(jobs: Sequence[Job], pace: Pace | None, workers: int) -> Forecast:
    """The cost of `jobs` at that pace.

    Example:
        >>> str(forecast([], None, 4))
        'nothing to run: every cell is stored'
    """
    if pace is None or not jobs:
        return Forecast(len(jobs), 0.0, 0.0, 0.0, workers)
    cpu = EXTRA * sum(pace.cell + pace.step * job.run.recipe.get("steps", 0) for job in jobs)
    return Forecast(len(jobs), cpu, cpu / workers, pace.memory_mb * (1 + workers), workers)
