"""Over the tasks of a collection: interquartile means of normalised scores, and the reuse that repays pre-training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.benchmarking.break_even import NEVER, NOT_RECORDED
from zoo.benchmarking.collection_records import DID_NOT_RUN, NO_ARM, NO_BUDGET, Average, Gap, Reuse
from zoo.benchmarking.statistics import break_even_reuse
from zoo.benchmarking.statistics.aggregate import interquartile_interval, interquartile_mean, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zoo.benchmarking.cells import Cells
    from zoo.benchmarking.collection import Member
    from zoo.benchmarking.statistics.intervals import Array
    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import BreakEven, Summary

    Known = Mapping[str, tuple[Member, Suite, Cells]]

ALL = ""
"""Stands for all modalities."""
OVERALL = "PFC"
"""The roles with an average over all modalities; there, the sources of a task are averaged before tasks are."""


def averages(gaps: Sequence[Gap], known: Known) -> tuple[Average, ...]:
    """One average for each row of every matrix, then those of `OVERALL` over all modalities where there are several.

    Where a task lacks the arm, or a cell of it or of scratch is lost, there is no number and a reason.

    Args:
        gaps: all cells of all matrices.
        known: the members that have a store, by suite.

    Raises:
        DataError: never for collected cells.

    Source:
        PROTOCOL, "Numbers": IQM of z, tasks fixed and tasks resampled; `zoo.benchmarking.statistics.aggregate`.

    Example:
        >>> gap = Gap("vision", "digits", "digits", "P", "glyphs", 0, 1, "did not run")
        >>> averages([gap], {})[0].why
        'incomplete: digits (did not run)'
    """
    found = [
        _average(modality, role, source, rank, [[gap] for gap in own], known)
        for (modality, role, source, rank), own in _rows(gaps).items()
    ]
    modalities = list(dict.fromkeys(gap.modality for gap in gaps))
    ranks = [max(gap.rank for gap in gaps if gap.modality == modality) for modality in modalities]
    if len(modalities) > 1:
        suites = list(dict.fromkeys(gap.suite for gap in gaps))
        for rank in range(min(ranks) + 1):  # further ones would leave a modality out
            for role in OVERALL:
                own = [g for g in gaps if g.rank == rank and g.role == role and g.verdict != NO_ARM]
                groups = [[gap for gap in own if gap.suite == suite] for suite in suites]
                if any(groups):
                    found.append(_average(ALL, role, "", rank, groups, known))
    return tuple(found)


def reuses(gaps: Sequence[Gap], summaries: Mapping[str, Summary]) -> tuple[Reuse, ...]:
    """The break-even reuse of every pre-trained row: its pre-training divided by the mean saving on its tasks.

    A task on which scratch did not reach the score, whose cells are lost or whose FLOPs are not known leaves the row
    without a number: a mean over the others would flatter or wrong it.

    Source:
        PROTOCOL, "Cost": `k* = C_pretrain / (C_S(m) - C_P(m))`.
    """
    return tuple(
        _reuse(modality, role, source, rank, own, summaries)
        for (modality, role, source, rank), own in _rows(gaps).items()
        if role in "PF"
    )


def _rows(gaps: Iterable[Gap]) -> dict[tuple[str, str, str, int], list[Gap]]:
    found: dict[tuple[str, str, str, int], list[Gap]] = {}
    for gap in gaps:
        found.setdefault((gap.modality, gap.role, gap.source, gap.rank), []).append(gap)
    return found


def _average(
    modality: str, role: str, source: str, rank: int, groups: Sequence[Sequence[Gap]], known: Known
) -> Average:
    """Each group holds the cells of one task; where there are several, their arms are averaged seed by seed."""
    lacking = [f"{own[0].task} ({_lack(own)})" for own in groups if own and _lack(own)]
    complete = sum(1 for own in groups if own and not _lack(own))
    average = Average(modality, role, source, rank, complete, len(groups))
    if lacking or complete < len(groups):
        none = sum(not own for own in groups)
        lacking += [f"{none} of the tasks without such an arm"] if none else []
        return replace(average, why=f"incomplete: {', '.join(lacking)}")
    tables = [_scores(own, known) for own in groups]
    if len({arms.shape for arms, _ in tables}) > 1:
        return replace(average, why="incomplete: the tasks have different numbers of seeds")
    arms, scratch = np.array([table for table, _ in tables]), np.array([table for _, table in tables])
    tasks, seeds = arms.shape
    fixed = interquartile_interval(arms - scratch, np.random.default_rng(0)) if seeds > 1 else None
    drawn = interquartile_interval(arms - scratch, np.random.default_rng(0), True) if min(tasks, seeds) > 1 else None
    return replace(
        average,
        z=interquartile_mean(arms),
        scratch=interquartile_mean(scratch),
        difference=interquartile_mean(arms - scratch),
        low=fixed.low if fixed else None,
        high=fixed.high if fixed else None,
        low_tasks=drawn.low if drawn else None,
        high_tasks=drawn.high if drawn else None,
    )


def _lack(gaps: Sequence[Gap]) -> str:
    """Why the cells of one task cannot be averaged; empty where they can."""
    for gap in gaps:
        if gap.verdict in (DID_NOT_RUN, NO_ARM):
            return _absent(gap)
        if gap.failed or gap.missing:
            counts = ((gap.failed, "failed"), (gap.missing, "missing"))
            return ", ".join(f"{number} {word}" for number, word in counts if number)
    return ""


def _absent(gap: Gap) -> str:
    """Why there is no such cell: the task may have the arm, and fewer label budgets than others have."""
    return NO_BUDGET if gap.verdict == NO_ARM and not gap.budget else gap.verdict


def _scores(gaps: Sequence[Gap], known: Known) -> tuple[Array, Array]:
    """The z of the arms and of the scratch runs that they are compared with, shape [seeds] each."""
    pairs = [_pair(gap, *known[gap.suite]) for gap in gaps]
    return np.mean([arm for arm, _ in pairs], axis=0), np.mean([scratch for _, scratch in pairs], axis=0)


def _pair(gap: Gap, member: Member, suite: Suite, cells: Cells) -> tuple[Array, Array]:
    def read(arm: str, schedule: int) -> Array:
        own = cells.at(arm, gap.budget, schedule)
        means = [own[seed].answers.mean() for seed in suite.seeds]
        return normalised(means, suite.task.chance, member.reference)

    return read(gap.arm, 1), read(gap.baseline, gap.schedule)


def _reuse(
    modality: str, role: str, source: str, rank: int, gaps: Sequence[Gap], summaries: Mapping[str, Summary]
) -> Reuse:
    entries: dict[str, BreakEven | None] = {gap.task: _entry(gap, summaries) for gap in gaps}
    each = {task: DID_NOT_RUN if entry is None else _words(entry) for task, entry in entries.items()}
    each |= {gap.task: _absent(gap) for gap in gaps if gap.verdict == NO_ARM}
    costs = {entry.pretraining for entry in entries.values() if entry and entry.pretraining is not None}
    cost = costs.pop() if len(costs) == 1 else None
    found = Reuse(modality, role, source, rank, cost, each)
    sides = {task: (e.scratch, e.own) for task, e in entries.items() if e}
    saved = [(scratch, own) for scratch, own in sides.values() if scratch is not None and own is not None]
    if len(saved) < len(entries):
        lost = [task for task in entries if None in sides.get(task, (None,))]
        return replace(found, why="; ".join(f"{task}: {each[task]}" for task in lost))
    if cost is None:
        return replace(found, why=NOT_RECORDED)
    scratch, own = (sum(side) / len(saved) for side in zip(*saved, strict=True))
    tasks = break_even_reuse(float(cost), scratch, own)
    return replace(found, why=NEVER) if math.isinf(tasks) else replace(found, tasks=tasks)


def _entry(gap: Gap, summaries: Mapping[str, Summary]) -> BreakEven | None:
    entries = summaries[gap.suite].break_evens if gap.suite in summaries else ()
    return next((entry for entry in entries if (entry.arm, entry.budget) == (gap.arm, gap.budget)), None)


def _words(entry: BreakEven) -> str:
    return entry.why if entry.tasks is None else f"{entry.tasks:.1f}"
