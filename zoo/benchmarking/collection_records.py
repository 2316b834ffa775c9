"""The records of a collection's summary: what its report prints, as plain JSON-able data."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.specs import Record

NO_ARM = "not in this suite"
NO_BUDGET = "no such label budget"
DID_NOT_RUN = "did not run"


@dataclass(frozen=True)
class MemberState(Record):
    """How far a member is. `problem` says why it could not run; counts are of its reporting cells."""

    suite: str
    task: str
    modality: str
    finished: int
    cells: int
    failed: int
    missing: int
    rows: int
    problem: str = ""


@dataclass(frozen=True)
class Gap(Record):
    """One cell of the matrix: an arm minus scratch on one task, in points of its metric.

    `rank` counts the label budgets of the task from the fewest on (0); `budget` is that number of labels a class, 0
    where the task has no such budget. `source` is what the arm was pre-trained on, empty for the classical baseline.
    Scratch is converged where the suite has longer schedules, else at equal budget (`against`); of several scratch
    networks the one that leaves the smaller difference. `verdict` is a word of `VERDICTS`, `NO_ARM` or `DID_NOT_RUN`.
    `adjusted` is the p-value after Holm over all comparisons of the collection.
    """

    modality: str
    suite: str
    task: str
    role: str
    source: str
    rank: int
    budget: int
    verdict: str
    arm: str = ""
    against: str = ""
    baseline: str = ""
    schedule: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    adjusted: float | None = None
    seeds: int = 0
    failed: int = 0
    missing: int = 0


@dataclass(frozen=True)
class Average(Record):
    """The interquartile mean of normalised scores z over tasks and seeds, of an arm, of scratch, and of the difference.

    `modality` is empty over all of them. `low` and `high` bound the difference for the same tasks, `low_tasks` and
    `high_tasks` for tasks like these; None where there are too few. Without all `of` tasks there is no number, and
    `why` says what is lacking.
    """

    modality: str
    role: str
    source: str
    rank: int
    tasks: int
    of: int
    z: float | None = None
    scratch: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    low_tasks: float | None = None
    high_tasks: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Reuse(Record):
    """How many tasks must share one pre-training, by FLOPs, at what a task of the modality saves on average.

    `each` says the same for every task on its own, in words where there is no number. `tasks` is None where `why` says
    the reason.
    """

    modality: str
    role: str
    source: str
    rank: int
    pretraining: int | None
    each: dict[str, str]
    tasks: float | None = None
    why: str = ""


@dataclass(frozen=True)
class CollectionSummary(Record):
    """Everything that the report of a collection says beyond its members' own; `to_json()` is its `summary.json`.

    `family` is the number of comparisons that Holm's adjustment allows for, `standing` how many stay below
    1 - confidence.
    """

    name: str
    version: str
    level: str
    title: str
    members: tuple[MemberState, ...]
    gaps: tuple[Gap, ...]
    averages: tuple[Average, ...]
    reuses: tuple[Reuse, ...]
    family: int
    standing: int
    confidence: float
