import dataclasses

from synthetic import digits, digits_rows

from zoo.benchmarking.cells import collect

SUITE = digits()
ROWS = digits_rows(SUITE)


def test_every_final_row_is_in_its_place():
    cells = collect(SUITE, ROWS)
    assert cells.items == 797
    for row in ROWS:
        cell = cells.at(row.run.arm, row.run.budget, row.run.recipe["schedule"])[row.run.seed]
        assert cell.ok
        assert cell.answers.tolist() == [100.0 * int(c) for c in row.result["correct"]]


def test_nothing_was_run_nothing_is_there():
    assert collect(SUITE, []).at("S", 1) == {}


def test_a_failed_row_keeps_its_reason():
    failed = dataclasses.replace(ROWS[0], result={"status": "failed", "reason": "out of memory"})
    run = failed.run
    cell = collect(SUITE, [failed, *ROWS[1:]]).at(run.arm, run.budget, run.recipe["schedule"])[run.seed]
    assert not cell.ok
    assert cell.reason == "out of memory"


def test_tuning_rows_are_kept_apart():
    tuning = dataclasses.replace(ROWS[0], run=dataclasses.replace(ROWS[0].run, phase="tune", seed=1000))
    assert collect(SUITE, [tuning]).tuning == (tuning,)
    assert collect(SUITE, [tuning]).finals == {}
