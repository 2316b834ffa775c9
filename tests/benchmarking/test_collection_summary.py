"""The matrix: traced to the suites' own comparisons; Holm over all of them; lost cells stay visible."""

import dataclasses

import pytest
from synthetic import make_row
from together import collection, rows_of, stored, suite_of

from zoo.benchmarking.cells import collect
from zoo.benchmarking.collection import Member
from zoo.benchmarking.collection_records import NO_ARM
from zoo.benchmarking.collection_store import write_problems
from zoo.benchmarking.collection_summary import Part, summarise_collection, view_collection
from zoo.benchmarking.statistics import holm
from zoo.benchmarking.summary import CONVERGED, summarise


def part_of(name, rows=None, suite=None):
    suite, rows = suite or suite_of(name), rows_of(name) if rows is None else rows
    member = next(m for m in collection().members if m.suite == name)
    return Part(member, suite, summarise(suite, rows), collect(suite, rows))


@pytest.fixture(scope="module")
def whole():
    return summarise_collection(collection(), [part_of("digits"), part_of("letters")])


def at(view, suite, role, source, rank=0):
    return next(g for g in view.summary.gaps if (g.suite, g.role, g.source, g.rank) == (suite, role, source, rank))


def test_every_cell_is_a_comparison_with_converged_scratch(whole):
    own = summarise(suite_of("digits"), rows_of("digits"))
    for pair in own.comparisons:
        if pair.against == CONVERGED:
            gap = at(
                whole, "digits", pair.role, pair.arm.partition(":")[2], suite_of("digits").budgets.index(pair.budget)
            )
            assert (gap.difference, gap.low, gap.high, gap.verdict) == (
                pair.difference,
                pair.low,
                pair.high,
                pair.verdict,
            )
    assert len(whole.summary.gaps) == 2 * 5 * 2  # tasks, rows, budgets


def test_rows_stand_in_the_order_of_the_collection(whole):
    rows = list(dict.fromkeys((gap.role, gap.source) for gap in whole.summary.gaps))
    assert rows == [("P", "textures"), ("P", "glyphs"), ("F", "textures"), ("F", "glyphs"), ("C", "")]


def test_p_values_are_adjusted_over_all_suites(whole):
    alone = [pair for name in ("digits", "letters") for pair in summarise(suite_of(name), rows_of(name)).comparisons]
    slow = holm([1.0 if pair.p_value is None else pair.p_value for pair in alone])
    assert whole.summary.family == len(alone)
    assert [pair.adjusted for part in whole.parts for pair in part.summary.comparisons] == pytest.approx(slow)
    assert whole.summary.standing == sum(p < 0.05 for p in slow)


def test_a_failed_cell_takes_the_verdict_and_the_average(whole):
    suite, rows = suite_of("letters"), rows_of("letters")
    index = next(i for i, row in enumerate(rows) if row.run.arm == "P:glyphs" and row.run.budget == 1)
    rows[index] = dataclasses.replace(rows[index], result={"status": "failed", "reason": "out of memory"})
    view = summarise_collection(collection(), [part_of("digits"), part_of("letters", rows, suite)])
    assert at(view, "letters", "P", "glyphs").verdict == "no verdict (failed)"
    lost = next(a for a in view.summary.averages if (a.role, a.source, a.rank) == ("P", "glyphs", 0))
    assert (lost.difference, lost.why, lost.tasks, lost.of) == (None, "incomplete: letters (1 failed)", 1, 2)


def test_an_arm_that_a_suite_lacks_is_shown_as_such():
    suite = suite_of("letters")
    suite = dataclasses.replace(suite, arms=tuple(arm for arm in suite.arms if arm.id != "F:textures"))
    rows = [row for row in rows_of("letters") if row.run.arm != "F:textures"]
    view = summarise_collection(collection(), [part_of("digits"), part_of("letters", rows, suite)])
    assert at(view, "letters", "F", "textures").verdict == NO_ARM
    lost = next(a for a in view.summary.averages if (a.role, a.source) == ("F", "textures"))
    assert lost.why == "incomplete: letters (not in this suite)"


def test_of_several_scratch_networks_the_stricter_counts():
    suite = suite_of("letters")
    extra = dataclasses.replace(suite.arms[0], id="S:big", label="big")
    arms = (*(dataclasses.replace(a, baseline="S") if a.role in "PF" else a for a in suite.arms), extra)
    suite = dataclasses.replace(suite, arms=arms)
    perfect = {(1, 1): "1" * 797, (1, 2): "1" * 797, (10, 1): "1" * 797, (10, 2): "1" * 797}
    rows = rows_of("letters")
    for (budget, schedule), correct in perfect.items():
        answers = [True] * len(correct)
        rows += [make_row(suite, "S:big", budget, seed, answers, schedule) for seed in suite.seeds]
    view = summarise_collection(collection(), [part_of("digits"), part_of("letters", rows, suite)])
    assert at(view, "letters", "C", "").baseline == "S:big"
    assert at(view, "letters", "P", "glyphs").baseline == "S"


def test_what_did_not_run_is_in_the_matrix(tmp_path):
    made = collection(Member("words", "speech", "words"))
    stored(tmp_path, made, without=("words",))
    write_problems(tmp_path, {"words": "no soundfile"})
    view = view_collection(tmp_path)
    gaps = [gap for gap in view.summary.gaps if gap.modality == "speech"]
    assert {gap.verdict for gap in gaps} == {"did not run"}
    assert view.summary.members[2].problem == "no soundfile"
    overall = next(a for a in view.summary.averages if a.modality == "" and a.role == "P")
    assert overall.why == "incomplete: words (did not run)"
