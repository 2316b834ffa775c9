"""The cost of arms: sums that can be made by hand; what rows do not say is said to be missing, never guessed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from synthetic import digits, digits_rows, make_row

from zoo.benchmarking.cost import arm_costs, device_seconds, flops_of, spent
from zoo.benchmarking.store import read_rows, read_suite
from zoo.specs import Result

SUITE = digits()
FLOPS = {"train": 100, "extract": 0, "evaluate": 11}
TOOK = {
    "seconds": 3.0, "cpu_seconds": 2.0, "peak_memory_mb": 50.0, "peak_memory_kind": "cell",
    "energy_kwh": 0.25, "energy_kind": "estimated",
}  # fmt: skip


def cell(arm="S", budget=1, seed=0, phase="final", schedule=1, measured=None, **result):
    made = make_row(SUITE, arm, budget, seed, np.ones(4, bool), schedule, **({"flops": FLOPS} | result))
    return Result(dataclasses.replace(made.run, phase=phase), made.result, TOOK | (measured or {}))


def of(rows, arm="S", variant="equal budget", budget=1):
    return next(c for c in arm_costs(SUITE, rows) if (c.arm, c.variant, c.budget) == (arm, variant, budget))


def test_search_and_final_cells_add_up():
    rows = [cell(seed=s) for s in (0, 1)] + [cell(seed=1000, phase="tune"), cell(arm="C")]
    cost = of(rows)
    assert (cost.search.cells, cost.final.cells, cost.total.cells) == (1, 2, 3)
    assert (cost.search.flops, cost.final.flops, cost.total.flops) == (111, 222, 333)
    assert (cost.total.device_seconds, cost.total.kwh, cost.total.peak_memory_mb) == (6.0, 0.75, 50.0)
    assert (cost.total.memory_kind, cost.total.energy_kind, cost.total.lacking) == ("cell", "estimated", ())


def test_converged_scratch_pays_for_all_its_schedules():
    rows = [cell(), cell(schedule=2)]
    assert of(rows).total.cells == 1
    assert of(rows, variant="converged").total.cells == 2
    assert [c.variant for c in arm_costs(SUITE, rows) if c.arm == "C"] == ["equal budget"] * len(SUITE.budgets)


def test_peak_memory_is_the_largest():
    assert spent([cell(), cell(seed=1, measured={"peak_memory_mb": 70.0})]).peak_memory_mb == 70.0


def test_kinds_that_differ_are_mixed():
    both = spent([cell(), cell(seed=1, measured={"energy_kind": "measured", "peak_memory_kind": "process"})])
    assert (both.energy_kind, both.memory_kind) == ("mixed", "mixed")


def test_a_failed_cell_was_paid_for():
    failed = Result(cell(seed=1).run, {"status": "failed", "reason": "NaN"}, {"seconds": 4.0})
    both = spent([cell(), failed])
    assert (both.cells, both.failed, both.device_seconds, both.flops) == (2, 1, 6.0, 111)
    assert both.lacking == ("flops", "peak_memory_mb", "kwh")


def test_a_cell_that_was_run_again_was_paid_for_twice_and_a_copy_once():
    failed = Result(cell().run, {"status": "failed", "reason": "killed"}, {"seconds": 4.0})
    assert of([failed, cell()]).total.cells == 2
    assert of([cell(), cell()]).total.cells == 1


def test_cells_of_another_suite_or_seed_are_left_out():
    other = cell()
    other = dataclasses.replace(other, run=dataclasses.replace(other.run, suite_version="0"))
    assert of([other, cell(seed=77), cell(seed=0, phase="tune")]).total.cells == 0


def test_device_seconds():
    assert device_seconds(cell()) == 2.0
    on_gpu = cell()
    on_gpu = dataclasses.replace(on_gpu, run=dataclasses.replace(on_gpu.run, recipe={"device": "cuda"}))
    assert device_seconds(on_gpu) == 3.0


@pytest.mark.parametrize("flops", [None, "many", {"train": "x"}, {"train": 1.5}])
def test_flops_that_are_no_numbers_are_not_recorded(flops):
    assert flops_of(cell(flops=flops)) is None


def test_the_order_of_the_rows_does_not_matter():
    rows = [cell(seed=s, measured={"energy_kwh": 0.1 * s + 1e-7}) for s in SUITE.seeds]
    assert arm_costs(SUITE, rows) == arm_costs(SUITE, rows[::-1])


def test_rows_that_are_older_than_costs_are_read():
    assert of(digits_rows(SUITE)).total.flops is None
    store = Path(__file__).parents[2] / "benchmarks/results/pocket-quick/digits.jsonl"
    for cost in arm_costs(read_suite(store), read_rows(store)):
        assert cost.total.cells == cost.search.cells + cost.final.cells > 0
        assert cost.total.device_seconds > 0
