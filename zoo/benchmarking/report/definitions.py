"""What every number of a report means, and what to know before quoting it: each stands beside its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.statistics import REFERENCE, SEEDS_FOR_A_VERDICT, VERDICTS
from zoo.benchmarking.summary_evidence import PRETRAINED

if TYPE_CHECKING:
    from zoo.benchmarking.summary_records import Summary


ON_THE_EDGE = (
    "On the edge",
    "the best value lies at the end of what was tried, one step beyond the grid included: a better may lie outside.",
)


def verdict_definitions(summary: Summary) -> list[tuple[str, str]]:
    """(term, meaning) for the table of differences."""
    refers = any(pair.role not in PRETRAINED for pair in summary.comparisons)
    margin, share = f"{summary.margin:g} point{'' if summary.margin == 1 else 's'}", f"{summary.confidence:.0%}"
    return [
        ("Points", "the arm's score minus the scratch arm's, paired by seed and by test item, averaged over both."),
        (
            "Interval",
            f"{share} confidence; seeds and {_items(summary)} are crossed, and both count as drawn at random.",
        ),
        ("Margin", f"{margin}, the smallest difference that matters; fixed in the suite file before any run."),
        ("Equal budget", "scratch trained for as many steps as the arm that it is compared with."),
        ("Converged", "scratch at the schedule (1x, 2x, ...) with the best validation score; ties go to the shorter."),
        ("P(arm > S)", "the share of seeds on which the arm scored above scratch; ties count half."),
        (
            "Holm p",
            f"two-sided p-value of no difference, adjusted by Holm over all {len(summary.comparisons)} "
            "comparisons of this table: to call those below 0.05 different risks even one false alarm in at most 5% "
            "of such reports. "
            "Comparisons without a verdict have none, and count as 1.",
        ),
        (
            "Detectable",
            f"the smallest true difference, in points, that this run would have told from zero with 80% "
            f"power (two-sided, {share} confidence, not adjusted).",
        ),
        *((word, f"{meaning}.") for word, meaning in VERDICTS.items()),
        *((word, f"{meaning}.") for word, meaning in REFERENCE.values() if refers),
    ]


def score_definitions(summary: Summary) -> list[tuple[str, str]]:
    """(term, meaning) for the table of scores."""
    return [
        ("Mean", f"test {summary.metric} over seeds and the same {summary.totals.items} test items in every row."),
        ("Seed", "fixes label subset, order and initialisation of the head, identically in all arms."),
        ("Validation", "mean over the tuning seeds at the chosen value; the test split had no part in the choice."),
        ("Trained", "the number of weights that training may change."),
        ("Cells lost", "failed or missing cells that the figure needs. None is averaged away without being counted."),
        ON_THE_EDGE,
    ]


def search_definitions() -> list[tuple[str, str]]:
    """(term, meaning) for the table and the figure of the search."""
    return [
        ("Validation", "mean over the tuning seeds, at one searched value. A value with a failed run has none."),
        ("Chosen", "the value with the best mean; its seeds and the validation split report nothing else."),
        ON_THE_EDGE,
    ]


def cautions(summary: Summary) -> list[str]:
    """What a reader must know before quoting a number, from the suite's size and the report's number of intervals."""
    texts = [
        f"One task, {summary.totals.items} test items: nothing here speaks of other data.",
        f"{len(summary.comparisons)} differences from scratch are shown. Each interval, and each verdict made from it, "
        f"holds at {summary.confidence:.0%} on its own; the Holm p beside it allows for their number{_left(summary)}.",
    ]
    if any(pair.seeds < SEEDS_FOR_A_VERDICT for pair in summary.comparisons):
        texts.append(f"Fewer than {SEEDS_FOR_A_VERDICT} paired seeds give directions, not verdicts.")
    return texts


def pair_definitions(summary: Summary) -> list[tuple[str, str]]:
    """(term, meaning) for the tables of pairs and of the best arm."""
    return [
        ("Outcome", "the verdict of the first arm against the second, with the same margin and words as above."),
        ("Holm p (pairs)", f"two-sided, adjusted over all {len(summary.pairs)} pairs of this table, a family of their "
         "own."),
        ("Score", "the mean of the arm that is best on all seeds and test items: too good by what luck gave it."),
        ("Where not picked", "each seed and fold of test items is scored by the arm that is best on the other seeds "
         "and the other folds: what picking the best gives on data that had no part in it."),
        ("Same pick", "the share of those picks that fell on the same arm."),
    ]  # fmt: skip


def efficiency_definitions(summary: Summary) -> list[tuple[str, str]]:
    """(term, meaning) for the table and the figure of label efficiency."""
    censored = (
        "the arm scores above all that scratch reached at any budget, or below all: the largest (or smallest) budget "
        "divided by N, a bound and no estimate. Nothing is extrapolated."
    )
    texts = [
        ("Factor", "LEF(N): with N labels the arm scores what scratch scores with LEF(N) times as many. A point "
         "estimate, without an interval."),
        ("Curve", "each arm's mean scores, dips averaged away (least-squares monotone fit), joined by a monotone cubic "
         "(PCHIP) over the logarithm of the labels."),
        ("> or <", censored),
        ("A dash", "cells are lost at one of the budgets, or the suite has only one."),
    ]  # fmt: skip
    if len(summary.budgets) == 2:
        texts.append(("Two budgets", "the curve between them is a straight line over the logarithm: a rough guide."))
    return texts


def _items(summary: Summary) -> str:
    clusters = summary.totals.clusters
    return "test items" if clusters is None else f"{clusters} clusters of test items (speakers, documents, ...)"


def _left(summary: Summary) -> str:
    """How many of the differences stand after the adjustment."""
    level = 1 - summary.confidence
    stand = sum(pair.adjusted is not None and pair.adjusted < level for pair in summary.comparisons)
    return f" ({stand} stay below {level:.2g})"
