"""Rows that look like a run of the digits suite, without running anything: seeded, fast, torch-free."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zoo.benchmarking.suite import Suite, load_suite
from zoo.specs import Result, RunSpec

EASE = {  # how far above the threshold an arm's answers lie, by budget
    "S": (-0.15, 0.95), "S2": (-0.1, 1.15), "P:glyphs": (0.75, 2.0), "F:glyphs": (0.6, 1.35),
    "P:textures": (0.0, 1.25), "F:textures": (-0.25, 0.75), "C": (-0.1, 1.15),
}  # fmt: skip
HOST = {"device": "cpu", "threads": 1, "versions": {"python": "3.11.9", "torch": "2.14.1", "zoo": "0.1.0"}}


def digits() -> Suite:
    """The shipped suite with what these rows assume held fixed, so that its file may change."""
    fixed = {"budgets": (1, 10), "seeds": tuple(range(10)), "tuning_seeds": (1000, 1001), "longer": (2,), "margin": 1.0}
    return dataclasses.replace(load_suite("digits"), **fixed)


def answers(arm: str, budget: int, seeds: int = 10, items: int = 797) -> np.ndarray:
    """Booleans [seeds, items] with noise of seeds, of items (shared by all arms), and of both."""
    shared = np.random.default_rng(7).standard_normal(items)
    label_draw = np.random.default_rng(11).standard_normal((seeds, 1))
    noise = np.random.default_rng(sum(map(ord, arm)) * 100 + budget)
    own = 0.5 * noise.standard_normal((1, items)) + 0.6 * noise.standard_normal((seeds, items))
    wobble = (0.2 * label_draw + 0.12 * noise.standard_normal((seeds, 1))) * (1.0 if budget == 1 else 0.4)
    return EASE[arm][0 if budget == 1 else 1] + 0.8 * shared + own + wobble > 0


def make_row(suite: Suite, arm_id: str, budget: int, seed: int, correct: np.ndarray, schedule: int = 1, **result: Any):
    arm = next(a for a in suite.arms if a.id == arm_id)
    grid = suite.grids[arm.search]
    scores = [{"value": v, "seed": s, "score": 50.0 + 3 * i + 2 * schedule + s % 10, "loss": 1.0}
              for i, v in enumerate(grid) for s in suite.tuning_seeds]  # fmt: skip
    recipe = {"adaptation": arm.adaptation, arm.search: grid[-1], "steps": suite.steps * schedule, "schedule": schedule}
    task = (suite.name, suite.version, suite.task.name, "rev1")
    run = RunSpec(*task, arm_id, arm.role, arm.backbone, "d1", budget, seed, "final", recipe)
    contents: dict[str, Any] = {
        "status": "ok", "split": "test", "score": 100.0 * float(np.mean(correct)), "loss": 0.5,
        "correct": "".join("1" if c else "0" for c in correct), "predictions": [], "chosen": {arm.search: grid[-1]},
        "search": scores, "validation_score": 56.5 + 2 * schedule, "lr_edge": False,
        "trained_parameters": 970_000 if arm.role in "SP" else 5_130,
        "total_parameters": 970_000, "test_reads": 1, "warnings": [],
    }  # fmt: skip
    return Result(run, contents | result, {"seconds": 1.5, "peak_memory_mb": 300, **HOST})


def digits_rows(suite: Suite | None = None) -> list[Result]:
    suite = suite or digits()
    rows = []
    for budget in suite.budgets:
        for arm in suite.arms:
            for schedule in (1, 2) if arm.role == "S" else (1,):
                name = "S2" if schedule == 2 else arm.id
                table = answers(name, budget)
                rows += [make_row(suite, arm.id, budget, s, table[s], schedule) for s in suite.seeds]
    return rows
