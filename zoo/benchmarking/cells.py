"""From stored rows to the cells of a suite: one cell an (arm, budget, schedule, seed), finished, failed or missing."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from zoo.specs import Result, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.suite import Suite

SCORE_TOLERANCE = 0.01
"""How far (points) a row's score may lie from the share of its own correct answers: rows may round."""

Place = tuple[str, int, int]
"""(arm id, label budget, schedule)"""


@dataclass(frozen=True)
class Cell:
    """One final cell. `reason` is empty where it finished; `answers` holds 0 or 100 points for each test item."""

    seed: int
    row: Result
    reason: str = ""
    answers: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def ok(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Cells:
    """All final cells by place and seed, the search's rows, and what was left out (`warnings`)."""

    finals: dict[Place, dict[int, Cell]]
    tuning: tuple[Result, ...]
    items: int
    warnings: tuple[str, ...]
    clusters: npt.NDArray[np.str_] | None = None
    """The cluster (speaker, document) of each test item, as the rows say; `None` where none of them does."""

    def at(self, arm: str, budget: int, schedule: int = 1) -> dict[int, Cell]:
        """The cells of one place, by seed; empty where nothing was run."""
        return self.finals.get((arm, budget, schedule), {})


def schedule_of(row: Result) -> int:
    """The multiple of the suite's base steps that the row trained for; 1 where the recipe does not say."""
    return int(row.run.recipe.get("schedule", 1))


def place_of_row(row: Result) -> Place:
    """The place that a row belongs to."""
    return row.run.arm, row.run.budget, schedule_of(row)


def collect(suite: Suite, rows: Sequence[Result]) -> Cells:
    """Sort `rows` into the cells of `suite`, in an order that does not depend on the order of the rows.

    A row cannot count as finished if it lacks its answers, if its score (percent) disagrees with them, if it holds
    another number of test items or names other clusters of them than most rows, or if two different rows claim its
    cell: such a cell has failed, with the reason. Rows of another suite, version, task, arm, budget or seed are left
    out, and a warning counts them.

    Raises:
        InvalidRecord: never; a row that cannot be used is a failed cell. (Reading the rows is the store's business.)

    Source:
        PROTOCOL, "The row" and "Numbers": failed or missing cells are shown as failures.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> collect(load_suite("digits"), []).at("S", 1)
        {}
    """
    mine, warnings = _belonging(suite, rows)
    finals = [row for row in mine if row.run.phase == "final"]
    items = _items(finals)
    clusters = _clusters(finals, items)
    grouped: dict[tuple[Place, int], list[Result]] = defaultdict(list)
    for row in sorted(finals, key=lambda row: (row.key, canonical_or_repr(row))):
        grouped[place_of_row(row), row.run.seed].append(row)
    cells: dict[Place, dict[int, Cell]] = defaultdict(dict)
    for (place, seed), claims in sorted(grouped.items(), key=lambda entry: entry[0]):
        cells[place][seed] = _cell(seed, claims, items, clusters)
        if len({row.ok for row in claims}) == 2:
            warnings.append(f"{_name(place, seed)} failed before it finished; the finished row is used")
    tuning = tuple(sorted((row for row in mine if row.run.phase != "final"), key=lambda row: row.key))
    labels = None if clusters is None else np.array(clusters)
    return Cells(dict(cells), tuning, items, tuple(warnings), labels)


def canonical_or_repr(row: Result) -> str:
    """A text to sort and compare rows by; a row with NaN, which JSON cannot hold, still has one."""
    try:
        return canonical(row.result)
    except ValueError:
        return repr(sorted(row.result.items()))


def _belonging(suite: Suite, rows: Sequence[Result]) -> tuple[list[Result], list[str]]:
    arms = {arm.id: arm for arm in suite.arms}
    mine: list[Result] = []
    others: Counter[str] = Counter()
    for row in rows:
        run = row.run
        if (run.suite, run.suite_version, run.task) != (suite.name, suite.version, suite.task.name):
            others[f"of another suite ({run.suite} {run.suite_version}, task {run.task})"] += 1
        elif run.arm not in arms:
            others[f"of arm {run.arm!r}, which the suite does not have"] += 1
        elif run.budget not in suite.budgets:
            others[f"with {run.budget} labels a class, a budget the suite does not have"] += 1
        elif run.phase == "final" and run.seed not in suite.seeds:
            others["with a seed that the suite does not report"] += 1
        elif schedule_of(row) != 1 and arms[run.arm].role != "S":
            others[f"of arm {run.arm!r} with a longer schedule, which only the scratch arm has"] += 1
        else:
            mine.append(row)
    return mine, [f"left out {count} row(s) {what}" for what, count in sorted(others.items())]


def _items(finals: Sequence[Result]) -> int:
    """The number of test items that most finished rows hold; ties go to the larger number."""
    lengths = Counter(len(str(row.result.get("correct", ""))) for row in finals if row.ok)
    return max(lengths, key=lambda length: (lengths[length], length), default=0)


def _clusters(finals: Sequence[Result], items: int) -> tuple[str, ...] | None:
    """What most finished rows that name clusters say, one a test item; `None` where no usable row names them."""
    named = Counter(said for row in finals if row.ok and (said := _said_clusters(row)) is not None)
    fitting = {said: count for said, count in named.items() if len(said) == items}
    return max(fitting, key=lambda said: (fitting[said], said), default=None)


def _said_clusters(row: Result) -> tuple[str, ...] | None:
    said = row.result.get("clusters")
    return tuple(map(str, said)) if isinstance(said, (list, tuple)) else None


def _cell(seed: int, claims: list[Result], items: int, clusters: tuple[str, ...] | None) -> Cell:
    finished = {(row.key, canonical_or_repr(row)): row for row in claims if row.ok}
    if not finished:
        return Cell(seed, claims[0], str(claims[0].result.get("reason") or "failed without a reason"))
    if len(finished) > 1:
        keys = ", ".join(sorted({key for key, _ in finished}))
        return Cell(seed, claims[0], f"{len(finished)} different rows claim this cell ({keys}); remove all but one")
    row = next(iter(finished.values()))
    reason = _defect(row, items)
    said = _said_clusters(row)
    if not reason and said is not None and said != clusters:
        reason = "the row names other clusters of its test items than most rows do"
    if reason:
        return Cell(seed, row, reason)
    answers = np.frombuffer(row.result["correct"].encode("ascii"), dtype=np.uint8) == ord("1")
    return Cell(seed, row, answers=answers.astype(np.float64) * 100.0)


def _defect(row: Result, items: int) -> str:
    """Why a row that says it finished cannot be used; empty where it can."""
    correct, score = row.result.get("correct"), row.result.get("score")
    if not isinstance(correct, str) or not correct or set(correct) - {"0", "1"}:
        return "the row holds no answers (`correct` must be a string of 0 and 1)"
    if len(correct) != items:
        return f"the row holds {len(correct)} test items, most rows hold {items}"
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        return f"the score is not a finite number: {score!r}"
    share = 100.0 * correct.count("1") / len(correct)
    if abs(share - score) > SCORE_TOLERANCE:
        return f"the score {score:.4g} disagrees with its own answers, which give {share:.4g}"
    return ""


def _name(place: Place, seed: int) -> str:
    arm, budget, schedule = place
    longer = f" at {schedule} times the steps" if schedule != 1 else ""
    return f"{arm}{longer}, {budget} label(s) a class, seed {seed}"
