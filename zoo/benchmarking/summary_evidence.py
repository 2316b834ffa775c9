"""What a summary says beyond one comparison: adjusted p-values, pairs of arms, label efficiency, the best arm."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from zoo.benchmarking.pairing import lost, paired
from zoo.benchmarking.statistics import holm, label_efficiency_factor, pick_winner
from zoo.benchmarking.statistics.winners import FOLDS
from zoo.benchmarking.summary_records import EQUAL, ArmScore, Best, Comparison, Efficiency, Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.cells import Cells
    from zoo.benchmarking.suite import Suite

PRETRAINED = "PF"
"""The roles that start from pre-trained weights."""

Tested = TypeVar("Tested", Comparison, Pair)


def adjusted(family: Iterable[Tested]) -> tuple[Tested, ...]:
    """The same records with Holm's adjusted p-values; one without a p-value still counts as a member (as p = 1).

    Raises:
        DataError: a p-value outside [0, 1].

    Source:
        `zoo.benchmarking.statistics.holm`; PROTOCOL, "Numbers": over the report's family of comparisons.

    Example:
        >>> pair = Pair("P:a", "P:b", "a", "b", "P", 1, 10, 0, 0, "helps", p_value=0.02)
        >>> [p.adjusted for p in adjusted([pair, replace(pair, p_value=None)])]
        [0.04, None]
    """
    members = tuple(family)
    values = holm([1.0 if member.p_value is None else member.p_value for member in members])
    return tuple(
        member if member.p_value is None else replace(member, adjusted=value)
        for member, value in zip(members, values, strict=True)
    )


def pairs_of_arms(suite: Suite, cells: Cells) -> list[Pair]:
    """Every two pre-trained arms of the same role at every budget, in suite order.

    Example:
        >>> from zoo.benchmarking.cells import collect
        >>> from zoo.benchmarking.suite import load_suite
        >>> suite = load_suite("digits")
        >>> [(pair.first, pair.second) for pair in pairs_of_arms(suite, collect(suite, []))][:2]
        [('P:glyphs', 'P:textures'), ('F:glyphs', 'F:textures')]
    """
    found = []
    for budget in suite.budgets:
        for role in PRETRAINED:
            for first, second in combinations([arm for arm in suite.arms if arm.role == role], 2):
                gone = [lost(suite, cells, arm.id, budget, (1,)) for arm in (first, second)]
                failed, missing = sum(f for f, _ in gone), sum(m for _, m in gone)
                pair = paired(suite, cells, (first.id, budget, 1), (second.id, budget, 1), failed, missing)
                found.append(
                    Pair(
                        first=first.id,
                        second=second.id,
                        first_label=first.label,
                        second_label=second.label,
                        role=role,
                        budget=budget,
                        failed=failed,
                        missing=missing,
                        **pair.fields(),
                    )
                )
    return found


def efficiencies(suite: Suite, scores: Sequence[ArmScore]) -> tuple[Efficiency, ...]:
    """The label-efficiency factor of every pre-trained arm at every budget, against scratch of each kind.

    Where a cell of either arm is lost at any budget the curves would rest on different seeds, so no factor is given.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> efficiencies(load_suite("digits"), [])
        ()
    """
    budgets = sorted(suite.budgets)
    curves: dict[tuple[str, str], dict[int, ArmScore]] = {}
    for score in scores:
        curves.setdefault((score.arm, score.variant), {})[score.budget] = score
    found = []
    for arm in (arm for arm in suite.arms if arm.role in PRETRAINED):
        own, baseline = curves.get((arm.id, EQUAL), {}), suite.baselines(arm)[0]
        for against, scratch in (
            (variant, curve) for (other, variant), curve in curves.items() if other == baseline.id
        ):
            mine, other = _means(own, budgets), _means(scratch, budgets)
            factors = label_efficiency_factor(budgets, other, mine) if mine and other and len(budgets) > 1 else []
            known = {int(factor.budget): (factor.factor, factor.censored) for factor in factors}
            for budget in suite.budgets:
                factor, censored = known.get(budget, (None, ""))
                found.append(Efficiency(arm.id, arm.label, arm.role, budget, against, factor, censored, baseline.label))
    return tuple(found)


def winners(suite: Suite, cells: Cells) -> tuple[Best, ...]:
    """The best of all pre-trained arms at each budget where no cell is lost and there are enough seeds and items.

    Example:
        >>> from zoo.benchmarking.cells import collect
        >>> from zoo.benchmarking.suite import load_suite
        >>> winners(load_suite("digits"), collect(load_suite("digits"), []))
        ()
    """
    arms = [arm for arm in suite.arms if arm.role in PRETRAINED]
    units = cells.items if cells.clusters is None else len(set(cells.clusters.tolist()))
    folds = min(FOLDS, units)
    if len(arms) < 2 or len(suite.seeds) < 2 or folds < 2:
        return ()
    found = []
    for budget in suite.budgets:
        if any(sum(lost(suite, cells, arm.id, budget, (1,))) for arm in arms):
            continue
        table = np.array([[cells.at(arm.id, budget)[seed].answers for seed in suite.seeds] for arm in arms])
        best = pick_winner(table, cells.clusters, folds)
        arm = arms[best.arm]
        found.append(Best(budget, arm.id, arm.label, len(arms), best.score, best.unpicked, best.agreement))
    return tuple(found)


def _means(curve: dict[int, ArmScore], budgets: Sequence[int]) -> list[float]:
    """The mean at every budget; empty where one is not known, or rests on fewer cells than it should."""
    scores = [curve.get(budget) for budget in budgets]
    means = [s.mean for s in scores if s is not None and s.mean is not None and not s.failed and not s.missing]
    return means if len(means) == len(budgets) else []
