import dataclasses

import pytest
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


def test_clusters_of_the_rows_are_those_that_most_rows_name():
    suite, rows = digits(), digits_rows()
    assert collect(suite, rows).clusters is None
    labels = [i // 2 for i in range(797)]
    named = [dataclasses.replace(r, result=r.result | {"clusters": labels}) for r in rows[1:]]
    found = collect(suite, [rows[0], *named])  # a row that names none is of the same items
    assert found.clusters.tolist() == [str(label) for label in labels]
    assert all(cell.ok for here in found.finals.values() for cell in here.values())


@pytest.mark.parametrize("clusters", [["a"] * 797, ["a"] * 3])
def test_a_row_that_names_other_clusters_is_a_failed_cell(clusters):
    suite, rows = digits(), digits_rows()
    named = [dataclasses.replace(r, result=r.result | {"clusters": [str(i) for i in range(797)]}) for r in rows[1:]]
    odd = dataclasses.replace(rows[0], result=rows[0].result | {"clusters": clusters})
    cell = collect(suite, [odd, *named]).at(odd.run.arm, odd.run.budget)[odd.run.seed]
    assert "other clusters" in cell.reason
