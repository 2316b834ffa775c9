"""The words and tables on pairs of pre-trained arms, the best of them, and what they are worth in labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.report.text import (
    NOTHING,
    Table,
    bounds_text,
    labels_a_class,
    lost_text,
    p_text,
    signed,
    size_text,
)
from zoo.benchmarking.summary_records import EQUAL

if TYPE_CHECKING:
    from zoo.benchmarking.summary_records import Best, Efficiency, Pair, Summary

WORDS = {"helps": "first is better", "hurts": "second is better", "leans up": "leans to first",
         "leans down": "leans to second"}  # fmt: skip
"""A pair's verdict in words; all others are said as they are."""
CENSORED = {"above": "> ", "below": "< "}


def pair_table(summary: Summary) -> Table:
    """Two pre-trained arms of the same role against each other.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.benchmarking.summary import summarise
        >>> len(pair_table(summarise(load_suite("digits"), [])).groups[0][1])
        2
    """
    head = ("First", "Second", "Outcome", "Points", "Interval", "Holm p", "Detectable", "Seeds", "Cells lost")
    groups = tuple(
        (labels_a_class(b), tuple(_pair_row(pair) for pair in summary.pairs if pair.budget == b))
        for b in summary.budgets
    )
    caption = f"First minus second in points of {summary.metric}, with {summary.confidence:.0%} intervals"
    return Table(caption, head, groups, frozenset(head[3:8]))


def best_table(summary: Summary) -> Table:
    """The best of all pre-trained arms at each budget, as picked and where it was not picked."""
    head = ("Best arm", "Of", "Score", "Where not picked", "Same pick")
    groups = tuple(
        (labels_a_class(b), tuple(_best_row(best) for best in summary.winners if best.budget == b))
        for b in summary.budgets
    )
    return Table(f"Best pre-trained arm by test {summary.metric} in percent", head, groups, frozenset(head[1:]))


def efficiency_table(summary: Summary) -> Table:
    """The label-efficiency factor of every pre-trained arm: a row an arm, a column a budget."""
    budgets = sorted(summary.budgets)
    head = ("Arm", *(f"With {labels_a_class(budget)}" for budget in budgets))
    kinds = list(dict.fromkeys(entry.against for entry in summary.efficiencies))
    groups = []
    for against in kinds:
        mine = [entry for entry in summary.efficiencies if entry.against == against]
        rows = []
        for arm, label in {entry.arm: entry.label for entry in mine}.items():
            found = {entry.budget: factor_text(entry) for entry in mine if entry.arm == arm}
            rows.append((label, *(found.get(budget, NOTHING) for budget in budgets)))
        groups.append((f"scratch is {'at equal budget' if against == EQUAL else against}", tuple(rows)))
    return Table("Label-efficiency factor: worth how many times the labels", head, tuple(groups), frozenset(head[1:]))


def factor_text(entry: Efficiency) -> str:
    """The factor with its censoring sign, or a dash where there is none.

    Example:
        >>> from zoo.benchmarking.summary_records import Efficiency
        >>> factor_text(Efficiency("P:a", "a", "P", 1, "equal budget", 10.0, "above"))
        '> 10'
    """
    return NOTHING if entry.factor is None else f"{CENSORED.get(entry.censored, '')}{entry.factor:.3g}"


def _pair_row(pair: Pair) -> tuple[str, ...]:
    return (
        pair.first_label,
        pair.second_label,
        WORDS.get(pair.verdict, pair.verdict),
        signed(pair.difference),
        bounds_text(pair),
        p_text(pair.adjusted),
        size_text(pair.detectable),
        str(pair.seeds),
        lost_text(pair),
    )


def _best_row(best: Best) -> tuple[str, ...]:
    return (best.label, str(best.candidates), f"{best.score:.1f}", f"{best.unpicked:.1f}", f"{best.agreement:.0%}")
