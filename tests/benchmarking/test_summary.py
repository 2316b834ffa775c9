"""The summary against slow rewrites from the same rows; failed, missing and odd rows are never averaged away."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from synthetic import digits, digits_rows, make_row

from zoo.benchmarking.statistics import interval, mean_interval
from zoo.benchmarking.summary import CONVERGED, EQUAL, Summary, summarise

SUITE = digits()
ROWS = digits_rows(SUITE)


@pytest.fixture(scope="module")
def whole() -> Summary:
    return summarise(SUITE, ROWS)


def bits(rows, arm, budget, schedule=1):
    """Answers [seeds, items] straight from the rows, in points, by seed."""
    mine = [r for r in rows if (r.run.arm, r.run.budget, r.run.recipe["schedule"]) == (arm, budget, schedule)]
    return np.array([[100.0 * int(c) for c in r.result["correct"]] for r in sorted(mine, key=lambda r: r.run.seed)])


def score(summary, arm, budget, variant=EQUAL):
    return next(a for a in summary.arms if (a.arm, a.budget, a.variant) == (arm, budget, variant))


def pair(summary, arm, budget, against=EQUAL):
    return next(c for c in summary.comparisons if (c.arm, c.budget, c.against) == (arm, budget, against))


def change(row, **result):
    return dataclasses.replace(row, result=row.result | result)


def swap(rows, index, row):
    return [*rows[:index], row, *rows[index + 1 :]]


def where(*place):
    """The index of the row at (arm, budget, seed, schedule)."""
    return [(r.run.arm, r.run.budget, r.run.seed, r.run.recipe["schedule"]) for r in ROWS].index(place)


def test_every_arm_and_comparison_is_there_in_suite_order(whole):
    assert [(a.arm, a.variant) for a in whole.arms if a.budget == 10] == [
        ("S", EQUAL), ("S", CONVERGED), *((arm.id, EQUAL) for arm in SUITE.arms if arm.role != "S")
    ]  # fmt: skip
    others = [arm.id for arm in SUITE.arms if arm.role != "S"]
    assert [(c.arm, c.against) for c in whole.comparisons if c.budget == 1] == [
        (arm, against) for arm in others for against in (EQUAL, CONVERGED)
    ]
    assert whole.totals.cells == whole.totals.finished == 140
    assert (whole.totals.items, whole.totals.test_reads, whole.totals.seconds) == (797, 1, 210.0)


@pytest.mark.parametrize("budget", [1, 10])
@pytest.mark.parametrize("arm", ["P:glyphs", "F:textures", "C"])
@pytest.mark.parametrize(("against", "schedule"), [(EQUAL, 1), (CONVERGED, 2)])
def test_figures_equal_a_slow_rewrite(whole, arm, budget, against, schedule):
    mine, scratch = bits(ROWS, arm, budget), bits(ROWS, "S", budget, schedule)
    found, expected = pair(whole, arm, budget, against), interval(mine - scratch)
    assert found.schedule == schedule
    assert found.difference == pytest.approx(mine.mean() - scratch.mean())
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    wins = [(a > s) + 0.5 * (a == s) for a, s in zip(mine.mean(1), scratch.mean(1), strict=True)]
    assert found.probability == pytest.approx(np.mean(wins))
    own = mean_interval(mine)
    assert score(whole, arm, budget).mean == pytest.approx(own.mean)
    assert score(whole, arm, budget).low == pytest.approx(own.low)


def test_the_order_of_rows_does_not_matter(whole):
    shuffled = [ROWS[i] for i in np.random.default_rng(0).permutation(len(ROWS))]
    assert summarise(SUITE, shuffled) == whole
    assert summarise(SUITE, [*ROWS, *ROWS]).comparisons == whole.comparisons  # the same row twice is one row


def test_summary_is_strict_json_and_comes_back(whole):
    text = json.dumps(whole.to_json(), allow_nan=False)
    assert Summary.from_json(json.loads(text)) == whole
    json.dumps(summarise(SUITE, ROWS[:1]).to_json(), allow_nan=False)


def test_one_changed_answer_moves_the_figures(whole):
    index = where("P:glyphs", 10, 3, 1)
    flipped = "1" * 797
    moved = summarise(SUITE, swap(ROWS, index, change(ROWS[index], correct=flipped, score=100.0)))
    assert pair(moved, "P:glyphs", 10).difference > pair(whole, "P:glyphs", 10).difference
    assert score(moved, "P:glyphs", 10).mean > score(whole, "P:glyphs", 10).mean
    assert pair(moved, "C", 10) == pair(whole, "C", 10)


@pytest.mark.parametrize(("arm", "hit"), [("P:glyphs", {"P:glyphs"}), ("S", {a.id for a in SUITE.arms} - {"S"})])
def test_a_failed_cell_in_either_arm_takes_the_verdict(arm, hit):
    index = where(arm, 10, 4, 1)
    failed = dataclasses.replace(ROWS[index], result={"status": "failed", "reason": "the loss became NaN"})
    summary = summarise(SUITE, swap(ROWS, index, failed))
    for found in (c for c in summary.comparisons if c.budget == 10):
        lost = found.arm in hit
        assert (found.verdict == "no verdict (failed)") == lost
        assert found.failed == int(lost)
        kept = 10 if not lost or (arm == "S" and found.against == CONVERGED) else 9  # the 2x schedule is whole
        assert found.seeds == kept
    assert all(c.failed == 0 for c in summary.comparisons if c.budget == 1)
    assert [(f.arm, f.seed, f.reason) for f in summary.failures] == [(arm, 4, "the loss became NaN")]
    assert (summary.totals.failed, summary.totals.finished) == (1, 139)


def test_a_missing_cell_makes_the_comparison_incomplete():
    index = where("C", 1, 0, 1)
    summary = summarise(SUITE, [*ROWS[:index], *ROWS[index + 1 :]])
    found = pair(summary, "C", 1)
    assert (found.verdict, found.missing, found.seeds) == ("incomplete", 1, 9)
    mine, scratch = bits(ROWS, "C", 1)[1:], bits(ROWS, "S", 1)[1:]
    assert found.difference == pytest.approx((mine - scratch).mean())


def test_without_the_longer_schedule_converged_has_no_number():
    summary = summarise(SUITE, [r for r in ROWS if r.run.recipe["schedule"] == 1])
    found = pair(summary, "P:glyphs", 1, CONVERGED)
    assert (found.verdict, found.schedule, found.difference, found.missing) == ("incomplete", 0, None, 10)
    assert score(summary, "S", 1, CONVERGED).mean is None
    assert pair(summary, "P:glyphs", 1).verdict == "helps"


def test_converged_follows_validation_and_ties_go_to_the_shorter():
    level = [change(r, validation_score=60.0) for r in ROWS]
    assert score(summarise(SUITE, level), "S", 1, CONVERGED).schedule == 1
    worse = [change(r, validation_score=60.0 - r.run.recipe["schedule"]) for r in ROWS]
    summary = summarise(SUITE, worse)
    assert score(summary, "S", 1, CONVERGED).schedule == 1
    assert pair(summary, "C", 1, CONVERGED).difference == pair(summary, "C", 1).difference
    assert not any("longest schedule" in text for text in summary.warnings)
    assert any("longest schedule" in text for text in summarise(SUITE, ROWS).warnings)


def test_a_suite_without_longer_schedules_has_no_converged_rows():
    short = dataclasses.replace(SUITE, longer=())
    summary = summarise(short, [r for r in ROWS if r.run.recipe["schedule"] == 1])
    assert {c.against for c in summary.comparisons} == {EQUAL}
    assert pair(summary, "P:glyphs", 1).verdict == "helps"


def test_fewer_than_ten_seeds_are_indicative():
    few = dataclasses.replace(SUITE, seeds=(0, 1, 2))
    summary = summarise(few, [r for r in ROWS if r.run.seed < 3])
    assert {c.verdict for c in summary.comparisons} == {"indicative"}
    assert pair(summary, "P:glyphs", 1).low is not None
    one = summarise(dataclasses.replace(SUITE, seeds=(0,)), [r for r in ROWS if r.run.seed == 0])
    assert pair(one, "P:glyphs", 1).method.startswith("items only")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"correct": ""}, "no answers"), ({"correct": None}, "no answers"), ({"correct": "012"}, "no answers"),
        ({"correct": "01"}, "2 test items"), ({"score": math.nan}, "not a finite"), ({"score": None}, "not a finite"),
        ({"score": 3.0}, "disagrees"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_a_failed_cell(damage, reason):
    index = where("F:glyphs", 1, 2, 1)
    summary = summarise(SUITE, swap(ROWS, index, change(ROWS[index], **damage)))
    assert pair(summary, "F:glyphs", 1).verdict == "no verdict (failed)"
    assert reason in summary.failures[0].reason
    json.dumps(summary.to_json(), allow_nan=False)


def test_two_different_rows_for_a_cell_are_a_failure_not_a_choice():
    index = where("C", 10, 5, 1)
    other = make_row(SUITE, "C", 10, 5, np.ones(797, bool))
    summary = summarise(SUITE, [*ROWS, other])
    assert pair(summary, "C", 10).verdict == "no verdict (failed)"
    assert ROWS[index].key in summary.failures[0].reason


def test_a_finished_retry_counts_and_the_failure_is_told(whole):
    failed = dataclasses.replace(ROWS[0], result={"status": "failed", "reason": "out of memory"})
    summary = summarise(SUITE, [failed, *ROWS])
    assert summary.comparisons == whole.comparisons
    assert any("failed before it finished" in text for text in summary.warnings)


def test_foreign_rows_are_left_out_and_counted(whole):
    row = ROWS[0]
    strangers = [
        dataclasses.replace(row, run=dataclasses.replace(row.run, **other))
        for other in ({"suite": "x"}, {"arm": "Z"}, {"budget": 99}, {"seed": 77}, {"suite_version": "0"})
    ]
    longer = next(r for r in ROWS if r.run.arm == "C")
    longer = dataclasses.replace(longer, run=dataclasses.replace(longer.run, recipe={"schedule": 2}))
    summary = summarise(SUITE, [*ROWS, *strangers, longer])
    assert summary.comparisons == whole.comparisons
    assert sum("left out 1 row(s)" in text for text in summary.warnings) == 6


def test_search_lists_every_tried_value(whole):
    found = next(s for s in whole.searches if (s.arm, s.budget, s.schedule) == ("S", 1, 2))
    entries = ROWS[where("S", 1, 0, 2)].result["search"]
    assert [t.value for t in found.trials] == sorted({e["value"] for e in entries})
    for trial in found.trials:
        assert trial.score == pytest.approx(np.mean([e["score"] for e in entries if e["value"] == trial.value]))
    assert [t.chosen for t in found.trials] == [False, False, True]
    assert found.option == "lr"


def test_a_failed_trial_has_no_mean():
    entries = [{"value": 0.1, "seed": 0, "score": 50.0}, {"value": 0.1, "seed": 1, "score": None}]
    rows = [change(r, search=entries) for r in ROWS]
    trial = summarise(SUITE, rows).searches[0].trials[0]
    assert (trial.score, trial.failed, trial.runs) == (None, 1, 2)


def test_failed_tuning_rows_are_shown():
    row = ROWS[0]
    tune = dataclasses.replace(row.run, phase="tune", seed=1000)
    failed = dataclasses.replace(row, run=tune, result={"status": "failed", "reason": "diverged"})
    summary = summarise(SUITE, [*ROWS, failed])
    assert [(f.phase, f.seed) for f in summary.failures] == [("tune", 1000)]
    assert pair(summary, "P:glyphs", 1).verdict == "helps"


def test_warnings_edges_and_environments_are_told():
    rows = [change(r, lr_edge=r.run.arm == "C", warnings=["slow disk"] if r.run.seed == 0 else []) for r in ROWS]
    rows[0] = dataclasses.replace(rows[0], measured=rows[0].measured | {"device": "cuda"})
    summary = summarise(SUITE, rows)
    assert score(summary, "C", 1).lr_edge
    assert score(summary, "C", 1).warnings == ("slow disk (1 of 10 rows)",)
    assert [e.rows for e in summary.environments] == [139, 1]
    assert any("2 different environments" in text for text in summary.warnings)
    assert any("edge of its grid" in text for text in summary.warnings)


def test_arms_of_equal_skill_are_seldom_called_different():
    """Two hundred suites whose second arm is drawn as scratch is: whatever helps or hurts is a false alarm."""
    rng = np.random.default_rng(3)
    small = dataclasses.replace(SUITE, budgets=(1,), longer=(), arms=SUITE.arms[:2])
    words = []
    for _ in range(200):
        shared = rng.normal(0, 1, 300)
        rows = [
            make_row(small, arm, 1, s, shared + rng.normal(0, 0.3) + rng.normal(0, 0.5, 300) > 0)
            for arm in ("S", "P:glyphs") for s in small.seeds
        ]  # fmt: skip
        words.append(summarise(small, rows).comparisons[0].verdict)
    assert sum(word in ("helps", "hurts") for word in words) <= 12  # 5 % of 200, and two standard errors above at most
