"""What open_clip alone makes of an exported folder."""

import json

import open_clip_small
import pytest
from exporting import fitted, there_and_back
from vision import disturbed

import zoo
from zoo.conformance.tiny import tiny


def small(folder, kind=""):
    return zoo.load(str(open_clip_small.repository(folder, kind)))


def test_both_towers_and_their_settings_are_written(tmp_path):
    found = there_and_back(small(tmp_path / "repository"), tmp_path / "out", check=False)
    assert len(found.expected) == 2
    assert {"open_clip_model.safetensors", "sample.png", "sample.json"} <= set(found.files)
    config = json.loads((tmp_path / "out" / "open_clip_config.json").read_text())
    assert config["preprocess_cfg"] == open_clip_small.IMAGES
    assert config["model_cfg"]["quick_gelu"] is True


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["", "resnet", "timm", "coca"])
def test_in_a_fresh_process(kind, tmp_path):
    there_and_back(small(tmp_path / "repository", kind), tmp_path / "out")


@pytest.mark.slow
def test_a_text_tower_of_transformers_brings_its_configuration(hub, tmp_path):
    """open_clip would look for it on the hub: the fresh process has none."""
    config = tiny("roberta", vocab_size=len(open_clip_small.WORDS), pad_token_id=0)
    hub.add("me/roberta", {"config.json": config.to_json_string().encode()})
    folder = str(open_clip_small.repository(tmp_path / "repository", "huggingface"))
    backbone = zoo.load(folder, pretrained=False, seed=0)
    disturbed(backbone.module)
    found = there_and_back(backbone, tmp_path / "out")
    assert {"text/config.json", "tokenizer.json"} <= set(found.files)


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "method"), [("image", "linear_probe"), ("text", "linear_probe"),
                                                ("image", "zero_shot")])  # fmt: skip
def test_heads_stand_beside(inputs, method, tmp_path):
    model = fitted(small(tmp_path / "repository"), inputs, tmp_path, method=method)
    found = there_and_back(model, tmp_path / "out")
    assert (found.gives, found.head) == ("logits", "beside")
