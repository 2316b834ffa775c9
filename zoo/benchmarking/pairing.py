"""The paired difference of two places of a suite: effect, p-value, smallest detectable effect, and lost cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmarking.statistics import (
    SEEDS_FOR_A_VERDICT,
    Interval,
    interval,
    minimum_detectable_effect,
    p_value,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.benchmarking.cells import Cell, Cells, Place
    from zoo.benchmarking.suite import Suite

UNKNOWN = Interval(0.0, -math.inf, math.inf, math.inf, "no seed finished in both arms")


@dataclass(frozen=True)
class Paired:
    """`here` and `there` are the cells of the same seeds in the same order; numbers in points, `None` where unknown."""

    here: list[Cell]
    there: list[Cell]
    effect: Interval | None
    word: str
    p_value: float | None
    detectable: float | None

    def fields(self) -> dict[str, Any]:
        """What every record of a paired difference stores."""
        return {
            "seeds": len(self.here),
            "verdict": self.word,
            "difference": self.effect.mean if self.effect else None,
            "p_value": self.p_value,
            "detectable": self.detectable,
            **bounds(self.effect),
        }


def paired(suite: Suite, cells: Cells, first: Place, second: Place, failed: int, missing: int) -> Paired:
    """`first` minus `second` over the seeds that finished in both, clustered where the rows name clusters.

    A p-value is given only where a verdict is: no cell lost, and seeds enough.

    Args:
        suite: says the seeds, the margin in points and the confidence.
        cells: all cells of the store.
        first: the place (arm, budget, schedule) whose score counts as plus.
        second: the one that is subtracted.
        failed: failed cells of either arm.
        missing: cells of either arm that were never run.

    Raises:
        DataError: never for collected cells.

    Source:
        PROTOCOL, "Numbers".

    Example:
        >>> from zoo.benchmarking.cells import collect
        >>> from zoo.benchmarking.suite import load_suite
        >>> suite = load_suite("digits")
        >>> paired(suite, collect(suite, []), ("P:glyphs", 1, 1), ("S", 1, 1), 0, 20).word
        'incomplete'
    """
    mine, other = cells.at(*first), cells.at(*second)
    seeds = [s for s in suite.seeds if s in mine and s in other and mine[s].ok and other[s].ok]
    here, there = [mine[s] for s in seeds], [other[s] for s in seeds]
    if not seeds:
        return Paired([], [], None, verdict(UNKNOWN, suite.margin, 0, failed, missing), None, None)
    differences = np.array([a.answers - b.answers for a, b in zip(here, there, strict=True)])
    effect = interval(differences, suite.confidence, clusters=cells.clusters)
    word = verdict(effect, suite.margin, len(seeds), failed, missing)
    judged = not failed and not missing and len(seeds) >= SEEDS_FOR_A_VERDICT
    p = p_value(differences, cells.clusters) if judged else None
    return Paired(here, there, effect, word, p, finite(minimum_detectable_effect(effect)))


def lost(suite: Suite, cells: Cells, arm: str, budget: int, schedules: Iterable[int]) -> tuple[int, int]:
    """How many cells failed, and how many were never run, over the suite's seeds and the given schedules.

    Example:
        >>> from zoo.benchmarking.cells import collect
        >>> from zoo.benchmarking.suite import load_suite
        >>> suite = load_suite("digits")
        >>> lost(suite, collect(suite, []), "S", 1, (1,))
        (0, 10)
    """
    found = [cells.at(arm, budget, schedule).get(seed) for schedule in schedules for seed in suite.seeds]
    return sum(cell is not None and not cell.ok for cell in found), sum(cell is None for cell in found)


def bounds(own: Interval | None) -> dict[str, Any]:
    """The fields of a record that an interval fills; infinite bounds, which JSON cannot hold, become `None`.

    Example:
        >>> bounds(Interval(1.0, 0.5, 1.5, 0.2, "crossed"))["low"]
        0.5
    """
    if own is None:
        return {}
    found = {"low": own.low, "high": own.high, "standard_error": own.standard_error}
    return {name: finite(value) for name, value in found.items()} | {"method": own.method}


def finite(value: float) -> float | None:
    """The value, or `None` where it is infinite.

    Example:
        >>> finite(1.5), finite(math.inf)
        (1.5, None)
    """
    return value if math.isfinite(value) else None
