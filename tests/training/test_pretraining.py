import dataclasses
import json

import pytest
import torch

import zoo
from zoo.errors import IncompatibleError, InvalidRecord, WeightsError
from zoo.providers.weights import weights_digest
from zoo.training.pretraining import pretraining_flops
from zoo.training.recipe import Recipe, load_recipe
from zoo.training.trainspec import TrainSpec

SMALL = TrainSpec(steps=6, batch_size=16, lr=2e-3, device="cpu", checkpoint_every=2)


def test_shipped_recipe_runs_and_its_result_loads(tmp_path):
    made = zoo.pretrain("textures", tmp_path, steps=3, quiet=True)
    assert made.spec.name == "pocket/resnet10.textures"
    assert made.spec.recipe_digest != zoo.describe("pocket/resnet10.textures").recipe_digest  # fewer steps
    again = zoo.load(str(tmp_path))
    assert weights_digest(again.module) == weights_digest(made.module)
    assert zoo.fingerprint(made) == zoo.fingerprint(zoo.load("pocket/resnet10", pretrained=False))
    scratch = zoo.load(str(tmp_path), pretrained=False, seed=0)
    assert weights_digest(scratch.module) != weights_digest(made.module)


def test_same_recipe_same_bytes_also_when_interrupted(tmp_path, monkeypatch):
    from zoo.training import loop

    recipe = Recipe("r", "pocket/resnet10", "textures", "supervised", SMALL)
    whole = zoo.pretrain(recipe, tmp_path / "whole", quiet=True)
    original = loop.warmup_cosine

    def dies(step, steps, warmup):
        if step == 5:
            raise OSError("power cut")
        return original(step, steps, warmup)

    monkeypatch.setattr(loop, "warmup_cosine", dies)
    with pytest.raises(OSError, match="power cut"):
        zoo.pretrain(recipe, tmp_path / "cut", quiet=True)
    monkeypatch.setattr(loop, "warmup_cosine", original)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    assert zoo.pretrain(recipe, tmp_path / "cut", quiet=True).spec.digest == whole.spec.digest
    cost = json.loads((tmp_path / "cut/history.json").read_text())["cost"]
    assert cost["timed_steps"] < cost["steps"]


def test_a_folder_of_images_is_data_too(photos, tmp_path):
    recipe = Recipe("photos", "pocket/resnet10", str(photos), "supervised", dataclasses.replace(SMALL, steps=30))
    made = zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    losses = json.loads((tmp_path / "out/history.json").read_text())["losses"]
    assert losses[-1] < losses[0] / 2
    assert made.spec.pretrained_on.startswith("photos")


def test_the_cost_of_a_checkpoint_is_kept(tmp_path):
    recipe = Recipe("r", "pocket/resnet10", "textures", "supervised", SMALL)
    zoo.pretrain(recipe, tmp_path, quiet=True)
    cost = json.loads((tmp_path / "history.json").read_text())["cost"]
    assert (cost["steps"], cost["timed_steps"]) == (6, 6)
    assert cost["flops"] == pretraining_flops(recipe)
    twice = dataclasses.replace(recipe, training=dataclasses.replace(SMALL, steps=12))
    assert pretraining_flops(twice) == 2 * cost["flops"]
    assert cost["seconds"] > 0


def test_any_architecture(photos, tmp_path):
    recipe = Recipe(
        "mine", "timm/resnet10t", str(photos), "supervised", dataclasses.replace(SMALL, steps=1, batch_size=4)
    )
    made = zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    assert made.spec.name == "timm/resnet10t.mine"
    assert zoo.load(str(tmp_path / "out"), pretrained=False).pooled_dim == made.pooled_dim


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    zoo.pretrain("textures", tmp_path, steps=1, quiet=True)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(WeightsError, match="holds the run of another recipe"):
        zoo.pretrain("textures", tmp_path, steps=2, quiet=True)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_finished_run_is_loaded_and_its_checkpoints_are_gone(tmp_path):
    made = zoo.pretrain("textures", tmp_path, steps=1, quiet=True)
    assert not (tmp_path / "checkpoints").exists()
    written = (tmp_path / "model.safetensors").stat().st_mtime_ns
    assert zoo.pretrain("textures", tmp_path, steps=1, quiet=True).spec.digest == made.spec.digest
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == written


def test_changed_data_in_the_same_folder_is_refused(photos, tmp_path):
    recipe = Recipe("photos", "pocket/resnet10", str(photos), "supervised", SMALL)
    zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    (photos / "left" / "0.png").unlink()
    with pytest.raises(WeightsError, match="holds the run on other data"):
        zoo.pretrain(recipe, tmp_path / "out", quiet=True)


def test_a_call_that_is_refused_does_not_claim_the_folder(tmp_path):
    with pytest.raises(InvalidRecord, match="seed must be from 0 to 4294967295, received -1"):
        zoo.pretrain("textures", tmp_path, steps=1, seed=-1, quiet=True)
    assert zoo.pretrain("textures", tmp_path, steps=1, seed=3, quiet=True).pooled_dim == 256


def test_damaged_marker(tmp_path):
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(WeightsError, match=r"recipe\.json is damaged"):
        zoo.pretrain("textures", tmp_path, steps=1, quiet=True)


def test_out_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot write to"):
        zoo.pretrain("textures", tmp_path / "file", steps=1, quiet=True)


def test_sizes_that_do_not_fit(tmp_path):
    recipe = Recipe("r", "timm/resnet10t", "textures", "supervised", SMALL)
    with pytest.raises(IncompatibleError, match=r"makes images of shape \[1, 32, 32\].*takes \[3, 176, 176\]"):
        zoo.pretrain(recipe, tmp_path, quiet=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["glyphs", "textures"])
def test_shipped_checkpoint_is_re_made(tmp_path, name):
    """The recipe gives a checkpoint whose frozen probe scores what the shipped one's does."""
    made = zoo.pretrain(name, tmp_path, quiet=True)
    shipped = zoo.load(f"pocket/resnet10.{name}")
    assert made.spec.recipe_digest == shipped.spec.recipe_digest == load_recipe(name).digest
    scores = []
    for backbone in (made, shipped):
        fits = [
            zoo.finetune(backbone, "digits", method="linear_probe", labels_per_class=10, seed=seed, quiet=True)
            for seed in range(5)
        ]
        scores.append(torch.tensor([fit.spec.scores["accuracy"] for fit in fits]).mean())
    assert abs(scores[0] - scores[1]) < 2.0
