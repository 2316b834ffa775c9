"""What a stored comparison says of a backbone: was its pre-training worth it, with how many labels, at what cost.

The rows are summarised as the report does it; a card only chooses the arms that start from this backbone.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from zoo.benchmarking.store import read_rows, read_suite
from zoo.benchmarking.summary import still_gaining, summarise
from zoo.catalog.query import describe
from zoo.errors import PublishError, UnknownName
from zoo.hub.cards.parts import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.suite import Arm, Suite
    from zoo.benchmarking.summary_records import Comparison, Spent, Summary

RECORD = "backbone.json"  # in a folder that `zoo pretrain` wrote


def evidence(store: str | Path, backbone: str, data: str = "", digest: str = "") -> str:
    """The section of a card on a benchmark, in Markdown, without its heading.

    Args:
        store: a folder of `zoo bench`, or a packed file.
        backbone: as the arms of the suite name it.
        digest: SHA-256 of its weights, where that is known: an arm that starts from a folder is told by it.
        data: the data that the model was fitted to; the section says so where the benchmark is on other data.

    Raises:
        StoreError: no store there.
        PublishError: no arm starts from this backbone, or nothing of it is finished.

    Example:
        >>> from zoo.upkeep.cards import ROOT
        >>> text = evidence(ROOT / "benchmarks/results/pocket-quick/digits.jsonl", "pocket/resnet10.glyphs", "digits")
        >>> "from scratch" in text, "nan" in text
        (True, False)
    """
    suite = read_suite(store)
    arms = [arm for arm in suite.arms if _starts(arm.backbone, backbone, digest) and arm.role != "S"]
    if not arms:
        known = sorted({arm.backbone for arm in suite.arms if arm.backbone})
        raise PublishError(
            f"no arm of the suite {suite.name} starts from {backbone}; its arms start from {', '.join(known)}. "
            "Fix: give the store in which this backbone was compared, or leave --evidence out."
        )
    rows = read_rows(store)
    summary = summarise(suite, rows)
    named = {arm.id for arm in arms}
    compared = [each for each in summary.comparisons if each.arm in named]
    if all(each.difference is None for each in compared):
        raise PublishError(f"nothing of {backbone} is finished in that store. Fix: run `zoo bench` to its end first.")
    parts = [
        _about(suite, summary, data),
        "Differences are in points of "
        f"{suite.task.metric} from the same network trained from scratch, paired by seed and test item, with "
        f"{suite.confidence:.0%} intervals; differences within {suite.margin:g} points do not count.",
        _effects(compared, summary),
        *longest(suite, summary),
        *_worth(summary, named),
        "Cost, search included (a device second of a CPU is one of CPU time):",
        _costs(summary, arms, suite),
        f"**Leakage**: {suite.leakage}.",
        f"**Rests on**: {_flat(suite.rests_on)}",
    ]
    if summary.totals.failed or summary.totals.missing:
        lost = f"{summary.totals.failed} cells failed and {summary.totals.missing} are missing"
        parts.append(f"{lost} of {summary.totals.cells}: where they would be needed there is no verdict.")
    return "\n\n".join(parts)


def _about(suite: Suite, summary: Summary, data: str) -> str:
    other = (
        ""
        if not data or _same(suite.task.name, data)
        else f" It is not the data that this model was fitted to ({data})."
    )
    budgets = ", ".join(map(str, suite.budgets))
    return (
        f"Suite `{suite.name}`, version {suite.version}, level {suite.level}: "
        f"{budgets} labels a class, {len(suite.seeds)} seeds, {summary.totals.items} test items, "
        f"{summary.totals.rows} rows.{other}"
    )


def _effects(compared: Sequence[Comparison], summary: Summary) -> str:
    means = {(score.arm, score.budget): score.mean for score in summary.arms if score.schedule == 1}
    header = ("labels a class", "arm", summary.metric, "against scratch", "difference", "interval", "verdict")
    rows = []
    for one in sorted(compared, key=lambda each: (each.budget, each.arm, each.against)):
        mean = means.get((one.arm, one.budget))
        rows.append([
            one.budget,
            one.label,
            None if mean is None else f"{mean:.1f}",
            one.against + (f" ({one.schedule}x steps)" if one.schedule > 1 else ""),
            None if one.difference is None else f"{one.difference:+.1f}",
            None if one.low is None or one.high is None else f"{one.low:+.1f} to {one.high:+.1f}",
            one.verdict,
        ])  # fmt: skip
    return table(header, rows)


def longest(suite: Suite, summary: Summary) -> list[str]:
    """The sentence that a card owes where scratch might have gone on to learn; empty where it did not."""
    budgets = sorted({score.budget for score in summary.arms if still_gaining(suite, score)})
    if not budgets:
        return []
    return [
        f"With {', '.join(map(str, budgets))} labels a class scratch had its best validation score after the longest "
        f"training of the suite ({max(suite.longer)} times the steps): a longer one might leave a smaller difference."
    ]


def _worth(summary: Summary, named: set[str]) -> list[str]:
    """After how many tasks pre-training would have paid for itself, where that can be told."""
    lines = [
        f"- {one.label}, {one.budget} labels a class: {f'{one.tasks:.3g} tasks' if one.tasks is not None else one.why}"
        for one in summary.break_evens
        if one.arm in named and (one.tasks is not None or one.why)
    ]
    return ["Tasks that must share the pre-training before it pays for itself:", "\n".join(lines)] if lines else []


def _costs(summary: Summary, arms: Sequence[Arm], suite: Suite) -> str:
    shown = {arm.id for arm in arms} | {scratch.id for arm in arms for scratch in suite.baselines(arm)}
    rows = [
        [one.budget, one.label, one.variant, *_spent(one.total)]
        for one in summary.costs
        if one.arm in shown and one.total.cells
    ]
    return table(("labels a class", "arm", "schedule", "FLOPs", "device seconds", "memory (MB)"), rows)


def _spent(spent: Spent) -> list[str | None]:
    return [
        None if spent.flops is None else f"{spent.flops:.3g}",
        None if spent.device_seconds is None else f"{spent.device_seconds:.0f}",
        None if spent.peak_memory_mb is None else f"{spent.peak_memory_mb:.0f}",
    ]


def _starts(arm: str, backbone: str, digest: str) -> bool:
    """Whether what an arm starts from is this backbone, and not another one of its name."""
    if arm == backbone:
        try:
            known = describe(backbone).digest  # what the arm got by this name
        except UnknownName:
            known = ""
        return bool(arm) and (digest == known or not digest or not known)
    if not PurePath(arm).is_absolute():
        return False
    try:
        return bool(json.loads(Path(arm, RECORD).read_text(encoding="utf-8"))["digest"] == digest != "")
    except (OSError, ValueError, KeyError, TypeError):
        return _same(arm, backbone)


def _same(one: str, other: str) -> bool:
    """Whether two names are one; of a path its last part may have been kept alone."""
    return bool(one) and (one == other or (PurePath(one).is_absolute() and PurePath(one).name == other))


def _flat(text: str) -> str:
    return " ".join(text.split())
