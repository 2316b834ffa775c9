"""How far a run is: the cells of a stored suite that are finished, failed and missing. Needs no torch.

Counts what the suite asks for: the trials of each grid (and of its extension, once the grid asks for one) and the
reporting cells. Where a search is open, it is not known yet whether its grid will be extended.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.places import Place, choice, closed, place_of, places
from zoo.benchmarking.store import Store, read_rows, read_suite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.suite import Suite
    from zoo.specs import Result


@dataclass(frozen=True)
class Tally:
    """The cells of one phase (`tune` or `final`) of one place."""

    place: Place
    phase: str
    finished: int
    failed: int
    missing: int


@dataclass(frozen=True)
class Status:
    """All tallies of a store in the order of its suite, and how many cells failed for each reason (its first line).

    `problems` say what is wrong with its files; a cell whose row is damaged counts as missing.
    """

    store: str
    suite: str
    level: str
    tallies: tuple[Tally, ...]
    reasons: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def total(self, state: str) -> int:
        """All cells that are `finished`, `failed` or `missing`."""
        return sum(getattr(tally, state) for tally in self.tallies)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        states = ("finished", "failed", "missing")
        return {
            "store": self.store,
            "suite": self.suite,
            "level": self.level,
            **{state: self.total(state) for state in states},
            "cells": [
                {**tally.place._asdict(), "phase": tally.phase, **{state: getattr(tally, state) for state in states}}
                for tally in self.tallies
            ],
            "reasons": self.reasons,
            "problems": list(self.problems),
        }

    def __str__(self) -> str:
        width = max((len(tally.place.arm) for tally in self.tallies), default=3)
        lines = [
            f"{'arm':<{width}}  {'labels':>6}  {'steps':>5}  phase  {'finished':>8}  {'failed':>6}  {'missing':>7}"
        ]
        lines += [
            f"{t.place.arm:<{width}}  {t.place.budget:>6}  {t.place.schedule:>4}x  {t.phase:<5}  {t.finished:>8}  "
            f"{t.failed:>6}  {t.missing:>7}"
            for t in self.tallies
        ]
        lines += ["", f"{self.store}: suite {self.suite}, level {self.level}: {self.total('finished')} cells finished, "
                  f"{self.total('failed')} failed, {self.total('missing')} missing"]  # fmt: skip
        lines += [f"  failed {count} times: {reason}" for reason, count in self.reasons.items()]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def status(store: str | Path) -> Status:
    """The state of a store folder, or of a packed store.

    Raises:
        StoreError: neither is there, or its suite is damaged.

    Example:
        >>> status("benchmarks/results/pocket-quick/digits.jsonl").total("missing")  # doctest: +SKIP
        0
    """
    suite = read_suite(store)
    rows, problems = (read_rows(store), []) if Path(store).is_file() else Store(store).examine()
    reasons = Counter(
        (str(row.result.get("reason") or "without a reason").splitlines() or [""])[0] for row in rows if not row.ok
    )
    tallies = tuple(tally for place in places(suite) for tally in _tallies(suite, place, rows))
    return Status(str(store), suite.name, suite.level, tallies, dict(reasons.most_common()), tuple(problems))


def _tallies(suite: Suite, place: Place, rows: Sequence[Result]) -> list[Tally]:
    own = [row for row in rows if place_of(row.run) == place]
    found = choice(suite, place, own)
    option = next(arm for arm in suite.arms if arm.id == place.arm).search
    grid = suite.grids[option]
    trials = {(row.run.recipe.get(option), row.run.seed): row.ok for row in own if row.run.phase == "tune"}
    wanted = [(value, seed) for value in grid for seed in suite.tuning_seeds]
    whole = all(cell in trials for cell in wanted)
    done = closed(own).get(place)
    if done:  # what its search stood on is all that it needs, whatever was tried since
        wanted = [(trial["value"], trial["seed"]) for trial in done.result.get("search", [])]
    elif whole and found.extend is not None:
        wanted += [(found.extend, seed) for seed in suite.tuning_seeds]
    finals: dict[int, bool] = {}
    for row in own:
        if row.run.phase == "final":
            finals[row.run.seed] = finals.get(row.run.seed, False) or row.ok
    return [
        _tally(place, "tune", [trials.get(cell) for cell in wanted]),
        _tally(place, "final", [finals.get(seed) for seed in suite.seeds]),
    ]


def _tally(place: Place, phase: str, states: list[bool | None]) -> Tally:
    return Tally(place, phase, states.count(True), states.count(False), states.count(None))
