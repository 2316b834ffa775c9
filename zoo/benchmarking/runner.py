"""`zoo.bench`: runs all cells of a suite that its store lacks, in three rounds, and writes the report.

Round 1 tries the grid on tuning seeds. Round 2 extends a grid whose best value sits on its edge. Round 3 runs the
reporting seeds with what was chosen. Each cell is stored as soon as it is done, so that a killed run loses at most the
cells in flight and a second run does only what is missing.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.arms import Job, Workbench, timed
from zoo.benchmarking.environment import environment
from zoo.benchmarking.executors import Executor, ForkPool, InProcess
from zoo.benchmarking.forecast import Forecast, forecast, measure_pace
from zoo.benchmarking.report import write_report
from zoo.benchmarking.search import Choice, choose
from zoo.benchmarking.store import SUITE_FILE, Store
from zoo.benchmarking.suite import Arm, Suite, load_suite
from zoo.benchmarking.threads import pinned_threads
from zoo.errors import IncompatibleError, StoreError
from zoo.specs import Result, RunSpec
from zoo.training.device import choose_device
from zoo.training.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Plan = tuple[Arm, int, int]  # arm, label budget, schedule (multiple of the base steps)


@dataclass(frozen=True)
class Outcome:
    """What a call of `bench` did: where the store is, what it ran, and the report files that it wrote."""

    store: Path
    suite: Suite
    ran: int
    failed: int
    forecast: Forecast
    report: tuple[Path, ...] = ()


def bench(
    suite: str | Path | Suite = "digits",
    out: str | Path = "runs/digits",
    *,
    level: str = "quick",
    workers: int | None = None,
    device: str = "cpu",
    dry_run: bool = False,
    retry_failed: bool = False,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Compare pre-trained with from-scratch as a suite says, and write the report.

    Args:
        suite: the name of a suite that comes with zoo, a TOML file, or a `Suite`.
        out: the store's folder. What it holds is never run again.
        level: which level of the suite.
        workers: processes, one thread each; None takes all cores that this process may use.
        device: `cpu`, `cuda` or `mps`; anything but `cpu` runs in this process.
        dry_run: only forecast.
        retry_failed: run failed cells again; their earlier rows are kept beside the new ones.
        quiet: no progress.
        tell: called with one line of text at a time, such as the forecast.

    Raises:
        UnknownName, InvalidRecord, DataError, WeightsError, IncompatibleError: the suite cannot be run as it stands.
        StoreError: `out` cannot be written, or holds another suite.

    Example:
        >>> bench("digits", "runs/digits").report                                        # doctest: +SKIP
    """
    suite = suite if isinstance(suite, Suite) else load_suite(suite, level)
    store = Store(Path(out).expanduser())
    if workers is not None and workers < 1:
        raise IncompatibleError(f"workers must be 1 or more, received {workers}. Fix: leave it out to use all cores.")
    started = (store.folder / SUITE_FILE).exists()
    if started or not dry_run:
        store.create(suite)
    with pinned_threads(1):
        device = choose_device(device)
        grid = Grid(Workbench(suite, device), store, retry_failed)
        count = (workers or usable_cores()) if device == "cpu" else 1
        executor: Executor = ForkPool(count) if count > 1 else InProcess()
        planned = grid.planned() if started else grid.everything()
        expected = forecast(planned, measure_pace(grid.workbench) if planned else None, count)
        tell(str(expected))
        if dry_run:
            return Outcome(store.folder, suite, 0, 0, expected)
        try:
            cost = sum(effort(job) for job in planned)
            with Progress(f"bench {suite.name}", len(planned), unit="cell", work=cost, quiet=quiet) as progress:
                grid.rounds(executor, progress)
        finally:
            executor.close()
    paths = write_report(suite, store.rows(), store.folder)
    return Outcome(store.folder, suite, grid.ran, grid.failed, expected, tuple(paths))


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def effort(job: Job) -> float:
    """How long a cell takes, in training steps; one that trains nothing counts as five."""
    return float(job.run.recipe.get("steps", 0)) + 5.0


class Grid:
    """The cells of a suite: which are planned, which are stored, and what their search chose."""

    def __init__(self, workbench: Workbench, store: Store, retry_failed: bool = False) -> None:
        self.workbench, self.store, self.suite = workbench, store, workbench.suite
        self.retry_failed = retry_failed
        self.ran = self.failed = 0
        self.measured = environment()
        self.plans: list[Plan] = [
            (arm, budget, schedule)
            for arm in self.suite.arms
            for budget in self.suite.budgets
            for schedule in (1, *(self.suite.longer if arm.role == "S" else ()))
        ]

    def trial(self, plan: Plan, value: float, seed: int) -> RunSpec:
        arm, budget, schedule = plan
        return self.workbench.run_spec(arm, budget, seed, "tune", value, schedule)

    def final(self, plan: Plan, value: float, seed: int) -> RunSpec:
        arm, budget, schedule = plan
        return self.workbench.run_spec(arm, budget, seed, "final", value, schedule)

    def trials(self, plan: Plan, values: Iterable[float]) -> list[Job]:
        return [Job(self.trial(plan, value, seed)) for value in values for seed in self.suite.tuning_seeds]

    def everything(self) -> list[Job]:
        """All cells of rounds 1 and 3; which values round 3 will use is not known yet, so the first stands for them."""
        jobs = []
        for plan in self.plans:
            values = self.suite.grids[plan[0].search]
            jobs += self.trials(plan, values)
            jobs += [Job(self.final(plan, values[0], seed)) for seed in self.suite.seeds]
        return jobs

    def planned(self) -> list[Job]:
        """Those of `everything` that the store lacks, as far as this can be known before the search."""
        stored = {
            (*self._place(row.run), row.run.seed, row.run.phase)
            for row in self.store.rows()
            if row.run.phase == "final"
        }
        return [
            job
            for job in self._missing(self.everything())
            if (*self._place(job.run), job.run.seed, job.run.phase) not in stored
        ]

    @staticmethod
    def _place(run: RunSpec) -> tuple[str, int, int]:
        return run.arm, run.budget, run.recipe.get("schedule", 1)

    def rounds(self, executor: Executor, progress: Progress) -> None:
        """Grid, extension, reporting seeds; each needs what the one before it stored."""
        self._run(executor, progress, [job for plan in self.plans for job in self.trials(plan, self._grid(plan))])
        rows = self.store.rows()
        extended = [(plan, self.choice(plan, rows).extend) for plan in self.plans]
        extra = self._missing(
            job for plan, value in extended if value is not None for job in self.trials(plan, [value])
        )
        progress.add(len(extra), sum(effort(job) for job in extra))
        self._run(executor, progress, extra)
        rows = self.store.rows()
        self._run(executor, progress, [job for plan in self.plans for job in self.finals(plan, rows)])

    def _grid(self, plan: Plan) -> list[float]:
        values: list[float] = self.suite.grids[plan[0].search]
        return values

    def choice(self, plan: Plan, rows: Sequence[Result]) -> Choice:
        """What the stored trials of this place say.

        The grid alone says whether it is extended, and the extension is all that is added to it: so a run that was
        killed between two trials of an extension, or whose failed trials are run again, ends like one that was not.
        """
        option, grid = plan[0].search, self._grid(plan)
        trials = [
            row
            for row in rows
            if row.run.phase == "tune"
            and self._place(row.run) == (plan[0].id, plan[1], plan[2])
            and row.run == self.trial(plan, row.run.recipe[option], row.run.seed)
        ]
        extend = choose(option, grid, [row for row in trials if row.run.recipe[option] in grid]).extend
        wanted = [*grid, extend]
        found = choose(option, grid, [row for row in trials if row.run.recipe[option] in wanted])
        return dataclasses.replace(found, extend=extend)

    def finals(self, plan: Plan, rows: Sequence[Result]) -> list[Job]:
        """The reporting cells of one place, with the search that led to them."""
        found = self.choice(plan, rows)
        search = {
            "chosen": {plan[0].search: found.value},
            "search": list(found.tried),
            "validation_score": found.score if math.isfinite(found.score) else None,
            "lr_edge": found.edge,
        }
        return [Job(self.final(plan, found.value, seed), search) for seed in self.suite.seeds]

    def _missing(self, jobs: Iterable[Job]) -> list[Job]:
        """Cells that are not stored, the longest first, so that workers finish together."""
        done = self.store.keys() | (set() if self.retry_failed else self.store.failed())
        missing = [job for job in jobs if job.run.key() not in done]
        return sorted(missing, key=effort, reverse=True)

    def _run(self, executor: Executor, progress: Progress, jobs: list[Job]) -> None:
        work = partial(_run_and_store, self.workbench, self.store, self.measured)
        for outcome in executor.run(self._missing(jobs), work):
            run = outcome.cell.run
            self.ran += 1
            if outcome.error is not None:
                self.failed += 1
                reason = {"status": "failed", "reason": outcome.error}
                self.store.write(Result(run, reason, {**self.measured, "seconds": round(outcome.seconds, 3)}))
                if "StoreError" in outcome.error.split(":")[0]:
                    raise StoreError(outcome.error)
            note = f"{run.phase} {run.arm}, {run.budget} labels a class, seed {run.seed}"
            progress.advance(note=note, work=effort(outcome.cell))


def _run_and_store(workbench: Workbench, store: Store, facts: dict[str, Any], job: Job) -> bool:
    """Run one cell in a worker and store its row there and then, so that nothing finished depends on the driver."""
    result, measured = timed(workbench, job)
    return store.write(Result(job.run, result, {**facts, **measured}))
