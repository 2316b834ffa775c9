"""The cells of a suite: which there are, which are stored, and what their search chose.

Round 1 tries the grid on tuning seeds. Round 2 extends a grid whose best value sits on its edge. Round 3 runs the
reporting seeds with what was chosen. Each cell is stored by the process that ran it as soon as it is done.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.benchmarking.arms import Job, Workbench, timed
from zoo.benchmarking.environment import environment
from zoo.benchmarking.search import Choice, choose
from zoo.errors import StoreError
from zoo.specs import Result, RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.executors import Executor
    from zoo.benchmarking.store import Store
    from zoo.training.progress import Progress


class Place(NamedTuple):
    """Where a search is made: one arm at one label budget; `schedule` is the multiple of the suite's steps."""

    arm: str
    budget: int
    schedule: int


def place_of(run: RunSpec) -> Place:
    """The place that a cell belongs to."""
    return Place(run.arm, run.budget, run.recipe.get("schedule", 1))


def effort(job: Job) -> float:
    """How long a cell takes, in training steps; one that trains nothing counts as five."""
    return float(job.run.recipe.get("steps", 0)) + 5.0


class Grid:
    """All cells of the suite of `workbench`, run into `store`."""

    def __init__(self, workbench: Workbench, store: Store, retry_failed: bool = False) -> None:
        self.workbench, self.store, self.suite = workbench, store, workbench.suite
        self.retry_failed = retry_failed
        self.ran = self.failed = 0
        self.facts = environment()
        self.arms = {arm.id: arm for arm in self.suite.arms}
        self.places = [
            Place(arm.id, budget, schedule)
            for arm in self.suite.arms
            for budget in self.suite.budgets
            for schedule in (1, *(self.suite.longer if arm.role == "S" else ()))
        ]

    def cell(self, place: Place, seed: int, phase: str, value: float) -> RunSpec:
        """The record of one cell."""
        return self.workbench.run_spec(self.arms[place.arm], place.budget, seed, phase, value, place.schedule)

    def trials(self, place: Place, values: Iterable[float]) -> list[Job]:
        """Tuning cells for each of `values`."""
        return [Job(self.cell(place, seed, "tune", value)) for value in values for seed in self.suite.tuning_seeds]

    def reports(self, place: Place, value: float, search: dict[str, Any]) -> list[Job]:
        """Reporting cells with the chosen `value`."""
        return [Job(self.cell(place, seed, "final", value), search) for seed in self.suite.seeds]

    def grid(self, place: Place) -> list[float]:
        """The values that every arm of this kind tries."""
        values: list[float] = self.suite.grids[self.arms[place.arm].search]
        return values

    def everything(self) -> list[Job]:
        """All cells of rounds 1 and 3; the chosen value is not known yet, so the first stands for it."""
        return [
            job
            for place in self.places
            for job in [*self.trials(place, self.grid(place)), *self.reports(place, self.grid(place)[0], {})]
        ]

    def planned(self) -> list[Job]:
        """The cells that are missing, as far as can be known before the search.

        Raises:
            StoreError: the store holds rows that another start made.
        """
        rows = self.store.rows()
        self.check_start(rows)
        closed = self.closed(rows)
        planned = []
        for place in self.places:
            jobs = self.first_trials(place, closed)
            jobs += self.finals(place, rows) if place in closed else self.reports(place, self.grid(place)[0], {})
            planned += self.missing(jobs)
        return planned

    def check_start(self, rows: Sequence[Result]) -> None:
        """Refuse to add to rows that another start made: other weights, data, device or settings."""
        for row in rows:
            run, arm = row.run, self.arms[row.run.arm]
            expected = self.cell(place_of(run), run.seed, run.phase, run.recipe[arm.search])
            if run != expected:
                was, now = run.to_json(), expected.to_json()
                differing = ", ".join(name for name in was if was[name] != now[name])
                raise StoreError(
                    f"{self.store.folder} holds rows of arm {run.arm!r} that another start made ({differing} differs; "
                    f"see row {row.key}). Fix: give this run another --out folder; what is stored stays as it is."
                )

    def closed(self, rows: Sequence[Result]) -> dict[Place, Result]:
        """Searches that have led to a finished reporting cell. What they chose stands, whatever a retry brings."""
        return {place_of(row.run): row for row in rows if row.run.phase == "final" and row.ok}

    def run(self, executor: Executor, progress: Progress) -> None:
        """The three rounds; each needs what the one before it stored."""
        closed = self.closed(self.store.rows())
        self._round(executor, progress, [job for place in self.places for job in self.first_trials(place, closed)])
        rows = self.store.rows()
        steps = {place: self.choice(place, rows).extend for place in self.places if place not in closed}
        extra = self.missing(
            job for place, value in steps.items() if value is not None for job in self.trials(place, [value])
        )
        progress.add(len(extra), sum(effort(job) for job in extra))
        self._round(executor, progress, extra)
        rows = self.store.rows()
        self._round(executor, progress, [job for place in self.places for job in self.finals(place, rows)])

    def first_trials(self, place: Place, closed: dict[Place, Result]) -> list[Job]:
        """The trials of the grid; of a closed search those that it stood on, less the failed ones."""
        if place not in closed:
            return self.trials(place, self.grid(place))
        failed = self.store.failed()
        tried = sorted({trial["value"] for trial in closed[place].result["search"]})
        return [job for job in self.trials(place, tried) if job.run.key() not in failed]

    def choice(self, place: Place, rows: Sequence[Result]) -> Choice:
        """What the stored trials of this place say.

        The grid alone says whether it is extended, and the extension is all that is added to it: so a run that was
        killed between two trials of an extension, or whose failed trials are run again, ends like one that was not.
        """
        option, grid = self.arms[place.arm].search, self.grid(place)
        trials = [row for row in rows if row.run.phase == "tune" and place_of(row.run) == place]
        extend = choose(option, grid, [row for row in trials if row.run.recipe[option] in grid]).extend
        wanted = [*grid, extend]
        found = choose(option, grid, [row for row in trials if row.run.recipe[option] in wanted])
        return dataclasses.replace(found, extend=extend)

    def finals(self, place: Place, rows: Sequence[Result]) -> list[Job]:
        """The reporting cells of one place, with the search that led to them."""
        option = self.arms[place.arm].search
        if done := self.closed(rows).get(place):
            search = {name: done.result[name] for name in ("chosen", "search", "validation_score", "lr_edge")}
        else:
            found = self.choice(place, rows)
            search = {
                "chosen": {option: found.value},
                "search": list(found.tried),
                "validation_score": found.score if math.isfinite(found.score) else None,
                "lr_edge": found.edge,
            }
        return self.reports(place, search["chosen"][option], search)

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """Cells that are not stored, the longest first, so that workers finish together."""
        done = self.store.keys() | (set() if self.retry_failed else self.store.failed())
        return sorted((job for job in jobs if job.run.key() not in done), key=effort, reverse=True)

    def _round(self, executor: Executor, progress: Progress, jobs: list[Job]) -> None:
        work = partial(_run_and_store, self.workbench, self.store, self.facts)
        for outcome in executor.run(self.missing(jobs), work):
            run = outcome.cell.run
            self.ran += 1
            if outcome.error is not None:
                self.failed += run.phase == "final"  # a trial that diverges is an answer: that value does not work
                reason = {"status": "failed", "reason": outcome.error}
                self.store.write(Result(run, reason, {**self.facts, "seconds": round(outcome.seconds, 3)}))
                if outcome.error.startswith("StoreError"):
                    raise StoreError(outcome.error)
            note = f"{run.phase} {run.arm}, {run.budget} labels a class, seed {run.seed}"
            progress.advance(note=note, work=effort(outcome.cell))


def _run_and_store(workbench: Workbench, store: Store, facts: dict[str, Any], job: Job) -> bool:
    """Run one cell in a worker and store its row there and then, so that nothing finished depends on the driver."""
    result, measured = timed(workbench, job)
    return store.write(Result(job.run, result, {**facts, **measured}))
