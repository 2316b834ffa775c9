import dataclasses

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.energy import WATTS_PER_CORE
from zoo.benchmarking.report.costs import UNKNOWN, amount, cost_definitions, cost_name, cost_table
from zoo.benchmarking.summary import summarise
from zoo.benchmarking.summary_records import ArmCost, Spent

SUITE = digits()
PART = Spent(3, 0, 2_000_000_000, 12.4, 581.6, "process", 0.0123, "estimated")


def summary(part=PART):
    costs = (ArmCost("S", "from scratch", "S", 1, "equal budget", part, part, part),)
    return dataclasses.replace(summarise(SUITE, []), costs=costs)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (1000, "1 k"), (3.456e12, "3.46 T"), (2e21, "2e+03 E")]
)
def test_amounts(value, shown):
    assert amount(value) == shown


def test_every_figure_stands_in_the_table():
    row = cost_table(summary()).groups[0][1][0]
    assert row == ("from scratch", "2 G", "2 G", "12", "582 MB (process)", "0.012 (estimated)", "3", "3")


def test_what_only_some_cells_recorded_is_a_lower_bound():
    row = cost_table(summary(dataclasses.replace(PART, lacking=("flops", "kwh")))).groups[0][1][0]
    assert row[1:3] == ("≥ 2 G", "≥ 2 G")
    assert row[5] == "≥ 0.012 (estimated)"


def test_rows_without_cost():
    table = cost_table(summarise(SUITE, digits_rows(SUITE)))
    for _, rows in table.groups:
        assert len(rows) == len(SUITE.arms) + 1
        assert {len(row) for row in rows} == {len(table.head)}
        assert {row[2] for row in rows} == {row[5] for row in rows} == {UNKNOWN}


def test_converged_scratch_is_named_for_what_it_pays():
    cost = dataclasses.replace(summary().costs[0], variant="converged")
    assert cost_name(cost) == "from scratch, all schedules"


def test_the_definitions_name_the_constant_that_is_used():
    assert f"{WATTS_PER_CORE:g} W a core" in dict(cost_definitions())["kWh"]
