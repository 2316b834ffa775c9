"""What the stores of a collection say together: a matrix of source by task, suite averages, break-even. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.benchmarking.cells import Cells, collect
from zoo.benchmarking.collection_averages import averages, reuses
from zoo.benchmarking.collection_records import DID_NOT_RUN, NO_ARM, CollectionSummary, Gap, MemberState
from zoo.benchmarking.collection_store import read_collection
from zoo.benchmarking.store import read_rows, read_suite
from zoo.benchmarking.summary import CONVERGED, Comparison, Summary, summarise
from zoo.benchmarking.summary_evidence import adjusted

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.benchmarking.collection import Collection, Member
    from zoo.benchmarking.suite import Suite

ROWS = ("P", "F", "R", "M", "C")
"""The roles that have rows in the matrix, in its order."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Part:
    """A member with all that its store says; without a store there is only its `problem`."""

    member: Member
    suite: Suite | None = None
    summary: Summary | None = None
    cells: Cells | None = None
    problem: str = ""


@dataclass(frozen=True)
class View:
    """A stored collection: its parts in order, and the summary of all."""

    collection: Collection
    parts: tuple[Part, ...]
    summary: CollectionSummary


def view_collection(folder: str | Path) -> View:
    """Read a collection's folder and compute every figure of its report.

    Raises:
        StoreError: no collection is there, or a row is damaged.
    """
    collection, held = read_collection(folder)
    parts = []
    for entry in held:
        if entry.store is None:
            parts.append(Part(entry.member, problem=entry.problem))
            continue
        suite, rows = read_suite(entry.store), read_rows(entry.store)
        cells = collect(suite, rows)
        parts.append(Part(entry.member, suite, summarise(suite, rows), cells, entry.problem))
    return summarise_collection(collection, parts)


def summarise_collection(collection: Collection, parts: list[Part]) -> View:
    """The summary of parts that have been read. P-values are adjusted over the comparisons of all parts together.

    Example:
        >>> from zoo.benchmarking.collection import load_collection
        >>> pocket = load_collection("pocket")
        >>> view = summarise_collection(pocket, [Part(member, problem="no store") for member in pocket.members])
        >>> {gap.verdict for gap in view.summary.gaps}, view.summary.family
        ({'did not run'}, 0)
    """
    family = adjusted(pair for part in parts if part.summary for pair in part.summary.comparisons)
    known, rest = [], list(family)
    for part in parts:
        if part.summary is None:
            known.append(part)
            continue
        count = len(part.summary.comparisons)
        known.append(replace(part, summary=replace(part.summary, comparisons=tuple(rest[:count]))))
        rest = rest[count:]
    gaps = tuple(gap for modality in collection.modalities for gap in _matrix(collection, known, modality))
    confidence = max((part.suite.confidence for part in known if part.suite), default=CONFIDENCE)
    summary = CollectionSummary(
        name=collection.name,
        version=collection.version,
        level=collection.level,
        title=collection.title,
        members=tuple(_state(part) for part in known),
        gaps=gaps,
        averages=averages(gaps, {p.member.suite: (p.member, p.suite, p.cells) for p in known if p.suite and p.cells}),
        reuses=reuses(gaps, {part.member.suite: part.summary for part in known if part.summary}),
        family=len(family),
        standing=sum(pair.adjusted is not None and pair.adjusted < 1 - confidence for pair in family),
        confidence=confidence,
    )
    return View(collection, tuple(known), summary)


def rows_of(collection: Collection, parts: list[Part], modality: str) -> list[tuple[str, str]]:
    """(role, source) of every row of a modality's matrix: sources as the collection lists them, then the others.

    Where no part has a store, the listed sources (or one without a name) stand, so that what did not run is shown.
    """
    mine = [part for part in parts if part.member.modality == modality]
    found = dict.fromkeys(
        (arm.role, source_of(arm.id)) for part in mine if part.suite for arm in part.suite.arms if arm.role in ROWS
    )
    listed = [str(name) for name in collection.rows.get(modality, [])]
    pairs = list(found) or [(role, source) for role in "PF" for source in listed or [""]]
    order = [*listed, *(source for _, source in pairs)]
    return sorted(pairs, key=lambda pair: (ROWS.index(pair[0]), order.index(pair[1])))


def source_of(arm: str) -> str:
    """What follows the colon in the id of an arm.

    Example:
        >>> source_of("P:glyphs"), source_of("C")
        ('glyphs', '')
    """
    return arm.partition(":")[2]


def _matrix(collection: Collection, parts: list[Part], modality: str) -> list[Gap]:
    mine = [part for part in parts if part.member.modality == modality]
    ranks = max((len(part.suite.budgets) for part in mine if part.suite), default=1)
    rows = rows_of(collection, parts, modality)
    return [_gap(part, role, source, rank) for rank in range(ranks) for role, source in rows for part in mine]


def _gap(part: Part, role: str, source: str, rank: int) -> Gap:
    budgets = sorted(part.suite.budgets) if part.suite else []
    budget = budgets[rank] if rank < len(budgets) else 0
    member = part.member
    cell = Gap(member.modality, member.suite, member.task, role, source, rank, budget, DID_NOT_RUN)
    if part.suite is None or part.summary is None:
        return cell
    pairs = [
        pair
        for pair in part.summary.comparisons
        if (pair.role, source_of(pair.arm), pair.budget) == (role, source, budget)
    ]
    pairs = [pair for pair in pairs if pair.against == CONVERGED] or pairs
    if not pairs:
        return replace(cell, verdict=NO_ARM)
    pair = min(pairs, key=_strictness)
    if part.problem and not part.summary.totals.finished:
        return replace(cell, failed=pair.failed, missing=pair.missing, arm=pair.arm)
    return replace(
        cell,
        verdict=pair.verdict,
        arm=pair.arm,
        against=pair.against,
        baseline=pair.baseline,
        schedule=pair.schedule,
        difference=pair.difference,
        low=pair.low,
        high=pair.high,
        adjusted=pair.adjusted,
        seeds=pair.seeds,
        failed=pair.failed,
        missing=pair.missing,
    )


def _strictness(pair: Comparison) -> float:
    """Of comparisons with several scratch networks one that lost cells counts, else the smallest difference."""
    return float("-inf") if pair.difference is None or pair.failed or pair.missing else pair.difference


def _state(part: Part) -> MemberState:
    totals = part.summary.totals if part.summary else None
    return MemberState(
        suite=part.member.suite,
        task=part.member.task,
        modality=part.member.modality,
        finished=totals.finished if totals else 0,
        cells=totals.cells if totals else 0,
        failed=totals.failed if totals else 0,
        missing=totals.missing if totals else 0,
        rows=totals.rows if totals else 0,
        problem=part.problem,
    )
