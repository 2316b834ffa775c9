"""How many tasks must share one pre-training before it pays, from stored rows alone. No torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zoo.benchmarking.cells import place_of_row
from zoo.benchmarking.cost import paid_for, spent
from zoo.benchmarking.pairing import lost
from zoo.benchmarking.statistics import break_even_reuse
from zoo.benchmarking.summary_records import BreakEven

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.cells import Cells, Place
    from zoo.benchmarking.suite import Arm, Suite
    from zoo.specs import Result

NOT_RECORDED = "the cost of pre-training is not recorded"
LOST = "cells failed or are missing"
NOT_COUNTED = "FLOPs of some cells are not recorded"
NOT_REACHED = "scratch did not reach this score"
NEVER = "the arm costs no less than scratch"


def break_evens(suite: Suite, cells: Cells, rows: Sequence[Result]) -> tuple[BreakEven, ...]:
    """The break-even reuse of every pre-trained arm at every budget, in FLOPs.

    Both costs are those of reaching the arm's mean test score: the arm's own search and final runs, and those of the
    shortest schedule of scratch whose mean is not below it. A lost cell that might change which one that is, or a cell
    that does not say its FLOPs, takes the number away.

    Source:
        PROTOCOL, "Numbers": `k* = C_pretrain / (C_S(m) - C_P(m))`.

    Example:
        >>> from zoo.benchmarking.cells import collect
        >>> from zoo.benchmarking.suite import load_suite
        >>> suite = load_suite("digits")
        >>> {entry.why for entry in break_evens(suite, collect(suite, []), [])}
        {'cells failed or are missing'}
    """
    by_place: dict[Place, list[Result]] = {}
    for row in paid_for(suite, rows):
        by_place.setdefault(place_of_row(row), []).append(row)
    return tuple(
        _break_even(suite, cells, by_place, arm, budget)
        for budget in suite.budgets
        for arm in suite.arms
        if arm.role in "PF"
    )


def _break_even(suite: Suite, cells: Cells, rows: dict[Place, list[Result]], arm: Arm, budget: int) -> BreakEven:
    place = (arm.id, budget, 1)
    reached = _mean(suite, cells, place)
    if reached is None:
        return BreakEven(arm.id, arm.label, arm.role, budget, why=LOST)
    pretraining = _pretraining(cells, place)
    own = _flops(rows.get(place, []))
    scratch = suite.baselines(arm)[0].id
    schedules = sorted({1, *suite.longer})
    means = {schedule: _mean(suite, cells, (scratch, budget, schedule)) for schedule in schedules}
    first = next((s for s, mean in means.items() if mean is None or mean >= reached), 0)
    schedule = 0 if means.get(first) is None else first
    theirs = _flops(rows.get((scratch, budget, schedule), []))
    tasks, why = None, ""
    if not schedule:
        why = LOST if first else NOT_REACHED
    elif own is None or theirs is None:
        why = NOT_COUNTED
    elif pretraining is None:
        why = NOT_RECORDED
    elif math.isinf(found := break_even_reuse(pretraining, theirs, own)):
        why = NEVER
    else:
        tasks = found
    return BreakEven(arm.id, arm.label, arm.role, budget, pretraining, schedule, theirs, own, tasks, why)


def _mean(suite: Suite, cells: Cells, place: Place) -> float | None:
    """The mean score in percent; None where a cell is lost."""
    arm, budget, schedule = place
    if any(lost(suite, cells, arm, budget, (schedule,))):
        return None
    return float(np.mean([cell.answers.mean() for cell in cells.at(*place).values()]))


def _flops(rows: Sequence[Result]) -> int | None:
    """What these cells took together; None where one of them does not say."""
    total = spent(rows)
    return None if "flops" in total.lacking else total.flops


def _pretraining(cells: Cells, place: Place) -> int | None:
    said = {cell.row.result.get("pretraining_flops") for cell in cells.at(*place).values()}
    value = said.pop() if len(said) == 1 else None
    return value if isinstance(value, int) else None
