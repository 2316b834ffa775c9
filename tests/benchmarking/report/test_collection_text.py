"""The words and tables of a collection: every cell traced to its numbers."""

import dataclasses

import pytest
from test_collection_summary import part_of
from together import collection, rows_of, suite_of

from zoo.benchmarking.collection_records import Average, Gap, Reuse
from zoo.benchmarking.collection_summary import Part, summarise_collection
from zoo.benchmarking.report import collection_text as words
from zoo.benchmarking.report.text import signed


@pytest.fixture(scope="module")
def view():
    return summarise_collection(collection(), [part_of("digits"), part_of("letters")])


def edited(view, **changes):
    return dataclasses.replace(view, summary=dataclasses.replace(view.summary, **changes))


def test_the_matrix_holds_every_cell(view):
    table = words.matrix_table(view, "vision")
    assert table.head == ("Start", "digits", "letters")
    assert [heading for heading, _ in table.groups] == ["1 label a class", "10 labels a class"]
    cells = {(rank, row[0], task): row[1 + column] for rank, (_, rows) in enumerate(table.groups) for row in rows
             for column, task in enumerate(table.head[1:])}  # fmt: skip
    for gap in view.summary.gaps:
        text = cells[gap.rank, words.row_name(gap.role, gap.source), gap.task]
        assert signed(gap.difference) in text
        assert gap.verdict in text
        assert f"{signed(gap.low)} to {signed(gap.high)}" in text
    assert any(row[0] == "classical baseline" for _, rows in table.groups for row in rows)


def test_the_sentence_names_what_hurts_and_counts_the_rest(view):
    ((name, story),) = words.answers(view)
    assert name == "In vision"
    few, many = story.split("; with ")
    assert few.startswith("with 1 label a class (8 comparisons) pre-training helps in 4 (+22.8 to +29.2)")
    assert "hurts in 2 (textures, frozen on digits \N{MINUS SIGN}8.7" in many
    gaps = [gap for gap in view.summary.gaps if gap.role in "PF" and gap.rank == 0]
    helped = sum(gap.verdict == "helps" for gap in gaps)
    assert f"{len(gaps)} comparisons on 2 tasks, helps in {helped}, " in words.opening(view)


def test_it_is_told_where_scratch_might_have_gone_on_to_learn(view):
    longest = {part.member.suite: max(part.suite.longer) for part in view.parts}
    at = sorted({(gap.task, gap.budget) for gap in view.summary.gaps})
    for last in (0, 1, len(at)):
        gaps = [
            dataclasses.replace(gap, schedule=longest[gap.suite] if (gap.task, gap.budget) in at[:last] else 1)
            for gap in view.summary.gaps
        ]
        said = words.cautions(edited(view, gaps=tuple(gaps)))
        assert len(said) == (2 if last else 1)
        if last:
            assert said[0].startswith(f"In {last} of {len(at)} places (a task at a number of labels; digits")


def test_the_most_labels_are_those_of_each_task():
    """A task with more budgets than the others does not speak for them."""
    suite = suite_of("letters")
    suite = dataclasses.replace(suite, budgets=(1,))
    rows = [row for row in rows_of("letters") if row.run.budget == 1]
    found = summarise_collection(collection(), [part_of("digits"), part_of("letters", rows, suite)])
    ((_, story),) = words.answers(found)
    few, many = story.split("; with ")
    assert few.startswith("with 1 label a class (8 comparisons)")
    assert many.startswith("digits 10, letters 1 labels a class (8 comparisons)")
    why = {average.why for average in found.summary.averages if average.rank == 1}
    assert why == {"incomplete: letters (no such label budget)"}
    ((_, table),) = words.reuse_table(found, "vision").groups[1:]
    assert {row[-1] for row in table} == {"no such label budget"}


def test_every_verdict_has_its_phrase_and_each_state_its_sign():
    gap = Gap("vision", "d", "d", "P", "g", 0, 1, "helps", difference=2.0, low=1.5, high=2.5)
    for verdict in words.VERDICTS:
        assert words.DID[verdict]
    signs = {v: words.sign_of(dataclasses.replace(gap, verdict=v)) for v in ("helps", "hurts", "no difference")}
    assert len({sign for _, sign in signs.values()}) == 3
    lost = dataclasses.replace(gap, verdict="no verdict (failed)", failed=2)
    assert words.sign_of(lost)[0] == "lost"
    assert "[2 failed]" in words.cell_text(lost)
    assert words.cell_text(dataclasses.replace(gap, verdict="not in this suite")) == words.NOTHING


def test_budgets_that_differ_are_named_by_task():
    one = Gap("vision", "d", "d", "P", "g", 0, 1, "helps")
    assert words.budgets_of([one, dataclasses.replace(one, task="e", budget=8)]) == "d 1, e 8 labels a class"
    assert words.budgets_of([dataclasses.replace(one, budget=0)]) == "did not run"


def test_averages_say_why_there_is_none(view):
    average = Average("vision", "P", "glyphs", 0, 1, 2, why="incomplete: letters (1 failed)")
    single = Average("vision", "F", "glyphs", 0, 1, 1, z=0.5, scratch=0.4, difference=-0.1, low=-0.2, high=0.0)
    ((_, rows),) = words.average_table(edited(view, averages=(average, single))).groups
    assert rows[0][1:] == ("1 of 2", *[words.NOTHING] * 4, "incomplete: letters (1 failed)")
    assert rows[1][1:] == ("1 of 1", "0.50", "0.40", "\N{MINUS SIGN}0.10",
                           "\N{MINUS SIGN}0.20 to 0.00", "one task")  # fmt: skip


def test_reuse_in_words(view):
    known = Reuse("vision", "P", "glyphs", 0, 2_000_000, {"digits": "3.0", "letters": "5.0"}, tasks=3.75)
    never = Reuse("vision", "F", "glyphs", 0, 2_000_000, {"digits": "3.0", "letters": words.NEVER}, why=words.NEVER)
    lost = Reuse("vision", "F", "textures", 0, None, {"digits": "3.0", "letters": "lost"}, why="letters: lost")
    ((_, rows),) = words.reuse_table(edited(view, reuses=(known, never, lost)), "vision").groups
    assert rows[0] == ("glyphs, fine-tuned", "2 M", "3.8", "3.0", "5.0")
    assert rows[1][2] == words.NEVER
    assert rows[2][1:3] == ("not recorded", words.NOTHING)


def test_a_member_that_did_not_run_is_in_every_summary(view):
    gone = Part(collection().members[1], problem="no soundfile")
    found = summarise_collection(collection(), [part_of("digits"), gone])
    ((_, rows),) = words.member_table(found).groups
    assert rows[1] == ("letters", "letters", "vision", "0 of 0", "nothing is stored; did not run: no soundfile")
    assert "did not run: letters" in words.counts(found)
    assert "did not run on letters" in words.answers(found)[0][1]
    assert "complete" in rows[0]
