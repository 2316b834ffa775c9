"""A reference beside a suite: an arm of another network that no table takes for an effect of pre-training."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import torch
import transformers
from running import run
from sentence_encoder import LONGEST, sentence_encoder
from synthetic import answers, digits, digits_rows, make_row
from test_own import vit  # noqa: F401  (a folder with another architecture)
from trained import texts

from zoo.adaptations.linear_probe import logistic_regression
from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.references import folder_name, with_references
from zoo.benchmarking.report import write_report
from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.runner import bench
from zoo.benchmarking.store import Store, read_rows
from zoo.benchmarking.suite import Suite, load_suite, shipped
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
        ([NAME, NAME], UsageError, "is named twice"),
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


def small(source: str) -> Suite:
    """The suite `areas` on other texts, in seconds."""
    suite = load_suite("areas")
    task = dataclasses.replace(suite.task, source=source, classes=2)
    grids = {"lr": [1e-3, 1e-2], "penalty": [0.1, 1.0]}
    return dataclasses.replace(
        suite, task=task, arms=tuple(arm for arm in suite.arms if arm.role in "SC"), budgets=(4,), steps=1, longer=(),
        seeds=(0,), tuning_seeds=(1000,), grids=grids, split={"test": 20, "validation": 10, "seed": 0},
    )  # fmt: skip


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "max_tokens"])
def test_a_sentence_encoder_is_read_as_its_repository_says(tmp_path, pooling):
    """The row of its cell against a rewrite with transformers alone: tokens, context and pooling of the repository."""
    folder = sentence_encoder(tmp_path / "minilm", pooling)
    suite = with_references(small(str(texts(tmp_path / "two.csv"))), [str(folder)])
    arm = suite.arms[-1]
    assert (arm.id, arm.label) == ("R:minilm", "minilm, another architecture, frozen probe")
    bench = Workbench(suite)
    found = bench.run(Job(bench.run_spec(arm, 4, 0, "tune", 1.0)))

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    network = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def feature(text: str) -> np.ndarray:
        inputs = tokenizer(text, truncation=True, max_length=LONGEST, padding=False, return_tensors="pt")
        assert inputs["input_ids"].shape[1] <= LONGEST
        with torch.inference_mode():
            tokens = network(**inputs).last_hidden_state[0]
        ways = {"mean_tokens": tokens.mean(0), "cls_token": tokens[0], "max_tokens": tokens.amax(0)}
        return ways[pooling].numpy()

    known, asked = bench.labels(4, 0), bench.split.validation
    features = np.stack([feature(text) for text in bench.data.samples])
    weight, bias = logistic_regression(features[known], bench.data.targets[known], 1.0, 2)
    logits = torch.from_numpy(features[asked] @ weight.T + bias).float()
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(bench.data.targets[asked]))
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_a_suite_file_may_name_a_folder(tmp_path, monkeypatch):
    sentence_encoder(tmp_path / "minilm", "cls_token")
    whole = shipped()["areas"].read_text(encoding="utf-8")
    added = '\n[[arms]]\nid = "R:minilm"\nrole = "R"\nlabel = "MiniLM, another architecture"\nbackbone = "minilm"\n'
    (tmp_path / "mine.toml").write_text(f'{whole}{added}adaptation = "linear_probe"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    suite = load_suite("mine.toml")
    suite = dataclasses.replace(small(str(texts(tmp_path / "two.csv"))), arms=(suite.arms[0], suite.arms[-1]))
    done = bench(suite, "out", workers=1, quiet=True)
    assert done.failed == 0
    row = next(row for row in read_rows("out") if row.run.arm == "R:minilm" and row.run.phase == "final")
    assert any("pooled by cls" in note for note in row.result["warnings"])
    with pytest.raises(UsageError, match="is an arm of suite 'areas' already"):
        with_references(suite, [str(tmp_path / "minilm")])


def test_folders_that_are_called_alike(tmp_path):
    one = sentence_encoder(tmp_path / "a" / "minilm")
    other = tmp_path / "b" / "minilm"
    shutil.copytree(one, other)
    suite = with_references(load_suite("areas"), [str(one), str(other)])
    assert [arm.id for arm in suite.arms[-2:]] == ["R:minilm", "R:minilm-2"]
    assert folder_name(suite) == "areas-with-minilm-minilm-2"


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
