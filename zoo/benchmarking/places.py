"""The places of a suite, and what the stored trials of a place say: all that can be known of a grid without torch."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from zoo.benchmarking.search import Choice, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.suite import Arm, Suite
    from zoo.specs import Result, RunSpec


class Place(NamedTuple):
    """Where a search is made: one arm at one label budget; `schedule` is the multiple of the suite's steps."""

    arm: str
    budget: int
    schedule: int


def place_of(run: RunSpec) -> Place:
    """The place that a cell belongs to."""
    return Place(run.arm, run.budget, run.recipe.get("schedule", 1))


def places(suite: Suite) -> list[Place]:
    """All places of a suite, in its order.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> places(load_suite("digits"))[:2]
        [Place(arm='S', budget=1, schedule=1), Place(arm='S', budget=1, schedule=3)]
    """
    return [
        Place(arm.id, budget, schedule)
        for arm in suite.arms
        for budget in suite.budgets
        for schedule in (1, *(suite.longer if arm.role == "S" else ()))
    ]


def arm_of(suite: Suite, place: Place) -> Arm:
    """The arm of a place."""
    return next(arm for arm in suite.arms if arm.id == place.arm)


def closed(rows: Iterable[Result]) -> dict[Place, Result]:
    """Searches that have led to a finished reporting cell. What they chose stands, whatever a retry brings."""
    return {place_of(row.run): row for row in rows if row.run.phase == "final" and row.ok}


def choice(suite: Suite, place: Place, rows: Sequence[Result]) -> Choice:
    """What the stored trials of this place say.

    The grid alone says whether it is extended, and the extension is all that is added to it: so a run that was
    killed between two trials of an extension, or whose failed trials are run again, ends like one that was not.
    """
    option = arm_of(suite, place).search
    grid: list[float] = suite.grids[option]
    trials = [row for row in rows if row.run.phase == "tune" and place_of(row.run) == place]
    extend = choose(option, grid, [row for row in trials if row.run.recipe[option] in grid]).extend
    wanted = [*grid, extend]
    found = choose(option, grid, [row for row in trials if row.run.recipe[option] in wanted])
    return dataclasses.replace(found, extend=extend)
