from synthetic import digits, digits_rows

from zoo.benchmarking.places import Place, arm_of, choice, closed, place_of, places
from zoo.benchmarking.search import choose
from zoo.specs import Result, RunSpec

SUITE = digits()


def trial(value, score, seed):
    run = RunSpec("s", "1", "t", "d", "C", "C", "", "", 1, seed, "tune", {"penalty": value})
    return Result(run, {"status": "ok", "score": score, "loss": 1.0})


def test_only_the_scratch_arm_has_longer_schedules():
    found = places(SUITE)
    assert len(found) == len(set(found)) == (len(SUITE.arms) + 1) * len(SUITE.budgets)
    assert {place.arm for place in found if place.schedule != 1} == {"S"}
    assert arm_of(SUITE, found[0]).role == "S"


def test_rows_know_their_place_and_close_it():
    rows = digits_rows(SUITE)
    assert {place_of(row.run) for row in rows} == set(places(SUITE)) == closed(rows).keys()
    assert closed([Result(row.run, {"status": "failed", "reason": "x"}) for row in rows]) == {}


def test_the_grid_alone_says_whether_it_is_extended():
    place, (low, middle, high) = Place("C", 1, 1), SUITE.grids["penalty"]
    rows = [trial(v, s, seed) for v, s in ((low, 50.0), (middle, 60.0), (high, 70.0)) for seed in SUITE.tuning_seeds]
    extend = choose("penalty", SUITE.grids["penalty"], rows).extend
    assert extend is not None
    beyond = [trial(extend, 90.0, SUITE.tuning_seeds[0])]
    assert choice(SUITE, place, rows).extend == choice(SUITE, place, rows + beyond).extend == extend
    stray = [trial(77.0, 99.0, seed) for seed in SUITE.tuning_seeds]
    assert choice(SUITE, place, rows + stray).value == high
