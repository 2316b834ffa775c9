"""What timm alone makes of an exported folder."""

import json
import os
import subprocess
import sys

import pytest
import torch
from exporting import fitted, there_and_back
from vision import disturbed

import zoo
from zoo.hub.native.export import taken
from zoo.hub.native.timm import with_classifier
from zoo.testing.hub import Hub


def small(name):
    backbone = zoo.load(f"timm/{name}", pretrained=False, seed=0)
    disturbed(backbone.module)
    return backbone


def test_a_fitted_model_is_a_network_of_timm_with_its_labels(tmp_path):
    model = fitted(small("test_vit"), "image", tmp_path)
    found = there_and_back(model, tmp_path / "out")
    assert (found.library, found.gives, found.head) == ("timm", "logits", "inside")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architecture"] == "test_vit"
    assert config["num_classes"] == 2
    assert config["pretrained_cfg"]["label_names"] == ["high", "low"]
    assert "model_args" not in config
    assert set(found.files) == {"config.json", "model.safetensors", "head.safetensors", "sample.png"}


def test_a_backbone_is_a_network_without_a_classifier(tmp_path):
    found = there_and_back(small("resnet10t"), tmp_path / "out", check=False)
    assert (found.gives, found.head, found.head_keys) == ("features", "", ())
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_classes"] == 0


def test_arguments_of_the_network_travel(tmp_path):
    first = there_and_back(small("resnet10t"), tmp_path / "first", check=False)
    for name in ("zoo.json", "head.safetensors"):
        (tmp_path / "first" / name).unlink(missing_ok=True)
    config = json.loads((tmp_path / "first" / "config.json").read_text())
    config["model_args"] = {"act_layer": "silu"}
    (tmp_path / "first" / "config.json").write_text(json.dumps(config))
    again = there_and_back(zoo.load(str(tmp_path / "first")), tmp_path / "second", check=False)
    assert json.loads((tmp_path / "second" / "config.json").read_text())["model_args"] == {"act_layer": "silu"}
    assert again.expected != first.expected


def test_a_head_that_is_not_linear_stays_out(tmp_path):
    model = fitted(small("test_vit"), "image", tmp_path, method="knn")
    assert with_classifier(taken(model))[1] == ()
    found = there_and_back(model, tmp_path / "out", check=False)
    assert (found.gives, found.head) == ("features", "zoo")
    assert "no place in the library" in found.notes[0]


def test_the_classifier_is_the_head(tmp_path):
    model = taken(fitted(small("test_convnext"), "image", tmp_path, "regression"))
    full, keys = with_classifier(model)
    assert [name.rpartition(".")[2] for name in keys] == ["weight", "bias"]
    with torch.no_grad():
        found = full(model.backbone.preprocess([model.sample]))
    assert torch.allclose(found, model.outputs, rtol=1e-5)


@pytest.mark.slow
def test_timm_loads_it_from_a_hub(tmp_path):
    found = there_and_back(fitted(small("test_vit"), "image", tmp_path), tmp_path / "out", check=False)
    code = found.snippet.replace('f"local-dir:{folder}"', '"hf-hub:me/pets"') + "print(outputs.tolist())\n"
    with Hub() as hub:
        hub.add("me/pets", {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
        told = subprocess.run(
            [sys.executable, "-I", "-c", code], cwd=tmp_path / "out", capture_output=True, text=True, check=True,
            env=os.environ | {"HF_HUB_OFFLINE": "0"} | hub.environment(token="", home=tmp_path / "hf"),
        )  # fmt: skip
    assert json.loads(told.stdout.splitlines()[-1]) == [pytest.approx(row) for row in map(list, found.expected)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_convnext", "test_efficientnet", "resnet10t", "test_vit"])
def test_more_networks_in_a_fresh_process(name, tmp_path):
    there_and_back(small(name), tmp_path / "bare")
    there_and_back(fitted(small(name), "image", tmp_path, method="full"), tmp_path / "out")
