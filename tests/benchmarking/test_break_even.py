"""Break-even reuse, against sums worked out by hand on a few rows."""

import dataclasses

import pytest
from synthetic import digits, make_row

from zoo.benchmarking.break_even import LOST, NEVER, NOT_COUNTED, NOT_REACHED, NOT_RECORDED, break_evens
from zoo.benchmarking.cells import collect

SUITE = dataclasses.replace(digits(), seeds=(0, 1), budgets=(10,))
SUITE = dataclasses.replace(SUITE, arms=tuple(arm for arm in SUITE.arms if arm.id in ("S", "P:glyphs")))


def rows_of(arm, percent, flops, schedule=1, pretraining=1000):
    """Two finished cells with `percent` of 10 items right, and a trial; `flops` of each."""
    correct = [index < percent / 10 for index in range(10)]
    more = {"flops": {"train": flops, "extract": 0, "evaluate": 0} if flops is not None else None}
    finals = [
        make_row(SUITE, arm, 10, seed, correct, schedule, pretraining_flops=pretraining, **more) for seed in (0, 1)
    ]
    run = dataclasses.replace(finals[0].run, seed=1000, phase="tune")
    trial = dataclasses.replace(finals[0], run=run)
    return [trial, *finals]


def only(rows):
    (entry,) = break_evens(SUITE, collect(SUITE, rows), rows)
    return entry


def test_by_hand():
    rows = [*rows_of("S", 60, 100), *rows_of("S", 80, 300, schedule=2), *rows_of("P:glyphs", 80, 100)]
    entry = only(rows)
    assert (entry.scratch_schedule, entry.scratch, entry.own, entry.pretraining) == (2, 900, 300, 1000)
    assert entry.tasks == pytest.approx(1000 / 600)
    assert entry.why == ""


def test_the_shortest_schedule_that_reaches_the_score():
    rows = [*rows_of("S", 80, 200), *rows_of("S", 90, 400, schedule=2), *rows_of("P:glyphs", 80, 100)]
    assert (only(rows).scratch_schedule, only(rows).tasks) == (1, pytest.approx(1000 / 300))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([*rows_of("S", 60, 100), *rows_of("S", 70, 300, 2), *rows_of("P:glyphs", 80, 100)], NOT_REACHED),
        ([*rows_of("S", 60, 100), *rows_of("P:glyphs", 80, 100)], LOST),
        ([*rows_of("S", 60, 100), *rows_of("S", 80, 300, 2)], LOST),
        ([*rows_of("S", 80, 100), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100)], NEVER),
        ([*rows_of("S", 80, 200), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100, 1, None)], NOT_RECORDED),
        ([*rows_of("S", 80, None), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100)], NOT_COUNTED),
    ],
)
def test_no_number_without_its_reason(rows, why):
    assert (only(rows).tasks, only(rows).why) == (None, why)


def test_a_lost_cell_of_a_shorter_schedule_might_have_been_cheaper():
    rows = [*rows_of("S", 80, 100)[:-1], *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 50)]
    assert (only(rows).tasks, only(rows).why, only(rows).scratch_schedule) == (None, LOST, 0)


def test_a_lost_cell_of_a_longer_schedule_does_not_matter():
    assert only([*rows_of("S", 80, 200), *rows_of("P:glyphs", 80, 100)]).tasks == pytest.approx(1000 / 300)


@pytest.mark.parametrize("arm", ["S", "P:glyphs"])
def test_a_sum_that_lacks_a_cell_is_no_number(arm):
    rows = [*rows_of("S", 80, 200), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100)]
    place = next(i for i, row in enumerate(rows) if row.run.arm == arm)
    failed = {"status": "failed", "reason": "the loss became NaN at step 3"}
    rows[place] = dataclasses.replace(rows[place], result=failed)
    assert (only(rows).tasks, only(rows).why) == (None, NOT_COUNTED)


def test_rows_that_the_suite_does_not_ask_for_cost_nothing():
    rows = [*rows_of("S", 80, 200), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100)]
    extra = dataclasses.replace(rows[0], run=dataclasses.replace(rows[0].run, seed=77))
    assert only([*rows, extra]) == only(rows)


def test_a_row_that_is_there_twice_counts_once():
    rows = [*rows_of("S", 80, 200), *rows_of("S", 80, 300, 2), *rows_of("P:glyphs", 80, 100)]
    assert only([*rows, *rows]) == only(rows)
