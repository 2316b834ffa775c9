import dataclasses

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report import text
from zoo.benchmarking.summary import summarise

SUITE = digits()


@pytest.fixture(scope="module")
def summary():
    return summarise(SUITE, digits_rows(SUITE))


def test_tables_are_regular(summary):
    for table in (
        text.verdict_table(summary),
        text.score_table(summary),
        text.search_table(summary),
    ):
        assert table.caption
        assert {len(row) for _, rows in table.groups for row in rows} == {len(table.head)}


def test_the_first_sentence_counts_the_verdicts(summary):
    headline, stories = text.answer(summary)
    fine_tuned = [c for c in summary.comparisons if c.role == "P"]
    assert f"{len(fine_tuned)} comparisons" in headline
    for word in {c.verdict for c in fine_tuned}:
        assert f"{word} in {sum(c.verdict == word for c in fine_tuned)}" in headline
    assert [label for label, _ in stories] == [arm.label for arm in SUITE.arms if arm.role != "S"]


def test_other_verdicts_other_words(summary):
    pairs = tuple(dataclasses.replace(c, verdict="undetermined") for c in summary.comparisons)
    headline, _ = text.answer(dataclasses.replace(summary, comparisons=pairs))
    assert "helps" not in headline


def test_how_to_run_again_names_the_command():
    assert any(f"zoo bench {SUITE.name} --level {SUITE.level}" in line for line in text.rerun(SUITE))
    assert any("zoo report" in line for line in text.rerun(SUITE))


def test_an_arm_with_several_scratch_arms_says_which_one_it_is_compared_with(summary):
    pairs = [c for c in summary.comparisons if c.arm == "C" and c.against == "equal budget"]
    other = [dataclasses.replace(c, baseline="S:b", baseline_label="b, from scratch", verdict="hurts", difference=-9.0)
             for c in pairs]  # fmt: skip
    first = [dataclasses.replace(c, verdict="helps", difference=9.0) for c in pairs]
    both = dataclasses.replace(summary, comparisons=(*first, *other))
    ((_, story),) = text.answer(both)[1]
    assert story == (
        "with 1 and 10 labels a class it helps at equal budget (from scratch) (+9.0), but hurts at equal budget "
        "(b, from scratch) (\N{MINUS SIGN}9.0)."
    )
