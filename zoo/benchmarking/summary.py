"""What a store of rows says: means, paired differences from scratch, verdicts, search, failures. No torch."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmarking.break_even import break_evens
from zoo.benchmarking.cells import Cell, Cells, canonical_or_repr, collect, schedule_of
from zoo.benchmarking.cost import arm_costs
from zoo.benchmarking.pairing import bounds, lost, paired
from zoo.benchmarking.statistics import mean_interval, of_reference, probability_above
from zoo.benchmarking.summary_evidence import PRETRAINED, adjusted, efficiencies, pairs_of_arms, winners
from zoo.benchmarking.summary_records import (
    CONVERGED,
    EQUAL,
    ArmScore,
    Best,
    Comparison,
    Efficiency,
    Environment,
    Failure,
    Pair,
    Search,
    Summary,
    Totals,
    Trial,
)
from zoo.specs import Result, canonical

if TYPE_CHECKING:
    from zoo.benchmarking.statistics import Interval
    from zoo.benchmarking.suite import Arm, Suite

__all__ = [
    "CONVERGED", "EQUAL", "ArmScore", "Best", "Comparison", "Efficiency", "Environment", "Failure", "Pair", "Search",
    "Summary", "Totals", "Trial", "summarise",
]  # fmt: skip

NOT_ENVIRONMENT = {"seconds", "peak_memory_mb", "flops", "energy_kwh", "started", "finished", "timestamp", "pid"}
"""Entries of `measured` that differ from row to row by nature; so do all that are floats."""


def summarise(suite: Suite, rows: Sequence[Result]) -> Summary:
    """Compute every figure of the report from `rows`; the order of the rows does not matter.

    Only seeds that finished in both arms are paired. A failed or missing cell in either arm is counted, shown, and
    takes the verdict away; no mean skips a NaN. Against converged scratch, the cells of all its schedules are needed,
    because any of them might have been the best.

    Raises:
        DataError: never for stored rows; unusable ones are failed cells.

    Source:
        PROTOCOL, "Search, budgets, seeds" and "Numbers".

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> empty = summarise(load_suite("digits"), [])
        >>> empty.totals.missing == empty.totals.cells, empty.comparisons[0].verdict
        (True, 'incomplete')
    """
    cells = collect(suite, rows)
    pairs = [(budget, arm) for budget in suite.budgets for arm in suite.arms]
    arms = tuple(score for budget, arm in pairs for score in _scores(suite, cells, arm, budget))
    comparisons = adjusted(
        _comparison(suite, cells, arm, scratch)
        for budget, arm in pairs
        for scratch in arms
        if scratch.budget == budget and scratch.arm in [baseline.id for baseline in suite.baselines(arm)]
    )
    environments = _environments(rows)
    return Summary(
        suite=suite.name,
        suite_version=suite.version,
        level=suite.level,
        title=suite.title,
        metric=suite.task.metric,
        chance=suite.task.chance,
        margin=suite.margin,
        confidence=suite.confidence,
        budgets=suite.budgets,
        arms=arms,
        comparisons=comparisons,
        searches=_searches(suite, cells),
        failures=_failures(cells),
        environments=environments,
        warnings=(*cells.warnings, *_general_warnings(suite, arms, environments)),
        totals=_totals(suite, cells, rows),
        costs=arm_costs(suite, rows),
        pairs=adjusted(pairs_of_arms(suite, cells)),
        efficiencies=efficiencies(suite, arms),
        winners=winners(suite, cells),
        break_evens=break_evens(suite, cells, rows),
    )


def schedules_of(suite: Suite, arm: Arm) -> tuple[int, ...]:
    """The schedules (multiples of the base steps) that the suite asks of an arm: only scratch has longer ones."""
    return tuple(sorted({1, *suite.longer})) if arm.role == "S" else (1,)


def _scores(suite: Suite, cells: Cells, arm: Arm, budget: int) -> list[ArmScore]:
    """The arm at equal budget and, for scratch where the suite has longer schedules, converged."""
    scores = [_score(suite, cells, arm, budget, 1, EQUAL, (1,))]
    schedules = schedules_of(suite, arm)
    if len(schedules) > 1:
        best = converged_schedule(cells, arm, budget, schedules)
        scores.append(_score(suite, cells, arm, budget, best, CONVERGED, schedules))
    return scores


def converged_schedule(cells: Cells, arm: Arm, budget: int, schedules: Sequence[int]) -> int:
    """The schedule with the best validation score, ties to the shorter; 0 as long as one of them has no score.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> suite = load_suite("digits")
        >>> converged_schedule(collect(suite, []), suite.scratch_arms[0], 1, (1, 2))
        0
    """
    scores = [_number(_first(cells.at(arm.id, budget, schedule), "validation_score")) for schedule in schedules]
    known = [(score, -schedule) for score, schedule in zip(scores, schedules, strict=True) if score is not None]
    return -max(known)[1] if len(known) == len(schedules) else 0


def _score(
    suite: Suite, cells: Cells, arm: Arm, budget: int, schedule: int, variant: str, needed: tuple[int, ...]
) -> ArmScore:
    here = cells.at(arm.id, budget, schedule)
    finished = [here[seed] for seed in suite.seeds if seed in here and here[seed].ok]
    failed, missing = lost(suite, cells, arm.id, budget, needed)
    own = _own(finished, suite, cells)
    chosen = _first(here, "chosen")
    return ArmScore(
        arm=arm.id,
        label=arm.label,
        role=arm.role,
        budget=budget,
        variant=variant,
        schedule=schedule,
        seeds=len(finished),
        failed=failed,
        missing=missing,
        validation=_number(_first(here, "validation_score")),
        chosen=dict(chosen) if isinstance(chosen, Mapping) else None,
        lr_edge=any(bool(cell.row.result.get("lr_edge")) for cell in finished),
        trained_parameters=_first(here, "trained_parameters"),
        total_parameters=_first(here, "total_parameters"),
        warnings=_row_warnings(here),
        **bounds(own),
        mean=own.mean if own else None,
    )


def _own(finished: list[Cell], suite: Suite, cells: Cells) -> Interval | None:
    if not finished:
        return None
    return mean_interval([cell.answers for cell in finished], suite.confidence, clusters=cells.clusters)


def _comparison(suite: Suite, cells: Cells, arm: Arm, scratch: ArmScore) -> Comparison:
    failed, missing = lost(suite, cells, arm.id, scratch.budget, (1,))
    failed, missing = failed + scratch.failed, missing + scratch.missing
    places = (arm.id, scratch.budget, 1), (scratch.arm, scratch.budget, scratch.schedule)
    pair = paired(suite, cells, *places, failed, missing)
    said = pair.fields() | ({} if arm.role in PRETRAINED else {"verdict": of_reference(pair.word)})
    return Comparison(
        arm=arm.id,
        label=arm.label,
        role=arm.role,
        budget=scratch.budget,
        against=scratch.variant,
        schedule=scratch.schedule,
        failed=failed,
        missing=missing,
        probability=_probability(pair.here, pair.there),
        baseline=scratch.arm,
        baseline_label=scratch.label,
        **said,
    )


def _probability(arm: list[Cell], scratch: list[Cell]) -> float | None:
    if not arm:
        return None
    return probability_above([a.answers.mean() for a in arm], [s.answers.mean() for s in scratch])


def _first(cells: Mapping[int, Cell], name: str) -> Any:
    """A property of the place that all its finished rows share; taken from the first seed that finished."""
    return next((cell.row.result.get(name) for _, cell in sorted(cells.items()) if cell.ok), None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _row_warnings(cells: Mapping[int, Cell]) -> tuple[str, ...]:
    said = [set(cell.row.result.get("warnings") or ()) for cell in cells.values()]
    counts = Counter(str(text) for texts in said for text in texts)
    return tuple(f"{text} ({count} of {len(cells)} rows)" for text, count in sorted(counts.items()))


def _searches(suite: Suite, cells: Cells) -> tuple[Search, ...]:
    found = []
    for budget in suite.budgets:
        for arm in suite.arms:
            for schedule in schedules_of(suite, arm):
                here = cells.at(arm.id, budget, schedule)
                entries, chosen = _first(here, "search") or (), _first(here, "chosen") or {}
                trials = _trials(entries, chosen.get(arm.search) if isinstance(chosen, Mapping) else None)
                if trials:
                    edge = bool(_first(here, "lr_edge"))
                    found.append(Search(arm.id, arm.label, budget, schedule, arm.search, trials, edge))
    return tuple(found)


def _trials(entries: Iterable[Mapping[str, Any]], chosen: object) -> tuple[Trial, ...]:
    by_value: dict[float, list[float | None]] = defaultdict(list)
    for entry in entries:
        by_value[float(entry["value"])].append(_number(entry.get("score")))
    trials = []
    for value, scores in sorted(by_value.items()):
        good = [score for score in scores if score is not None]
        mean = float(np.mean(good)) if len(good) == len(scores) else None
        trials.append(Trial(value, mean, len(scores), len(scores) - len(good), value == chosen))
    return tuple(trials)


def _failures(cells: Cells) -> tuple[Failure, ...]:
    found = [
        Failure(place[0], place[1], place[2], seed, "final", cell.reason, cell.row.key)
        for place, here in cells.finals.items()
        for seed, cell in here.items()
        if not cell.ok
    ]
    for row in cells.tuning:
        if not row.ok:
            run, reason = row.run, str(row.result.get("reason") or "failed without a reason")
            found.append(Failure(run.arm, run.budget, schedule_of(row), run.seed, run.phase, reason, row.key))
    return tuple(sorted(found, key=lambda f: (f.phase, f.budget, f.arm, f.schedule, f.seed, f.key)))


def _environments(rows: Sequence[Result]) -> tuple[Environment, ...]:
    counts: Counter[str] = Counter()
    facts: dict[str, dict[str, Any]] = {}
    for row in rows:
        said = {k: v for k, v in row.measured.items() if k not in NOT_ENVIRONMENT and not isinstance(v, float)}
        if said:
            name = canonical(said)
            counts[name] += 1
            facts[name] = said
    return tuple(Environment(facts[name], counts[name]) for name in sorted(counts, key=lambda n: (-counts[n], n)))


def _general_warnings(suite: Suite, arms: Iterable[ArmScore], environments: Sequence[Environment]) -> list[str]:
    texts = []
    if len(environments) > 1:
        texts.append(f"the rows come from {len(environments)} different environments: timings cannot be compared")
    for score in arms:
        if still_gaining(suite, score):
            texts.append(
                f"at {score.budget} label(s) a class the longest schedule of {score.arm} had the best validation "
                "score: an even longer one might score higher"
            )
        if score.lr_edge:
            texts.append(
                f"{score.arm} at {score.budget} label(s) a class ({score.variant}): "
                "the best searched value lies on the edge of its grid"
            )
    return texts


def still_gaining(suite: Suite, score: ArmScore) -> bool:
    """Whether this is converged scratch whose best validation score came with the longest schedule of its suite."""
    return score.variant == CONVERGED and score.schedule == max(1, *suite.longer)


def _totals(suite: Suite, cells: Cells, rows: Sequence[Result]) -> Totals:
    asked = [(arm, b, s) for arm in suite.arms for b in suite.budgets for s in schedules_of(suite, arm)]
    gone = [lost(suite, cells, arm.id, budget, (schedule,)) for arm, budget, schedule in asked]
    failed, missing = sum(f for f, _ in gone), sum(m for _, m in gone)
    number = len(asked) * len(suite.seeds)
    unique = {(row.key, canonical_or_repr(row)): row for row in rows}
    return Totals(
        cells=number,
        finished=number - failed - missing,
        failed=failed,
        missing=missing,
        rows=len(rows),
        items=cells.items,
        seconds=float(sum(_number(row.measured.get("seconds")) or 0.0 for row in unique.values())),
        test_reads=max((int(row.result.get("test_reads") or 0) for row in rows), default=0),
        clusters=None if cells.clusters is None else len(set(cells.clusters.tolist())),
    )
