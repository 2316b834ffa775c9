"""The words and the table of what the arms cost, as plain data for all forms of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.report.text import NOTHING, Table, labels_a_class
from zoo.benchmarking.summary_records import EQUAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.benchmarking.summary_records import ArmCost, BreakEven, Spent, Summary

UNKNOWN = "not recorded"
UNITS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float | None) -> str:
    """A large number with three digits and its SI prefix.

    Example:
        >>> amount(1481342976), amount(0), amount(None)
        ('1.48 G', '0', 'not recorded')
    """
    if value is None:
        return UNKNOWN
    size, prefix = next(((size, prefix) for size, prefix in UNITS if value >= size), (1.0, ""))
    return f"{value / size:.3g} {prefix}".rstrip()


def cost_name(cost: ArmCost) -> str:
    """The arm's label, with the schedules where it is converged scratch."""
    return cost.label if cost.variant == EQUAL else f"{cost.label}, all schedules"


def cost_table(summary: Summary) -> Table:
    """What every arm took: search and reporting cells apart, and peak memory and energy of both."""
    head = ("Arm", "Search FLOPs", "Final FLOPs", "Seconds", "Peak memory", "kWh", "Trials", "Runs")
    groups = tuple(
        (labels_a_class(b), tuple(_cost_row(cost) for cost in summary.costs if cost.budget == b))
        for b in summary.budgets
    )
    caption = "Cost of every arm: its search (trials) and its final runs, over all their seeds"
    return Table(caption, head, groups, frozenset(head[1:]))


def break_even_table(summary: Summary) -> Table:
    """How many tasks must share one pre-training before it pays, for every pre-trained arm."""
    head = ("Arm", "Tasks to break even", "Pre-training", "Scratch", "Arm itself")
    groups = tuple(
        (labels_a_class(b), tuple(_break_even_row(entry) for entry in summary.break_evens if entry.budget == b))
        for b in summary.budgets
    )
    return Table("Break-even reuse, by FLOPs at the score that the arm reached", head, groups, frozenset(head[2:]))


def _break_even_row(entry: BreakEven) -> tuple[str, ...]:
    tasks = entry.why if entry.tasks is None else f"{entry.tasks:.1f}"
    scratch = f"{amount(entry.scratch)} ({entry.scratch_schedule}x)" if entry.scratch_schedule else NOTHING
    return (entry.label, tasks, amount(entry.pretraining), scratch, amount(entry.own))


def cost_definitions() -> list[tuple[str, str]]:
    """(term, meaning) for the table of costs."""
    return [
        ("FLOPs", "operations of the network, a multiplication and an addition as two: of one real training step, "
                  "forward and backward, times the steps, and of every sample that is read out. Counted by torch, the "
                  "same on every machine. Solvers (linear probe, classical baseline) are no network and count as 0."),
        ("Seconds", "of both, on the device: CPU seconds on the CPU, wall-clock seconds elsewhere. Solvers are in."),
        ("Peak memory", "of the cell that took most, with the libraries; (process): the peak of a worker's whole life, "
                        "where nothing better was recorded."),
        ("kWh", "measured: read from power counters; estimated: CPU seconds times 12 W a core (Green Algorithms, "
                "Lannelongue et al. 2021), without memory, cooling and idle machines."),
        ("Tasks to break even", "pre-training divided by what one task saves: scratch less the arm itself, search and "
                                "final runs of both; scratch at its shortest schedule whose mean is not below the "
                                "arm's."),
        ("Trials, Runs", "cells of the search and final cells, failed ones and repeats among them. Pre-training is not "
                         "in here. \N{GREATER-THAN OR EQUAL TO}: some of these cells did not record it."),
    ]  # fmt: skip


def _cost_row(cost: ArmCost) -> tuple[str, ...]:
    search, final, total = cost.search, cost.final, cost.total
    peak = _shown(total, "peak_memory_mb", total.peak_memory_mb, lambda value: f"{value:.0f} MB")
    kwh = _shown(total, "kwh", total.kwh, lambda value: f"{value:.2g} ({total.energy_kind})")
    return (
        cost_name(cost),
        _shown(search, "flops", search.flops, amount),
        _shown(final, "flops", final.flops, amount),
        _shown(total, "device_seconds", total.device_seconds, _seconds),
        peak + (f" ({total.memory_kind})" if total.memory_kind not in ("", "cell") else ""),
        kwh,
        str(search.cells),
        str(final.cells),
    )


def _shown(part: Spent, name: str, value: float | None, form: Callable[[float], str]) -> str:
    if value is None:
        return UNKNOWN
    return ("\N{GREATER-THAN OR EQUAL TO} " if name in part.lacking else "") + form(value)


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
