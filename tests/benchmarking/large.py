"""A large suite with rows, and nothing that was run: 6 sources of pre-training, 6 budgets, failures, edges, costs."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from synthetic import digits, make_row

from zoo.benchmarking.summary import summarise

if TYPE_CHECKING:
    from zoo.benchmarking.suite import Arm, Suite
    from zoo.benchmarking.summary_records import Summary
    from zoo.specs import Result

SOURCES = (
    "glyphs", "textures", "resnet50.a1_in1k", "vit_small_patch16_224.dino", "convnext_tiny.fb_in22k_ft_in1k",
    "vit_base_patch16_clip_224.laion2b",
)  # fmt: skip
BUDGETS = (1, 2, 5, 10, 20, 50)
ITEMS = 200


def large() -> Suite:
    """16 cells for each budget and seed: scratch at 3 schedules, 12 pre-trained arms, and a classical baseline."""
    suite = digits()
    named = {arm.role: arm for arm in suite.arms}
    tuned = [
        dataclasses.replace(named["P"], id=f"P:{name}", label=f"{name}, fine-tuned", backbone=f"pocket/resnet10.{name}")
        for name in SOURCES
    ]
    frozen = [
        dataclasses.replace(named["F"], id=f"F:{name}", label=f"{name}, frozen probe", backbone=arm.backbone)
        for name, arm in zip(SOURCES, tuned, strict=True)
    ]
    arms: tuple[Arm, ...] = (named["S"], *tuned, *frozen, named["C"])
    return dataclasses.replace(suite, arms=arms, budgets=BUDGETS, seeds=tuple(range(6)), longer=(2, 5))


@cache
def large_rows() -> tuple[Result, ...]:
    """One row for each cell of `large()`: 576; the first is of a failed cell."""
    suite = large()
    items = np.random.default_rng(7).standard_normal(ITEMS)
    rows = []
    for place, arm in enumerate(suite.arms):
        for budget in suite.budgets:
            for schedule in (1, *suite.longer) if arm.role == "S" else (1,):
                ease = -0.6 + 0.45 * np.log(budget) + 0.11 * place + 0.1 * schedule
                noise = np.random.default_rng([place, budget, schedule])
                for seed in suite.seeds:
                    correct = ease + items + 0.7 * noise.standard_normal(ITEMS) > 0
                    told = _searched(suite, arm, budget, schedule, place)
                    rows.append(make_row(suite, arm.id, budget, seed, correct, schedule, **told))
    failed = {"status": "failed", "reason": "the loss became NaN at step 12"}
    return (dataclasses.replace(rows[0], result=failed), *rows[1:])


def large_summary() -> Summary:
    return summarise(large(), large_rows())


def apart(summary: Summary) -> Summary:
    """The same as if every source had a scratch arm of its own: 19 arms, and the classical baseline beside each."""
    classical = [pair for pair in summary.comparisons if pair.role == "C"]
    return dataclasses.replace(
        summary,
        arms=_own_scratch(summary.arms),
        searches=_own_scratch(summary.searches),
        costs=_own_scratch(summary.costs),
        comparisons=(*summary.comparisons, *classical * (len(SOURCES) - 1)),
    )


def _own_scratch(records: tuple[Any, ...]) -> tuple[Any, ...]:
    copies = []
    for record in records:
        names = SOURCES if record.arm == "S" else ()
        copies += [dataclasses.replace(record, arm=f"S:{name}", label=f"{name}, from scratch") for name in names]
        copies += [] if names else [record]
    return tuple(copies)


def _searched(suite: Suite, arm: Arm, budget: int, schedule: int, place: int) -> dict[str, Any]:
    """A hump over the searched values. Some arms have theirs on the edge; the largest rate fails for every third."""
    grid = [0.0001, *suite.grids["lr"], 1.0] if arm.search == "lr" else suite.grids["penalty"]
    level, top = 40 + 12 * np.log(budget) ** 0.8 + place + 2 * np.log(schedule), place % len(grid)
    fails = arm.search == "lr" and place % 3 == 1 and top < len(grid) - 1
    tried = [
        {"value": value, "seed": seed, "score": None if fails and index == len(grid) - 1 else
         float(min(level - 4.0 * abs(index - top) ** 1.5 + seed % 2, 100)), "loss": 1.0}
        for index, value in enumerate(grid) for seed in suite.tuning_seeds
    ]  # fmt: skip
    flops = 0 if arm.role == "C" else (3 + place) * 10**9 * schedule * (10 if arm.role in "SP" else 1)
    return {
        "search": tried, "chosen": {arm.search: grid[top]}, "lr_edge": top in (0, len(grid) - 1),
        "flops": {"train": flops}, "validation_score": float(level),
    }  # fmt: skip
