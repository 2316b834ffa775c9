"""The cells of a suite: which there are, which are stored, and what their search chose.

Round 1 tries the grid on tuning seeds. Round 2 extends a grid whose best value sits on its edge. Round 3 runs the
reporting seeds with what was chosen. Each cell is stored by the process that ran it as soon as it is done.
"""

from __future__ import annotations

import math
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from zoo.benchmarking.arms import Job, Workbench, timed
from zoo.benchmarking.claims import Claims
from zoo.benchmarking.environment import environment
from zoo.benchmarking.places import Place, choice, closed, place_of, places
from zoo.errors import StoreError
from zoo.specs import Result, RunSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zoo.benchmarking.executors import Executor, Outcome
    from zoo.benchmarking.store import Store
    from zoo.training.progress import Progress

_POLL_SECONDS = 0.2  # how often to look whether others have stored or dropped their cells


def effort(job: Job) -> float:
    """How long a cell takes, in training steps; one that trains nothing counts as five."""
    return float(job.run.recipe.get("steps", 0)) + 5.0


class Grid:
    """All cells of the suite of `workbench`, run into `store`, beside whoever else runs cells into it.

    With `only="failed"` those that have failed, and what follows from them: where a trial has failed, the extension of
    its search and its reporting cells. What was never tried is left to a run without `only`.
    """

    def __init__(
        self,
        workbench: Workbench,
        store: Store,
        only: Literal["failed"] | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.workbench, self.store, self.suite = workbench, store, workbench.suite
        self.only, self.tell = only, tell
        self.claims = Claims(store.folder, tell)
        self.ran = self.failed = 0
        self.facts = environment()
        self.arms = {arm.id: arm for arm in self.suite.arms}
        self.places = places(self.suite)
        self.cost: Callable[[Job], float] = effort

    @cached_property
    def failed_before(self) -> dict[str, int]:
        """The cells that `only` is about: each with the number of its last attempt when this run began."""
        return self.store.failures() if self.only else {}

    @cached_property
    def reopened(self) -> set[Place]:
        """Places whose search goes on because one of its trials is run again."""
        rows = self.store.rows()
        lost = {place_of(row.run) for row in rows if row.run.phase == "tune" and row.key in self.failed_before}
        return lost - closed(rows).keys()

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
        done = closed(rows)
        planned = []
        for place in self.places:
            planned += (trials := self.missing(self.first_trials(place, done)))
            known = place in done or not trials
            planned += self.missing(self.finals(place, rows) if known else self.reports(place, self.grid(place)[0], {}))
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

    def run(self, executor: Executor, progress: Progress) -> None:
        """The three rounds; each needs what the one before it stored, and ends when nobody runs a cell of it."""
        run_grids([self], executor, progress)

    def rounds(self, progress: Progress) -> Iterator[list[Job]]:
        """The cells of each round, said when the round before it has been run."""
        _ = self.reopened  # known before anything changes
        done = closed(self.store.rows())
        yield [job for place in self.places for job in self.first_trials(place, done)]
        rows = self.store.rows()
        searched = [place for place in self.places if place in done or self._searched(place)]
        steps = {place: choice(self.suite, place, rows).extend for place in searched if place not in done}
        extra = self.missing(
            job for place, value in steps.items() if value is not None for job in self.trials(place, [value])
        )
        progress.add(len(extra), sum(map(self.cost, extra)))
        yield extra
        rows = self.store.rows()
        yield [job for place in searched for job in self.finals(place, rows)]

    def _searched(self, place: Place) -> bool:
        """Whether the whole grid was tried here. It always was, except where `only` leaves out what never ran."""
        return all(self.store.tried(job.run.key()) for job in self.trials(place, self.grid(place)))

    def first_trials(self, place: Place, done: dict[Place, Result]) -> list[Job]:
        """The trials of the grid; of a closed search those that it stood on, less the failed ones."""
        if place not in done:
            return self.trials(place, self.grid(place))
        failed = self.store.failed()
        tried = sorted({trial["value"] for trial in done[place].result["search"]})
        return [job for job in self.trials(place, tried) if job.run.key() not in failed]

    def finals(self, place: Place, rows: Sequence[Result]) -> list[Job]:
        """The reporting cells of one place, with the search that led to them."""
        option = self.arms[place.arm].search
        if done := closed(rows).get(place):
            search = {name: done.result[name] for name in ("chosen", "search", "validation_score", "lr_edge")}
        else:
            found = choice(self.suite, place, rows)
            search = {
                "chosen": {option: found.value},
                "search": list(found.tried),
                "validation_score": found.score if math.isfinite(found.score) else None,
                "lr_edge": found.edge,
            }
        return self.reports(place, search["chosen"][option], search)

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """Cells that are not stored, the longest first, so that workers finish together."""
        finished, failures = self.store.keys(), self.store.failures()

        def wanted(job: Job) -> bool:
            key = job.run.key()
            if key in finished or failures.get(key, 0) != self.failed_before.get(key, 0):
                return False
            return not self.only or key in self.failed_before or place_of(job.run) in self.reopened

        return sorted(filter(wanted, jobs), key=effort, reverse=True)

    def admit(self, job: Job) -> bool:
        """Claim a cell. Only then it is sure that nobody has stored it since this round began."""
        key = job.run.key()
        if not self.claims.take(key):
            return False
        if self.store.tried(key, self.failed_before.get(key, 0)):
            self.claims.drop(key)
            return False
        return True

    def take_in(self, outcome: Outcome[Job, bool]) -> None:
        """Count a cell that has run, and store why it failed. One that the disk could not hold has not failed."""
        self.ran += 1
        if outcome.error is None:
            return
        if outcome.error.startswith("StoreError"):
            raise StoreError(outcome.error.splitlines()[0].removeprefix("StoreError: "))
        run = outcome.cell.run
        reason = {"status": "failed", "reason": outcome.error}
        stored = self.store.write(Result(run, reason, {**self.facts, "seconds": round(outcome.seconds, 3)}))
        self.failed += stored and run.phase == "final"  # a trial that diverges is an answer: that value does not work


def run_grids(grids: Sequence[Grid], executor: Executor, progress: Progress) -> None:
    """Run the rounds of several grids side by side: their cells share one crew, the longest first.

    So no core waits for the last cells of one suite while another has work. Suites are told apart by their names.

    Raises:
        StoreError: a store cannot be written.
    """
    try:
        for asked in zip(*(grid.rounds(progress) for grid in grids), strict=True):
            _round(grids, executor, progress, asked)
    finally:
        executor.close()
        for grid in grids:
            grid.claims.close()  # only now: what ran under a claim has ended


def _round(grids: Sequence[Grid], executor: Executor, progress: Progress, asked: Sequence[list[Job]]) -> None:
    """Run what is missing of `asked`. What others are running is theirs, until it is stored or they are gone."""
    own = {grid.suite.name: grid for grid in grids}
    work = partial(_run_and_store, {name: (grid.workbench, grid.store, grid.facts) for name, grid in own.items()})
    several, told = len(grids) > 1, False

    def grid_of(job: Job) -> Grid:
        return own[job.run.suite]

    def cost(job: Job) -> float:
        return grid_of(job).cost(job)

    def missing(parts: Sequence[list[Job]]) -> list[Job]:
        found = [job for grid, jobs in zip(grids, parts, strict=True) if jobs for job in grid.missing(jobs)]
        return sorted(found, key=cost, reverse=True)

    waiting = missing(asked)
    while waiting:
        ran = set()
        for outcome in executor.run(waiting, work, lambda job: grid_of(job).admit(job)):
            grid, run = grid_of(outcome.cell), outcome.cell.run
            grid.take_in(outcome)
            grid.claims.drop(run.key())
            ran.add(run.key())
            note = f"{run.suite}: {_name(run)}" if several else _name(run)
            progress.advance(note=note, work=grid.cost(outcome.cell))
        rest = [job for job in waiting if job.run.key() not in ran]
        waiting = missing([[job for job in rest if grid_of(job) is grid] for grid in grids])
        if others := len(rest) - len(waiting):
            elsewhere = sum(map(cost, rest)) - sum(map(cost, waiting))
            progress.advance(others, note="run by another driver", work=elsewhere)
        if waiting and not ran:
            if not told:
                holders = ", ".join(dict.fromkeys(str(grid_of(job).store.folder) for job in waiting))
                grids[0].tell(f"waiting for {len(waiting)} cells that another run on {holders} holds")
            told = True
            time.sleep(_POLL_SECONDS)


def _name(run: RunSpec) -> str:
    return f"{run.phase} {run.arm}, {run.budget} labels a class, seed {run.seed}"


def _run_and_store(benches: dict[str, tuple[Workbench, Store, dict[str, Any]]], job: Job) -> bool:
    """Run one cell in a worker and store its row there and then, so that nothing finished depends on the driver."""
    workbench, store, facts = benches[job.run.suite]
    result, measured = timed(workbench, job)
    return store.write(Result(job.run, result, {**facts, **measured}))
