import dataclasses
import json
import resource
from types import SimpleNamespace

import pytest

import zoo
from zoo.errors import WeightsError
from zoo.training.kept import claim, claim_together, save_backbone
from zoo.training.recipe import load_recipe

RECIPE = load_recipe("textures")
SOURCE = SimpleNamespace(name="made up", digest="d" * 64)


def test_a_folder_belongs_to_one_run(tmp_path):
    assert not claim(tmp_path / "new", RECIPE, SOURCE)
    assert not claim_together(tmp_path / "new", RECIPE, SOURCE)
    with pytest.raises(WeightsError, match="holds the run of another recipe"):
        claim(tmp_path / "new", dataclasses.replace(RECIPE, init="pretrained"), SOURCE)
    with pytest.raises(WeightsError, match="holds the run on other data"):
        claim(tmp_path / "new", RECIPE, SimpleNamespace(name="x", digest="e" * 64))


def test_what_is_saved_is_loaded(tmp_path):
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    claim(tmp_path, RECIPE, SOURCE)
    (tmp_path / "checkpoints").mkdir()
    save_backbone(backbone, RECIPE, SOURCE, tmp_path, {"losses": [1.0], "cost": {"flops": 5}})
    assert claim(tmp_path, RECIPE, SOURCE)
    assert not (tmp_path / "checkpoints").exists()
    spec = zoo.load(str(tmp_path)).spec
    assert (spec.name, spec.objective, spec.pretraining_flops) == ("pocket/resnet10.textures", "supervised", 5)
    assert spec.pretrained_on == "made up (data digest dddddddddddd)"
    assert json.loads((tmp_path / "history.json").read_text())["losses"] == [1.0]


def test_what_the_weights_began_as_is_kept(tmp_path):
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    spec = dataclasses.replace(backbone.spec, source="hf-hub:org/net", revision="c" * 40, licence="mit")
    backbone = dataclasses.replace(backbone, spec=spec)
    for name in ("new", "on", "again"):
        (tmp_path / name).mkdir()
    save_backbone(backbone, RECIPE, SOURCE, tmp_path / "new")
    new = zoo.load(str(tmp_path / "new")).spec
    assert (new.origin, new.licence) == ("scratch", "unknown")
    on = dataclasses.replace(RECIPE, init="pretrained")
    save_backbone(backbone, on, SOURCE, tmp_path / "on")
    assert zoo.load(str(tmp_path / "on")).spec.origin == f"hf-hub:org/net@{'c' * 40}"
    assert zoo.load(str(tmp_path / "on")).spec.licence == "mit"
    save_backbone(zoo.load(str(tmp_path / "new")), on, SOURCE, tmp_path / "again")
    assert zoo.load(str(tmp_path / "again")).spec.origin == "scratch"


def test_a_full_disk_keeps_the_checkpoints(tmp_path):
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    (tmp_path / "checkpoints").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(WeightsError, match=r"cannot be written .*checkpoints are kept.*free space"):
            save_backbone(backbone, RECIPE, SOURCE, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "checkpoints").is_dir()
    assert not (tmp_path / "backbone.json").exists()
    save_backbone(backbone, RECIPE, SOURCE, tmp_path)
    assert (tmp_path / "backbone.json").exists()
