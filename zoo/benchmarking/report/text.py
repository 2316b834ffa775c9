"""The words and tables of a report, as plain data: Markdown, HTML and the terminal print the same ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.statistics import VERDICTS
from zoo.benchmarking.suite import COMMAND
from zoo.benchmarking.summary_records import EQUAL, ArmScore, Comparison, Pair, Search, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.suite import Suite

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
SAID = {
    "helps": "helps",
    "hurts": "hurts",
    "ahead": "is ahead",
    "behind": "is behind",
    "no difference": "makes no difference that matters",
    "leans up": "leans up",
    "leans down": "leans down",
    "undetermined": "is undetermined",
    "indicative": "has no verdict, as seeds are too few",
    "incomplete": "has no verdict yet, as cells are missing",
    "no verdict (failed)": "has no verdict, as cells failed",
}


@dataclass(frozen=True)
class Table:
    """A table of text: `groups` are (heading, rows), a row's first cell names it; `numeric` columns align right."""

    caption: str
    head: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    numeric: frozenset[str] = frozenset()


def signed(value: float | None) -> str:
    """Points with a sign and one decimal (`+3.0`), or a dash where there is no value.

    Example:
        >>> signed(3.04), signed(None)
        ('+3.0', '–')
    """
    if value is None:
        return NOTHING
    return f"{value:+.1f}".replace("-", MINUS).replace(f"{MINUS}0.0", "0.0").replace("+0.0", "0.0")


def labels_a_class(budget: int) -> str:
    """The budget in words.

    Example:
        >>> labels_a_class(1), labels_a_class(10)
        ('1 label a class', '10 labels a class')
    """
    return f"{budget} label{'' if budget == 1 else 's'} a class"


def score_name(score: ArmScore) -> str:
    """The arm's label, with the schedule where it is converged scratch.

    Example:
        >>> score_name(ArmScore("S", "from scratch", "S", 1, "converged", 2, 10, 0, 0))
        'from scratch, converged (2x)'
    """
    if score.variant == EQUAL:
        return score.label
    return f"{score.label}, converged" + (f" ({score.schedule}x)" if score.schedule else "")


def search_name(search: Search) -> str:
    """The arm's label, with the schedule where it is a longer one.

    Example:
        >>> search_name(Search("S", "from scratch", 1, 2, "lr", (), False))
        'from scratch (2x)'
    """
    return search.label if search.schedule == 1 else f"{search.label} ({search.schedule}x)"


def answer(summary: Summary) -> tuple[str, list[tuple[str, str]]]:
    """The short answer, made from the verdicts alone: one sentence, then (arm, what it did) for every other arm.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> answer(summarise(load_suite("digits"), []))[0]
        'Fine-tuning pre-trained weights against training from scratch, 8 comparisons: incomplete in 8.'
    """
    tuned = [pair for pair in summary.comparisons if pair.role == "P"]
    frozen = [pair for pair in summary.comparisons if pair.role == "F"]
    what, pairs = ("Fine-tuning pre-trained weights", tuned) if tuned else ("Frozen pre-trained weights", frozen)
    if not pairs:
        pairs, what = list(summary.comparisons), "All arms"
    words = [word for word in VERDICTS if any(pair.verdict == word for pair in pairs)]
    counts = ", ".join(f"{word} in {sum(pair.verdict == word for pair in pairs)}" for word in words)
    opening = f"{what} against training from scratch, {len(pairs)} comparisons: {counts or 'none'}."
    arms = {pair.arm: pair.label for pair in summary.comparisons}
    return opening, [(label, _story(summary, arm)) for arm, label in arms.items()]


def verdict_table(summary: Summary) -> Table:
    """Every other arm minus scratch, at equal budget and converged."""
    measures = ("Points", "Interval", "P(arm > S)", "Holm p", "Detectable", "Seeds")
    head = ("Arm", "Scratch is", "Verdict", *measures, "Cells lost")
    groups = tuple(
        (
            labels_a_class(b),
            tuple(_verdict_row(pair, scratch_name(summary, pair)) for pair in summary.comparisons if pair.budget == b),
        )
        for b in summary.budgets
    )
    caption = f"Difference from scratch in points of {summary.metric}, with {summary.confidence:.0%} intervals"
    return Table(caption, head, groups, frozenset(measures))


def score_table(summary: Summary) -> Table:
    """The mean test score of every arm."""
    head = ("Arm", "Mean", "Interval", "Validation", "Chosen", "Trained", "Seeds", "Cells lost")
    groups = tuple(
        (labels_a_class(b), tuple(_score_row(score) for score in summary.arms if score.budget == b))
        for b in summary.budgets
    )
    caption = f"Mean test {summary.metric} in percent, with {summary.confidence:.0%} intervals"
    return Table(caption, head, groups, frozenset({"Mean", "Interval", "Validation", "Trained", "Seeds"}))


def search_table(summary: Summary) -> Table:
    """Every searched value with its validation score."""
    head = ("Arm", "Value", "Validation", "Runs", "Failed", "Chosen")
    groups = tuple(
        (labels_a_class(b), tuple(row for s in summary.searches if s.budget == b for row in _search_rows(s)))
        for b in summary.budgets
    )
    return Table("Searched values with mean validation score in percent", head, groups, frozenset(head[1:5]))


def failure_table(summary: Summary) -> Table:
    """Every failed cell with its reason and the key of its row."""
    head = ("Arm", "Schedule", "Seed", "Phase", "Reason", "Row")
    groups = tuple(
        (
            labels_a_class(b),
            tuple(
                (f.arm, f"{f.schedule}x", str(f.seed), f.phase, f.reason, f.key)
                for f in summary.failures
                if f.budget == b
            ),
        )
        for b in summary.budgets
    )
    return Table("Failed cells", head, groups, frozenset({"Schedule", "Seed"}))


def counts(suite: Suite, summary: Summary) -> str:
    """One line on what was run."""
    totals = summary.totals
    minutes = f"{totals.seconds / 60:.1f} min" if totals.seconds < 7200 else f"{totals.seconds / 3600:.1f} h"
    lost = f" ({totals.failed} failed, {totals.missing} missing)" if totals.failed or totals.missing else ""
    return (
        f"suite {suite.name} {suite.version}, level {suite.level}; {totals.finished} of {totals.cells} cells{lost}; "
        f"{len(suite.seeds)} seeds; {totals.items} test items; {minutes} of computing; "
        f"test split read {totals.test_reads} time{'' if totals.test_reads == 1 else 's'} a cell at most"
    )


def warnings(summary: Summary) -> list[str]:
    """General warnings, then those that rows carry."""
    own = [
        f"{score.arm}, {labels_a_class(score.budget)}, {score.schedule}x: {text}"
        for score in summary.arms
        for text in score.warnings
    ]
    return [*summary.warnings, *dict.fromkeys(own)]


def origins(suite: Suite) -> list[tuple[str, str]]:
    """(term, text): where the data come from, their licence and how they were split, as the suite file says."""
    sources = [(name, shown(value)) for name, value in suite.sources.items()]
    return [*sources, ("split", ", ".join(f"{name} {shown(value)}" for name, value in suite.split.items()))]


def rerun(suite: Suite) -> list[str]:
    """How to check or repeat what a row says."""
    command = suite.sources.get(COMMAND, f"zoo bench {suite.name} --level {suite.level}")
    return [
        "Each row is one file, named by its key. Its `run` part holds everything that can change the result (arm, "
        "backbone digest, budget, seed, recipe); its `result` part is byte-identical on a rerun in the same "
        "environment.",
        f"Run the suite into a fresh folder (`{command} --out FOLDER`) and compare "
        "the row of the same key. To repeat one cell, copy the store without that row and run again: what is finished "
        "is not repeated.",
        "This report is made from the rows alone, without torch and without a network: zoo report FOLDER.",
    ]


def shown(value: Any) -> str:
    """A stored value as text: strings as they are, everything else as JSON.

    Example:
        >>> shown("cpu"), shown({"threads": 1})
        ('cpu', '{"threads": 1}')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _story(summary: Summary, arm: str) -> str:
    """What one arm did; budgets with the same verdicts share a clause, with the range of their numbers."""
    alike: dict[tuple[tuple[str, str], ...], list[Comparison]] = {}
    for budget in summary.budgets:
        pairs = [pair for pair in summary.comparisons if pair.arm == arm and pair.budget == budget]
        verdicts = dict.fromkeys((_against(summary, pair), pair.verdict) for pair in pairs)
        alike.setdefault(tuple(verdicts), []).extend(pairs)
    clauses = [f"with {_budgets(pairs)} it {_clause(summary, pairs)}" for pairs in alike.values() if pairs]
    return "; ".join(clauses) + "."


def _budgets(pairs: Sequence[Comparison]) -> str:
    *others, last = dict.fromkeys(pair.budget for pair in pairs)
    return f"{', '.join(map(str, others))} and {labels_a_class(last)}" if others else labels_a_class(last)


def _clause(summary: Summary, pairs: Sequence[Comparison]) -> str:
    """One clause where all verdicts agree, one for each kind of comparison where they do not."""
    kinds: dict[tuple[str, str], list[Comparison]] = {}
    for pair in pairs:
        kinds.setdefault((_against(summary, pair), pair.verdict), []).append(pair)
    if len({verdict for _, verdict in kinds}) == 1:
        numbers = "; ".join(f"{_range(own)} {against}" for (against, _), own in kinds.items())
        return f"{SAID[pairs[0].verdict]} ({numbers})"
    return ", but ".join(f"{SAID[verdict]} {against} ({_range(own)})" for (against, verdict), own in kinds.items())


def _range(pairs: Sequence[Comparison]) -> str:
    """The differences in words: one number, or the smallest and the largest."""
    known = [pair.difference for pair in pairs if pair.difference is not None]
    ends = list(dict.fromkeys(signed(end) for end in ((min(known), max(known)) if known else (None,))))
    return " to ".join(ends)


def _against(summary: Summary, pair: Comparison) -> str:
    said = "at equal budget" if pair.against == EQUAL else "against converged scratch"
    return f"{said} ({name})" if (name := scratch_name(summary, pair)) else said


def bounds_text(bounds: ArmScore | Comparison | Pair) -> str:
    """An interval in words, with signs where it is of a difference.

    Example:
        >>> bounds_text(ArmScore("S", "scratch", "S", 1, "equal budget", 1, 10, 0, 0, low=40.0, high=50.0))
        '40.0 to 50.0'
    """
    if bounds.low is None or bounds.high is None:
        return NOTHING
    if isinstance(bounds, ArmScore):
        return f"{bounds.low:.1f} to {bounds.high:.1f}"
    return f"{signed(bounds.low)} to {signed(bounds.high)}"


def p_text(value: float | None) -> str:
    """A p-value with as many digits as matter.

    Example:
        >>> p_text(0.0412), p_text(0.0002), p_text(None)
        ('0.041', '< 0.001', '–')
    """
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def size_text(value: float | None) -> str:
    """Points without a sign, or a dash.

    Example:
        >>> size_text(1.26)
        '1.3'
    """
    return NOTHING if value is None else f"{value:.1f}"


def scratch_name(summary: Summary, pair: Comparison) -> str:
    """The scratch arm of a comparison, where the arm's own name does not say which of several it is; else empty."""
    several = len({other.baseline for other in summary.comparisons if other.arm == pair.arm}) > 1
    return pair.baseline_label if several else ""


def _verdict_row(pair: Comparison, scratch: str) -> tuple[str, ...]:
    against = pair.against + (f" ({pair.schedule}x)" if pair.schedule > 1 else "")
    against += f", {scratch}" if scratch else ""
    chance = NOTHING if pair.probability is None else f"{pair.probability:.2f}"
    numbers = (signed(pair.difference), bounds_text(pair), chance, p_text(pair.adjusted), size_text(pair.detectable))
    return (pair.label, against, pair.verdict, *numbers, str(pair.seeds), lost_text(pair))


def _score_row(score: ArmScore) -> tuple[str, ...]:
    name = score_name(score)
    mean = NOTHING if score.mean is None else f"{score.mean:.1f}"
    validation = NOTHING if score.validation is None else f"{score.validation:.1f}"
    chosen = ", ".join(f"{option} {shown(value)}" for option, value in (score.chosen or {}).items()) or NOTHING
    edge = " (on the edge)" if score.lr_edge else ""
    trained = NOTHING if score.trained_parameters is None else f"{score.trained_parameters:,}"
    return (name, mean, bounds_text(score), validation, chosen + edge, trained, str(score.seeds), lost_text(score))


def lost_text(counted: ArmScore | Comparison | Pair) -> str:
    """How many cells failed or are missing.

    Example:
        >>> lost_text(ArmScore("S", "scratch", "S", 1, "equal budget", 1, 8, 1, 1))
        '1 failed, 1 missing'
    """
    parts = [
        f"{number} {word}" for number, word in ((counted.failed, "failed"), (counted.missing, "missing")) if number
    ]
    return ", ".join(parts) or "none"


def _search_rows(search: Search) -> list[tuple[str, ...]]:
    return [
        (
            search_name(search),
            f"{search.option} {trial.value:g}",
            NOTHING if trial.score is None else f"{trial.score:.1f}",
            str(trial.runs),
            str(trial.failed),
            ("chosen, on the edge" if search.lr_edge else "chosen") if trial.chosen else "",
        )
        for trial in search.trials
    ]
