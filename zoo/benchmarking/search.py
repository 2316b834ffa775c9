"""The search of an arm: the same fixed, order-free grid for all, extended by one step when the best sits on an edge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.specs import Result

WHOLE = ("k",)  # options that are whole numbers from 1 on


@dataclass(frozen=True)
class Choice:
    """The value that a search chose. `extend` is a further value to try first; `edge` says the best sits on an edge."""

    value: float
    score: float
    edge: bool
    extend: float | None
    tried: tuple[dict[str, Any], ...]


def choose(option: str, grid: Sequence[float], trials: Sequence[Result]) -> Choice:
    """The best value of `option` over finished trials, by mean validation score over the tuning seeds.

    Ties go to the lower mean loss, then to the smaller value. A value with a failed trial cannot win; where all have
    one, the middle of `grid` stands in with a score of minus infinity. When the best is the smallest or largest of
    `grid`, `extend` names the next value on that side, as long as it was not tried.

    Example:
        >>> choose("lr", [0.1, 1.0], []).extend is None
        True
    """
    tried = sorted((_trial(option, row) for row in trials), key=lambda t: (t["value"], t["seed"]))
    values = sorted({t["value"] for t in tried})
    ranked = sorted(values, key=lambda value: _rank(value, tried))
    if not ranked or _rank(ranked[0], tried)[0] == math.inf:
        return Choice(float(sorted(grid)[len(grid) // 2]), -math.inf, False, None, tuple(tried))
    best = ranked[0]
    edge = best in (values[0], values[-1]) and len(values) > 1
    extend = None
    if edge and best in grid:
        step = sorted(grid)[1] / sorted(grid)[0]
        beyond = _round(best * step if best == max(grid) else best / step)
        if option in WHOLE:
            beyond = max(1, round(beyond))
        extend = beyond if beyond not in values else None
    score = -_rank(best, tried)[0]
    return Choice(best, score, edge, extend, tuple(tried))


def _trial(option: str, row: Result) -> dict[str, Any]:
    return {
        "value": row.run.recipe[option],
        "seed": row.run.seed,
        "score": row.result.get("score") if row.ok else None,
        "loss": row.result.get("loss") if row.ok else None,
    }


def _rank(value: float, tried: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    own = [t for t in tried if t["value"] == value]
    if any(t["score"] is None for t in own):
        return math.inf, math.inf, value
    mean_score = sum(t["score"] for t in own) / len(own)
    mean_loss = sum(t["loss"] for t in own) / len(own)
    return -mean_score, mean_loss, value


def _round(value: float) -> float:
    """Two significant digits, so that an extended grid reads like the file's and hashes the same everywhere."""
    return float(f"{value:.2g}")
