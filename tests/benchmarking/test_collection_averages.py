"""Averages against a slow rewrite from the rows, and break-even reuse by hand."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import trim_mean
from test_collection_summary import part_of
from together import collection, rows_of

from zoo.benchmarking.break_even import NOT_REACHED
from zoo.benchmarking.collection_averages import reuses
from zoo.benchmarking.collection_records import Gap
from zoo.benchmarking.collection_summary import summarise_collection
from zoo.benchmarking.summary_records import BreakEven


@pytest.fixture(scope="module")
def whole():
    return summarise_collection(collection(), [part_of("digits"), part_of("letters")])


def z(name, arm, budget, schedule, reference):
    """The scores of one place, from the answers in its rows."""
    own = [r for r in rows_of(name) if (r.run.arm, r.run.budget, r.run.recipe["schedule"]) == (arm, budget, schedule)]
    scores = [
        100 * r.result["correct"].count("1") / len(r.result["correct"]) for r in sorted(own, key=lambda r: r.run.seed)
    ]
    return (np.array(scores) - 10) / (reference - 10)


@pytest.mark.parametrize(("role", "source", "rank"), [("P", "glyphs", 0), ("F", "textures", 1), ("C", "", 0)])
def test_the_average_is_the_trimmed_mean_of_paired_z(whole, role, source, rank):
    found = next(a for a in whole.summary.averages if (a.role, a.source, a.rank) == (role, source, rank))
    arm, budget = f"{role}:{source}".rstrip(":"), (1, 10)[rank]
    mine = np.array([z("digits", arm, budget, 1, 100), z("letters", arm, budget, 1, 90)])
    scratch = np.array([z("digits", "S", budget, 2, 100), z("letters", "S", budget, 2, 90)])
    assert found.z == pytest.approx(trim_mean(mine.ravel(), 0.25))
    assert found.scratch == pytest.approx(trim_mean(scratch.ravel(), 0.25))
    assert found.difference == pytest.approx(trim_mean((mine - scratch).ravel(), 0.25))
    assert found.low < found.difference < found.high
    assert found.high_tasks - found.low_tasks > found.high - found.low
    assert (found.tasks, found.of, found.why) == (2, 2, "")


def test_over_all_modalities_sources_are_averaged_within_a_task():
    made = collection()
    speech = dataclasses.replace(made.members[1], modality="speech")
    made = dataclasses.replace(made, members=(made.members[0], speech))
    parts = [part_of("digits"), dataclasses.replace(part_of("letters"), member=speech)]
    view = summarise_collection(made, parts)
    found = next(a for a in view.summary.averages if (a.modality, a.role, a.rank) == ("", "P", 0))
    sources = ("glyphs", "textures")
    mine = [np.mean([z("digits", f"P:{s}", 1, 1, 100) for s in sources], axis=0),
            np.mean([z("letters", f"P:{s}", 1, 1, 90) for s in sources], axis=0)]  # fmt: skip
    scratch = [z("digits", "S", 1, 2, 100), z("letters", "S", 1, 2, 90)]
    assert found.difference == pytest.approx(trim_mean((np.array(mine) - scratch).ravel(), 0.25))
    one = next(a for a in view.summary.averages if a.modality == "speech")
    assert one.low is not None
    assert one.low_tasks is None  # one task says nothing of others


def entries(*own):
    """Summaries and cells in which each task has one break-even entry."""
    gaps, summaries = [], {}
    base = part_of("digits").summary
    for number, (scratch, cost, why) in enumerate(own):
        name = f"task{number}"
        gaps.append(Gap("vision", name, name, "P", "glyphs", 0, 1, "helps", arm="P:glyphs"))
        tasks = None if scratch is None else 1000 / (scratch - cost)
        entry = BreakEven("P:glyphs", "glyphs", "P", 1, 1000, 1 if scratch else 0, scratch, cost, tasks, why)
        summaries[name] = dataclasses.replace(base, break_evens=(entry,))
    return gaps, summaries


def test_reuse_divides_pretraining_by_the_mean_saving():
    (found,) = reuses(*entries((300, 100, ""), (700, 300, "")))
    assert found.tasks == pytest.approx(1000 / ((200 + 400) / 2))
    assert found.each == {"task0": "5.0", "task1": "2.5"}
    assert found.pretraining == 1000


def test_a_task_without_a_number_leaves_none():
    (found,) = reuses(*entries((300, 100, ""), (None, 300, NOT_REACHED)))
    assert (found.tasks, found.why) == (None, f"task1: {NOT_REACHED}")


def test_a_task_that_costs_more_is_counted():
    (found,) = reuses(*entries((300, 100, ""), (200, 500, "the arm costs no less than scratch")))
    assert (found.tasks, found.why) == (None, "the arm costs no less than scratch")
