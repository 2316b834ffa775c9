"""What the words in a collection's tables mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.statistics import REFERENCE, VERDICTS
from zoo.benchmarking.summary_evidence import PRETRAINED

if TYPE_CHECKING:
    from zoo.benchmarking.collection_records import CollectionSummary
    from zoo.benchmarking.collection_summary import View


def matrix_terms(summary: CollectionSummary) -> list[tuple[str, str]]:
    """(term, meaning) for the matrices, the averages and the break-even reuse."""
    share, refers = f"{summary.confidence:.0%}", any(gap.role not in PRETRAINED for gap in summary.gaps)
    return [
        ("Points", "an arm's test score minus that of scratch (the same network, but for references and the classical "
         "baseline), trained for as long as its suite allows and validation gains, paired by seed and test item; the "
         "margin of each verdict is fixed in the suite's file."),
        ("Scratch of several", "where a suite has several scratch networks, a baseline is compared with the one that "
         "leaves it the smaller difference."),
        ("Interval", f"{share} confidence, on its own; as on the pages of the suites."),
        ("Holm p", f"adjusted over all {summary.family} comparisons of the collection, those at equal budget among "
         f"them; {summary.standing} stay below {1 - summary.confidence:.2g}. One without a verdict counts as 1."),
        *((word, f"{meaning}.") for word, meaning in VERDICTS.items()),
        *((word, f"{meaning}.") for word, meaning in REFERENCE.values() if refers),
    ]  # fmt: skip


def average_terms(view: View) -> list[tuple[str, str]]:
    """(term, meaning) for the table of averages and that of break-even reuse."""
    scale = "; ".join(f"{member.task} {member.reference:g}" for member in view.collection.members)
    return [
        ("z", "(score - chance) / (reference - chance): 0 is guessing, 1 the reference, which the collection's file "
         f"fixes, in points: {scale}."),
        ("Difference", "of z, an arm minus scratch, paired by seed. The middle half of all tasks and seeds is "
         "averaged; over all modalities the sources of a task are averaged first."),
        ("Same tasks", "seeds drawn anew within each task: what new seeds would give on these tasks."),
        ("Tasks resampled", "tasks drawn first: what other tasks like these might give. With fewer than about 8 tasks "
         "a rough guide."),
        ("Incomplete", "a task lacks cells that the average needs. None is averaged away."),
    ]  # fmt: skip


def reuse_terms() -> list[tuple[str, str]]:
    """(term, meaning) for the tables of break-even reuse."""
    return [
        ("Tasks to break even", "k* = C_pretrain / (C_S(m) - C_P(m)), search and final runs of both, scratch at its "
         "shortest schedule that reached the arm's score m. Over all tasks: the mean saving of the modality's tasks."),
        ("A dash", "on at least one task there is no such number; the columns to the right say why."),
    ]  # fmt: skip
