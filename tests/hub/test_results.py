import dataclasses
import json

import pytest
import yaml

import zoo
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.errors import PublishError, StoreError, UnknownName
from zoo.hub.results import stage_results
from zoo.specs import Result, RunSpec
from zoo.upkeep.cards import ROOT

STORE = ROOT / "benchmarks/results/pocket-quick/digits.jsonl"
ID = "tester/pets-results"


def test_the_same_rows(tmp_path):
    folder = stage_results(STORE, tmp_path / "rows", ID)
    assert (folder / "results.jsonl").read_bytes() == STORE.read_bytes()
    card = (folder / "README.md").read_text()
    assert yaml.safe_load(card.split("---\n")[1]) == {"license": "unknown", "tags": ["zoo", "benchmark", "digits"]}
    assert "verdict" in card
    assert "![" not in card
    assert json.loads((folder / "zoo.json").read_text())["files"].keys() == {"results.jsonl"}


def store(folder, *backbones):
    """A store in a folder, of whose suite some arms start from folders of this machine."""
    suite = load_suite("digits")
    arms = tuple(
        dataclasses.replace(arm, backbone=backbones[0]) if arm.backbone.endswith("glyphs") else arm
        for arm in suite.arms
    )
    sources = {**suite.sources, "made by": f"zoo bench --data /home/anna/photos --backbones {backbones[0]}"}
    made = Store(folder)
    made.create(dataclasses.replace(suite, arms=arms, sources=sources))
    for backbone in backbones:
        run = RunSpec("digits", "1", "digits", "", "P:glyphs", "P", backbone, "", 1, 0, "tune", {"lr": 0.1})
        made.write(Result(run, {"status": "ok", "score": 50.0}, {"host_folder": "/mnt/disk/run"}))
    return folder


def test_paths_are_cut_and_the_rows_stay_apart(tmp_path):
    folder = stage_results(store(tmp_path / "store", "/home/anna/runs/net"), tmp_path / "rows", ID, "mit")
    for path in folder.iterdir():
        assert "anna" not in path.read_text()
        assert "/mnt" not in path.read_text()
    assert zoo.read_rows(folder / "results.jsonl")[0].run.backbone == "net"
    assert "license: mit" in (folder / "README.md").read_text()


def test_two_folders_of_one_name_are_refused(tmp_path):
    with pytest.raises(PublishError, match="one name"):
        stage_results(store(tmp_path / "store", "/home/anna/a/net", "/home/anna/b/net"), tmp_path / "rows", ID)


def test_what_is_none(tmp_path):
    with pytest.raises(UnknownName, match="licence"):
        stage_results(STORE, tmp_path / "a", ID, "my-own")
    with pytest.raises(StoreError):
        stage_results(tmp_path / "nowhere", tmp_path / "b", ID)


def test_a_licence_in_capitals(tmp_path):
    assert "license: mit" in (stage_results(STORE, tmp_path / "a", ID, "MIT") / "README.md").read_text()
