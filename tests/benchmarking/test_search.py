"""The search: best mean over seeds, honest ties, failures that cannot win, one extension at either edge."""

from __future__ import annotations

import itertools
import math

import pytest

from zoo.benchmarking.search import choose
from zoo.specs import Result, RunSpec

GRID = [0.001, 0.003, 0.01]


def row(value, score, loss=1.0, seed=0):
    """A finished trial; a score of None makes it a failed one."""
    run = RunSpec("s", "1", "t", "d", "S", "S", "b", "", 1, seed, "tune", {"lr": value})
    failed = {"status": "failed", "reason": "diverged"}
    return Result(run, failed if score is None else {"status": "ok", "score": score, "loss": loss})


def rows(*scores, values=GRID):
    return [row(value, score) for value, score in zip(values, scores, strict=True)]


def test_the_best_mean_over_seeds_wins():
    trials = [row(v, s, seed=i) for v, pair in zip(GRID, [(50, 50), (90, 20), (30, 75)], strict=True)
              for i, s in enumerate(pair)]  # fmt: skip
    found = choose("lr", GRID, trials)
    assert (found.value, found.score) == (0.003, 55.0)  # neither the best single trial of an edge nor the steadiest


def test_inside_the_grid_nothing_is_extended():
    found = choose("lr", GRID, rows(10, 20, 15))
    assert (found.value, found.edge, found.extend) == (0.003, False, None)


def test_ties_go_to_the_lower_loss():
    trials = [row(0.001, 50, loss=0.2), row(0.003, 50, loss=0.1), row(0.01, 50, loss=0.3)]
    assert choose("lr", GRID, trials).value == 0.003


def test_ties_in_score_and_loss_go_to_the_smaller_value():
    assert choose("lr", GRID, rows(40, 50, 50)).value == 0.003


@pytest.mark.parametrize(("grid", "best", "extend"), [([1, 3, 10], 1, None), ([2, 10], 2, 1), ([1, 3, 10], 10, 30)])
def test_neighbours_are_extended_by_whole_numbers_from_one_on(grid, best, extend):
    trials = [row(value, 60 if value == best else 10) for value in grid]
    for trial in trials:
        trial.run.recipe["k"] = trial.run.recipe.pop("lr")
    assert choose("k", grid, trials).extend == extend


def test_a_value_with_one_failed_trial_cannot_win():
    trials = [*rows(10, 99, 20), row(0.003, None, seed=1)]
    found = choose("lr", GRID, trials)
    assert found.value == 0.01
    assert [t["score"] for t in found.tried if t["value"] == 0.003] == [99, None]  # and it stays on record


def test_all_failed():
    found = choose("lr", GRID, rows(None, None, None))
    assert (found.value, found.score, found.edge, found.extend) == (0.003, -math.inf, False, None)
    assert len(found.tried) == 3


def test_no_trials():
    found = choose("lr", GRID, [])
    assert (found.value, found.score, found.extend, found.tried) == (0.003, -math.inf, None, ())


@pytest.mark.parametrize(("scores", "beyond"), [((30, 20, 10), 0.00033), ((10, 20, 30), 0.03)])
def test_an_edge_asks_for_one_more_value(scores, beyond):
    found = choose("lr", GRID, rows(*scores))
    assert (found.edge, found.extend) == (True, beyond)


@pytest.mark.parametrize(("values", "scores"), [([0.00033, *GRID], (40, 30, 20, 10)), ([*GRID, 0.03], (1, 2, 3, 4))])
def test_best_beyond_the_grid_is_an_edge_and_not_extended_again(values, scores):
    found = choose("lr", GRID, rows(*scores, values=values))
    assert found.value not in GRID
    assert (found.edge, found.extend) == (True, None)


@pytest.mark.parametrize("beyond", [25, None])
def test_an_extension_that_is_worse_or_fails_settles_the_edge(beyond):
    found = choose("lr", GRID, rows(10, 20, 30, beyond, values=[*GRID, 0.03]))
    assert (found.value, found.edge, found.extend) == (0.01, False, None)


def test_extended_values_have_two_digits():
    found = choose("penalty", [0.1, 1.0, 10.0], [])
    assert found.value == 1.0
    assert choose("lr", [0.002, 0.0063], rows(2, 1, values=[0.002, 0.0063])).extend == 0.00063


def test_the_order_of_rows_and_of_the_grid_changes_nothing():
    trials = [row(v, s, seed=i) for i in (0, 1) for v, s in zip(GRID, (50, 50 + i, 51 - i), strict=True)]
    found = {choose("lr", grid, order) == choose("lr", GRID, trials)
             for order in itertools.permutations(trials) for grid in (GRID, GRID[::-1])}  # fmt: skip
    assert found == {True}
