"""The records of a summary: what a report prints, as plain JSON-able data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.specs import Record

EQUAL, CONVERGED = "equal budget", "converged"


@dataclass(frozen=True)
class ArmScore(Record):
    """An arm at one budget. Scores in percent; `variant` says which schedule: equal budget, or scratch converged.

    `schedule` is the multiple of the suite's steps; 0 where cells are lost that would tell which schedule converged.

    `failed` and `missing` count the cells that the figure would need and does not have. Numbers that cannot be given
    are `None`; `seeds` is the number of seeds that the mean rests on.
    """

    arm: str
    label: str
    role: str
    budget: int
    variant: str
    schedule: int
    seeds: int
    failed: int
    missing: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    method: str = ""
    validation: float | None = None
    chosen: dict[str, Any] | None = None
    lr_edge: bool = False
    trained_parameters: int | None = None
    total_parameters: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison(Record):
    """An arm minus scratch at one budget, in points, paired by seed and test item.

    `baseline` is the id of the scratch arm, the one of the same architecture. `against` says for how long that was
    trained: as long as the arm (equal budget), or as long as validation gained (converged, `schedule` times the steps).
    `probability` is P(arm > scratch) over the paired seeds, between 0 and 1.
    `p_value` (two-sided) and `adjusted` (Holm, over all comparisons of the report) are `None` where there is no
    verdict; `detectable` is the smallest effect, in points, that would have been told from 0 with 80 % power.
    """

    arm: str
    label: str
    role: str
    budget: int
    against: str
    schedule: int
    seeds: int
    failed: int
    missing: int
    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    probability: float | None = None
    method: str = ""
    p_value: float | None = None
    adjusted: float | None = None
    detectable: float | None = None
    baseline: str = ""
    baseline_label: str = ""


@dataclass(frozen=True)
class Pair(Record):
    """Two pre-trained arms of one role at one budget: `first` minus `second` in points, paired by seed and test item.

    `verdict` is a word of `VERDICTS` for the first arm: it helps, hurts, ... against the second. `p_value` and
    `adjusted` (Holm, over all pairs) are `None` where there is no verdict; `detectable` is in points.
    """

    first: str
    second: str
    first_label: str
    second_label: str
    role: str
    budget: int
    seeds: int
    failed: int
    missing: int
    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    method: str = ""
    p_value: float | None = None
    adjusted: float | None = None
    detectable: float | None = None


@dataclass(frozen=True)
class Efficiency(Record):
    """The label-efficiency factor of an arm at one budget; `censored` (`above`, `below`) makes `factor` a bound.

    `factor` is `None` where cells of either arm are lost at any budget, or the suite has a single budget.
    """

    arm: str
    label: str
    role: str
    budget: int
    against: str
    factor: float | None = None
    censored: str = ""
    baseline_label: str = ""


@dataclass(frozen=True)
class Best(Record):
    """The best of the pre-trained arms at one budget, in percent: as picked, and where it was not picked."""

    budget: int
    arm: str
    label: str
    candidates: int
    score: float
    unpicked: float
    agreement: float


@dataclass(frozen=True)
class Trial(Record):
    """One searched value: its mean validation score (percent) over tuning seeds; `None` where a run of it failed."""

    value: float
    score: float | None
    runs: int
    failed: int
    chosen: bool


@dataclass(frozen=True)
class Search(Record):
    """What the search of one arm at one budget tried, in order of the value."""

    arm: str
    label: str
    budget: int
    schedule: int
    option: str
    trials: tuple[Trial, ...]
    lr_edge: bool


@dataclass(frozen=True)
class Spent(Record):
    """What some cells took together. None: not recorded in any of them; `lacking` names what some of them lack.

    `cells` counts rows, failed ones too (`failed`). `device_seconds` are CPU seconds on the CPU, else wall-clock
    seconds. `peak_memory_mb` is the largest of all cells, with its `memory_kind` (cell, process or mixed); `kwh` has
    its `energy_kind` (measured, estimated or mixed).
    """

    cells: int
    failed: int = 0
    flops: int | None = None
    device_seconds: float | None = None
    peak_memory_mb: float | None = None
    memory_kind: str = ""
    kwh: float | None = None
    energy_kind: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArmCost(Record):
    """What an arm at one budget took: its search, its reporting cells, and both. Converged: over all schedules."""

    arm: str
    label: str
    role: str
    budget: int
    variant: str
    search: Spent
    final: Spent
    total: Spent


@dataclass(frozen=True)
class BreakEven(Record):
    """How many tasks must share one pre-training before it pays, by FLOPs, at the score that the arm reached.

    `scratch_schedule` is the shortest schedule of scratch that reached it, 0 where none did; `scratch` and `own` are
    the FLOPs of search and final runs. `tasks` is `None` where `why` says the reason.
    """

    arm: str
    label: str
    role: str
    budget: int
    pretraining: int | None = None
    scratch_schedule: int = 0
    scratch: int | None = None
    own: int | None = None
    tasks: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Failure(Record):
    """A cell that failed, and why; `key` finds its row."""

    arm: str
    budget: int
    schedule: int
    seed: int
    phase: str
    reason: str
    key: str


@dataclass(frozen=True)
class Environment(Record):
    """What the rows say about where they ran, and how many say the same."""

    facts: dict[str, Any]
    rows: int


@dataclass(frozen=True)
class Totals(Record):
    """Counts over the whole store; `cells` is what the suite asks for, `seconds` the sum over all rows."""

    cells: int
    finished: int
    failed: int
    missing: int
    rows: int
    items: int
    seconds: float
    test_reads: int
    clusters: int | None = None


@dataclass(frozen=True)
class Summary(Record):
    """Everything a report prints, as plain records: `to_json()` is the report's `summary.json`."""

    suite: str
    suite_version: str
    level: str
    title: str
    metric: str
    chance: float
    margin: float
    confidence: float
    budgets: tuple[int, ...]
    arms: tuple[ArmScore, ...]
    comparisons: tuple[Comparison, ...]
    searches: tuple[Search, ...]
    failures: tuple[Failure, ...]
    environments: tuple[Environment, ...]
    warnings: tuple[str, ...]
    totals: Totals
    costs: tuple[ArmCost, ...] = ()
    pairs: tuple[Pair, ...] = ()
    efficiencies: tuple[Efficiency, ...] = ()
    winners: tuple[Best, ...] = ()
    break_evens: tuple[BreakEven, ...] = ()
