"""What each arm cost at each budget, from stored rows alone: search and reporting cells together. No torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.cells import canonical_or_repr, schedule_of
from zoo.benchmarking.summary_records import CONVERGED, EQUAL, ArmCost, Spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.suite import Arm, Suite
    from zoo.specs import Result


def arm_costs(suite: Suite, rows: Sequence[Result]) -> tuple[ArmCost, ...]:
    """The cost of every arm at every budget; of scratch also that of its longer schedules, where the suite has them.

    A search is part of the price of what it found. So are failed cells and cells that were run again: they were paid
    for. Converged scratch pays for all its schedules, because only running them all tells which one is best.

    Source:
        PROTOCOL, "Numbers": cost of an arm = search + final runs.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> costs = arm_costs(load_suite("digits"), [])
        >>> len(costs), costs[0].total.cells, costs[0].total.flops
        (14, 0, None)
    """
    mine = paid_for(suite, rows)
    found = []
    for budget in suite.budgets:
        for arm in suite.arms:
            here = [row for row in mine if (row.run.arm, row.run.budget) == (arm.id, budget)]
            found.append(_cost(arm, budget, EQUAL, [row for row in here if schedule_of(row) == 1]))
            if arm.role == "S" and suite.longer:
                known = {1, *suite.longer}
                found.append(_cost(arm, budget, CONVERGED, [r for r in here if schedule_of(r) in known]))
    return tuple(found)


def paid_for(suite: Suite, rows: Sequence[Result]) -> list[Result]:
    """The rows that a suite pays for: its own trials and reporting cells, each once.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> paid_for(load_suite("digits"), [])
        []
    """
    seeds = {"tune": suite.tuning_seeds, "final": suite.seeds}
    unique = {(row.key, canonical_or_repr(row)): row for row in rows}
    return [
        row
        for row in unique.values()
        if (row.run.suite, row.run.suite_version) == (suite.name, suite.version)
        and row.run.seed in seeds.get(row.run.phase, ())
    ]


def _cost(arm: Arm, budget: int, variant: str, rows: Sequence[Result]) -> ArmCost:
    search = [row for row in rows if row.run.phase == "tune"]
    final = [row for row in rows if row.run.phase == "final"]
    parts = (spent(search), spent(final), spent([*search, *final]))
    return ArmCost(arm.id, arm.label, arm.role, budget, variant, *parts)


def spent(rows: Sequence[Result]) -> Spent:
    """What these cells took together; what a row does not say is not guessed, and its name goes into `lacking`.

    Example:
        >>> spent([])
        Spent(cells=0, failed=0, flops=None, device_seconds=None, peak_memory_mb=None, memory_kind='', kwh=None, \
energy_kind='', lacking=())
    """
    flops, seconds = [flops_of(row) for row in rows], [device_seconds(row) for row in rows]
    memory = [_number(row.measured.get("peak_memory_mb")) for row in rows]
    energy = [_number(row.measured.get("energy_kwh")) for row in rows]
    columns: dict[str, Sequence[float | None]] = {
        "flops": flops,
        "device_seconds": seconds,
        "peak_memory_mb": memory,
        "kwh": energy,
    }
    known = {name: [value for value in values if value is not None] for name, values in columns.items()}
    return Spent(
        cells=len(rows),
        failed=sum(not row.ok for row in rows),
        flops=sum(value for value in flops if value is not None) if known["flops"] else None,
        device_seconds=round(math.fsum(known["device_seconds"]), 3) if known["device_seconds"] else None,
        peak_memory_mb=max(known["peak_memory_mb"], default=None),
        memory_kind=_kind(row.measured.get("peak_memory_kind", "process") for row in _with(rows, memory)),
        kwh=round(math.fsum(known["kwh"]), 9) if known["kwh"] else None,
        energy_kind=_kind(row.measured.get("energy_kind", "unknown") for row in _with(rows, energy)),
        lacking=tuple(name for name, values in known.items() if 0 < len(values) < len(rows)),
    )


def flops_of(row: Result) -> int | None:
    """FLOPs of the network in this cell: training, extraction and evaluation; None where the row does not say."""
    parts = row.result.get("flops")
    if not isinstance(parts, dict) or not all(isinstance(part, int) for part in parts.values()):
        return None
    return sum(parts.values())


def device_seconds(row: Result) -> float | None:
    """Seconds that the cell kept its device busy: CPU seconds on the CPU, wall-clock seconds elsewhere.

    A failed row has no CPU seconds; a cell has one thread, so that its wall-clock seconds stand for them.
    """
    own = None if row.run.recipe.get("device", "cpu") != "cpu" else _number(row.measured.get("cpu_seconds"))
    return _number(row.measured.get("seconds")) if own is None else own


def _with(rows: Sequence[Result], values: Sequence[float | None]) -> list[Result]:
    return [row for row, value in zip(rows, values, strict=True) if value is not None]


def _kind(kinds: Iterable[Any]) -> str:
    """The one kind that all rows have; "mixed" where they differ."""
    found = {str(kind) for kind in kinds}
    return "mixed" if len(found) > 1 else "".join(found)


def _number(value: object) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None  # type: ignore[arg-type]  # `good` says that it is a number
