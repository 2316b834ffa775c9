"""A suite for a person's own images: what it says, what it refuses, and that it runs to a report."""

import dataclasses
import json
from pathlib import Path

import pytest
from running import run
from safetensors.torch import save_file
from trained import sounds, texts, trained

import zoo
from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.own import LEVELS, describe_suite, own_suite
from zoo.benchmarking.runner import bench
from zoo.benchmarking.store import read_rows
from zoo.benchmarking.suite import COMMAND
from zoo.benchmarking.summary import summarise
from zoo.errors import DataError, IncompatibleError, InvalidRecord, UnknownName, UsageError, WeightsError
from zoo.specs import canonical

GLYPHS, TEXTURES = "pocket/resnet10.glyphs", "pocket/resnet10.textures"


@pytest.fixture
def vit(tmp_path):
    """A folder with a backbone of another architecture, as `zoo pretrain` writes it."""
    import hashlib

    backbone = zoo.load("timm/test_vit", pretrained=False, seed=3)
    folder = tmp_path / "vit"
    folder.mkdir()
    save_file({n: t.contiguous() for n, t in backbone.module.state_dict().items()}, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    spec = dataclasses.replace(backbone.spec, name="timm/test_vit.mine", tag="mine", digest=digest)
    (folder / "backbone.json").write_text(json.dumps(spec.to_json()))
    return folder


def test_arms_share_the_scratch_of_their_architecture(photos, vit):
    suite = own_suite(photos, [GLYPHS, str(vit), TEXTURES])
    assert [(arm.id, [scratch.id for scratch in suite.baselines(arm)]) for arm in suite.arms] == [
        ("S:resnet10", []), ("P:resnet10.glyphs", ["S:resnet10"]), ("F:resnet10.glyphs", ["S:resnet10"]),
        ("P:resnet10.textures", ["S:resnet10"]), ("F:resnet10.textures", ["S:resnet10"]),
        ("S:test_vit", []), ("P:test_vit.mine", ["S:test_vit"]), ("F:test_vit.mine", ["S:test_vit"]),
        ("C", ["S:resnet10", "S:test_vit"]),
    ]  # fmt: skip
    assert (suite.name, suite.task.classes, suite.task.source) == ("photos", 2, str(photos.resolve()))
    assert suite.leakage.startswith("unknown")


def test_the_command_that_makes_it_again(photos, capsys, tmp_path):
    import shlex

    suite = own_suite(photos, [GLYPHS], "default", budgets=(1, 4), steps=7, seeds=3, margin=2.5)
    words = shlex.split(suite.sources[COMMAND])
    code, _, err = run(capsys, *words[1:], "--dry-run", "--out", str(tmp_path / "out"))
    assert code == 0
    assert describe_suite(suite) in err
    again = own_suite(words[3], words[5].split(","), words[7], budgets=(1, 4), steps=7, seeds=3, margin=2.5)
    assert again == suite


def test_spelling_and_order_do_not_make_another_suite(photos, vit, monkeypatch):
    monkeypatch.chdir(vit.parent)
    suite = own_suite(photos, ["vit"], budgets=(4, 1))
    assert suite == own_suite(photos, [str(vit)], budgets=(1, 4))
    assert f"--backbones {vit.resolve()} " in suite.sources[COMMAND]
    with pytest.raises(UsageError, match=r"\./vit is named twice"):
        own_suite(photos, ["vit", "./vit"])


def test_a_path_that_is_no_folder_is_the_known_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert own_suite(Path("digits"), [GLYPHS]).task.source == "digits"


@pytest.mark.parametrize("level", LEVELS)
def test_levels(photos, level):
    suite = own_suite(photos, [GLYPHS], level)
    chosen = LEVELS[level]
    assert suite.budgets[-1] == 6  # 12 images a class: 3.6 test and 2.4 validation go
    assert len(suite.budgets) <= chosen.budgets
    assert list(suite.budgets) == sorted(set(suite.budgets))
    assert suite.grids == {"lr": list(chosen.lr), "penalty": list(chosen.penalty)}
    assert [len(chosen.lr), max(chosen.longer)] == {"quick": [3, 3], "default": [5, 3], "full": [9, 9]}[level]
    assert ("M" in {arm.role for arm in suite.arms}) == (level == "full")
    assert describe_suite(suite).count("\n") == len(suite.arms)


@pytest.mark.parametrize(
    ("backbones", "options", "kind", "said"),
    [
        ([], {}, UsageError, "no backbone was named"),
        ([GLYPHS, GLYPHS], {}, UsageError, "pocket/resnet10.glyphs is named twice"),
        (["pocket/resnet10"], {}, IncompatibleError, "an architecture without trained weights"),
        (["pocket/resnet10.glyps"], {}, UnknownName, "Nearest: pocket/resnet10.glyphs"),
        ([GLYPHS], {"level": "quik"}, UnknownName, "unknown level 'quik'. Nearest: quick"),
        ([GLYPHS], {"margin": 0}, InvalidRecord, "margin must be above 0"),
        ([GLYPHS], {"seeds": 0}, InvalidRecord, "seeds must be"),
        ([GLYPHS], {"steps": 0}, InvalidRecord, "steps must be 1 or more"),
        ([GLYPHS], {"budgets": (0,)}, InvalidRecord, "budgets must be"),
    ],
)
def test_what_cannot_be_compared(photos, backbones, options, kind, said):
    with pytest.raises(kind, match=said):
        own_suite(photos, backbones, **options)


def test_data_that_cannot_be_split(photos, tmp_path):
    with pytest.raises(UnknownName, match="unknown data set"):
        own_suite(tmp_path / "photo", [GLYPHS])
    for path in sorted((photos / "left").iterdir())[2:]:
        path.unlink()
    with pytest.raises(DataError, match="at least 3 are needed"):
        own_suite(photos, [GLYPHS])


def test_a_folder_that_is_no_backbone(photos, tmp_path):
    with pytest.raises(WeightsError, match="not a backbone folder"):
        own_suite(photos, [str(photos)])


def test_two_architectures_to_a_report(photos, vit, tmp_path):
    suite = own_suite(photos, [GLYPHS, str(vit)], budgets=(2,), steps=2, seeds=2)
    suite = dataclasses.replace(
        suite, grids={"lr": [1e-3, 1e-2], "penalty": [0.1, 1.0]}, longer=(), tuning_seeds=(1000,)
    )
    done = bench(suite, tmp_path / "out", workers=1, quiet=True)
    rows = read_rows(tmp_path / "out")
    assert done.failed == 0
    assert {row.run.arm for row in rows} == {arm.id for arm in suite.arms}
    found = summarise(suite, rows)
    assert {(pair.arm, pair.baseline) for pair in found.comparisons} == {
        ("P:resnet10.glyphs", "S:resnet10"), ("F:resnet10.glyphs", "S:resnet10"), ("P:test_vit.mine", "S:test_vit"),
        ("F:test_vit.mine", "S:test_vit"), ("C", "S:resnet10"), ("C", "S:test_vit"),
    }  # fmt: skip
    by_arm = {(row.run.arm, row.run.seed): row.result["score"] for row in rows if row.run.phase == "final"}
    for pair in found.comparisons:
        expected = sum(by_arm[pair.arm, s] - by_arm[pair.baseline, s] for s in suite.seeds) / len(suite.seeds)
        assert pair.difference == pytest.approx(expected)
        assert pair.verdict == "indicative"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "equal budget, test_vit, from scratch" in page


def test_the_command(photos, tmp_path, capsys):
    command = ["bench", "--data", str(photos), "--backbones", f"{GLYPHS},{TEXTURES}", "--out", str(tmp_path / "out")]
    code, _, err = run(capsys, *command, "--dry-run", "--seeds", "3", "--budgets", "1,4", "--steps", "5")
    assert code == 0
    assert "photos: 2 classes; 1, 4 labels a class; 3 seeds; 5 steps, scratch also 3 times as many" in err
    assert "cells to run" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digits", "--data", "x"], "both a suite ('digits') and --data were given"),
        (["--backbones", GLYPHS], "--backbones without --data"),
        (["digits", "--steps", "5", "--margin", "2"], "--steps --margin without --data"),
        (["--data", "digits"], "no backbone was named"),
        (["--data", "digits", "--backbones", GLYPHS, "--budgets", "1,two"], "--budgets takes whole numbers"),
        (["--data", "digits", "--backbones", GLYPHS, "--budgets", "88"], "a budget of 88 labels a class was asked for"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, said, capsys):
    code, _, err = run(capsys, "bench", *arguments, "--dry-run")
    assert (code, said in err) == (2, True), err


# ------------------------------------------------------------------------------------------------- texts and sounds


def small(suite):
    return dataclasses.replace(
        suite, grids={"lr": [1e-3, 1e-2], "penalty": [0.1, 1.0]}, longer=(), tuning_seeds=(1000,)
    )


@pytest.mark.parametrize(("arch", "kind", "padded"), [("bert", "text", "masked"), ("gpt2", "text", "equal_length"),
                                                      ("wav2vec2", "audio", "")])  # fmt: skip
def test_texts_and_sounds_to_a_report_and_again_bit_by_bit(tmp_path, arch, kind, padded):
    if kind == "audio":
        pytest.importorskip("soundfile")
    data = texts(tmp_path / "t.csv") if kind == "text" else sounds(tmp_path / "s", each=20)
    name = trained(arch, tmp_path / arch)
    suite = small(own_suite(data, [name], budgets=(3,), steps=2, seeds=2))
    assert suite.task.kind == f"{kind}_classification"
    assert bench(suite, tmp_path / "one", workers=1, quiet=True).failed == 0
    rows = read_rows(tmp_path / "one")
    assert {row.run.arm for row in rows} == {arm.id for arm in suite.arms}
    lengths = {row.result.get("flops_length") for row in rows if row.run.role != "C"}
    assert len(lengths) == 1
    assert lengths.pop() > 5
    assert all(row.result["flops"] for row in rows)
    final = {(row.run.arm, row.run.budget, row.run.seed): row.result for row in rows if row.run.phase == "final"}
    assert final["C", 3, 0]["score"] > 70  # words and pitch tell the classes
    assert final[f"S:{arch}", 3, 0]["graph"] == final[f"P:{arch}.mine", 3, 0]["graph"]
    assert (tmp_path / "one" / "report.html").exists()
    again, told = Workbench(suite), ("chosen", "search", "validation_score", "lr_edge")
    for row in (row for row in rows if row.run.phase == "final" and row.run.seed == 1):
        search = {name: row.result[name] for name in told}
        assert canonical(again.run(Job(row.run, search))) == canonical(row.result)


def test_what_is_said_of_texts(tmp_path, capsys):
    data = texts(tmp_path / "t.csv", split=["test" if i % 3 == 0 else "train" for i in range(60)])
    suite = own_suite(data, [trained("bert", tmp_path / "bert")])
    assert suite.split == {"validation": 0.2, "seed": 0}
    assert (suite.task.source, suite.training["augmentation"]) == (str(data.resolve()), "none")
    assert "60 texts of 2 classes" in suite.about
    code, _, err = run(capsys, "bench", "--data", str(data), "--backbones", GLYPHS, "--dry-run")
    assert (code, "is a backbone for vision" in err) == (2, True)


def test_numbers_cannot_be_compared(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"word{i},{i * 1.5}\n" for i in range(60)))
    with pytest.raises((IncompatibleError, DataError), match=r"regression|answer"):
        own_suite(path, [trained("bert", tmp_path / "bert")])
