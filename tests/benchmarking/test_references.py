"""A reference beside a suite: an arm of another network that no table takes for an effect of pre-training."""

from __future__ import annotations

import dataclasses

import pytest
from running import run
from synthetic import answers, digits, digits_rows, make_row
from test_own import vit  # noqa: F401  (a folder with another architecture)

from zoo.benchmarking.references import folder_name, with_references
from zoo.benchmarking.report import write_report
from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.runner import bench
from zoo.benchmarking.store import Store, read_rows
from zoo.benchmarking.suite import load_suite
from zoo.benchmarking.summary import summarise
from zoo.errors import IncompatibleError, InvalidRecord, StoreError, UnknownName, UsageError

NAME = "timm/resnet18.a1_in1k"


def test_the_arm_that_is_added():
    suite = load_suite("digits")
    found = with_references(suite, [NAME])
    assert found.arms[:-1] == suite.arms
    arm = found.arms[-1]
    assert (arm.id, arm.role, arm.search, arm.baseline) == ("R:resnet18.a1_in1k", "R", "penalty", "")
    assert [one.id for one in found.baselines(arm)] == ["S"]
    assert found.sources["made by"] == f"zoo bench digits --level quick --with {NAME}"
    assert folder_name(found) == "digits-with-resnet18.a1_in1k"


@pytest.mark.parametrize(
    ("names", "kind", "message"),
    [
        ([], UsageError, "no reference was named"),
        ([NAME, NAME], UsageError, "is an arm of suite 'digits' already"),
        (["pocket/resnet10.glyphs"], UsageError, "is an arm of suite 'digits' already"),
        (["timm/resnet18"], IncompatibleError, "no trained weights"),
        (["transformers/google-bert/bert-base-uncased"], IncompatibleError, "is a backbone for text"),
        (["timm/resnet18.a1_in"], UnknownName, "Nearest"),
    ],
)
def test_refused(names, kind, message):
    with pytest.raises(kind, match=message):
        with_references(load_suite("digits"), names)


def test_a_label_that_hides_the_other_network(vit):  # noqa: F811
    from zoo.benchmarking.suite import ROLES
    from zoo.benchmarking.suite_checks import check

    suite = with_references(load_suite("digits"), [str(vit)])
    arms = (*suite.arms[:-1], dataclasses.replace(suite.arms[-1], label="the best"))
    with pytest.raises(InvalidRecord, match=r"Fix: label = 'the best, another architecture'"):
        check(dataclasses.replace(suite, arms=arms), ROLES)


@pytest.mark.parametrize("adaptation", ["linear_probe", "full"])
def test_from_a_run_to_the_report(vit, tmp_path, adaptation):  # noqa: F811
    suite = load_suite("digits")
    arms = tuple(arm for arm in suite.arms if arm.id in ("S", "F:glyphs"))
    grids = {"lr": [1e-3, 1e-2], "penalty": [0.1, 1.0]}
    suite = dataclasses.replace(suite, arms=arms, budgets=(2,), steps=2, seeds=(0, 1), tuning_seeds=(1000,), longer=(),
                                grids=grids, split={"test": 150, "validation": 100, "seed": 0})  # fmt: skip
    suite = with_references(suite, [str(vit)])
    suite = dataclasses.replace(suite, arms=(*arms, dataclasses.replace(suite.arms[-1], adaptation=adaptation)))
    done = bench(suite, tmp_path / "out", workers=1, quiet=True)
    rows = read_rows(tmp_path / "out")
    assert done.failed == 0
    found = summarise(suite, rows)
    pair = next(pair for pair in found.comparisons if pair.role == "R")
    scores = {(row.run.arm, row.run.seed): row.result["score"] for row in rows if row.run.phase == "final"}
    own = "R:test_vit.mine"
    assert pair.difference == pytest.approx(sum(scores[own, s] - scores["S", s] for s in (0, 1)) / 2)
    assert (pair.verdict, "another architecture" in pair.label) == ("indicative", True)
    assert own not in {p.arm for p in (*found.efficiencies, *found.break_evens)}
    assert not found.pairs
    assert "another architecture" in (tmp_path / "out" / "report.md").read_text()
    with pytest.raises(StoreError, match="another suite"):
        Store(tmp_path / "out").create(load_suite("digits"))


def test_its_verdict_does_not_speak_of_pretraining(tmp_path):
    suite = with_references(digits(), [NAME])
    arm = suite.arms[-1].id
    rows = digits_rows() + [
        make_row(suite, arm, budget, seed, answers("P:glyphs", budget)[seed])
        for budget in (1, 10)
        for seed in suite.seeds
    ]
    found = summarise(suite, rows)
    words = {pair.arm: pair.verdict for pair in found.comparisons}
    assert (words[arm], words["P:glyphs"]) == ("ahead", "helps")
    write_report(suite, rows, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert "another architecture, frozen probe**: with 1 and 10 labels a class it is ahead" in page
    assert "no effect of pre-training" in page


def test_nor_does_that_of_the_classical_baseline(tmp_path):
    suite = digits()
    pairs = [pair for pair in summarise(suite, digits_rows()).comparisons if pair.role == "C"]
    assert {pair.verdict for pair in pairs} & {"ahead", "behind"}
    assert not {pair.verdict for pair in pairs} & {"helps", "hurts"}
    alone = dataclasses.replace(suite, arms=tuple(arm for arm in suite.arms if arm.role in "SPF"))
    assert "no effect of pre-training" not in render_markdown(alone, summarise(alone, digits_rows()))


def test_the_command(vit, tmp_path, capsys, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "bench", "digits", "--with", "timm/resnet18", "--dry-run")
    assert (code, "no trained weights" in err) == (2, True)
