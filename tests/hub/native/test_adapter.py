"""LoRA's correction on its own."""

import json

import pytest
import torch
from exporting import fitted, there_and_back
from small_data import backbone_for

import zoo
from zoo.errors import IncompatibleError, WeightsError
from zoo.hub.native.adapter import corrections
from zoo.hub.native.export import export, taken


@pytest.fixture
def model(tmp_path):
    """A small BERT with LoRA of rank 3, its base in a folder."""
    backbone = backbone_for("text", tmp_path / "base")
    return fitted(backbone, "text", tmp_path, method="lora", lr=0.02, rank=3, seed=1)


def test_the_factors_make_the_merged_weights(model, tmp_path):
    base = zoo.load(str(tmp_path / "base")).module.state_dict()
    found, layouts = corrections(taken(model), base, rank=3)
    assert len(found) == 2 * len(layouts) > 0
    for name in layouts:
        begin = f"base_model.model.{name.removesuffix('.weight')}"
        low, high = found[f"{begin}.lora_A.weight"], found[f"{begin}.lora_B.weight"]
        assert low.shape[0] == high.shape[1] == 3
        merged = model.backbone.module.state_dict()[name]
        assert not torch.equal(merged, base[name])
        assert torch.allclose(base[name] + high @ low, merged, atol=1e-6)


def test_a_change_of_a_higher_rank_is_refused(model, tmp_path):
    base = zoo.load(str(tmp_path / "base")).module.state_dict()
    with pytest.raises(IncompatibleError, match="more than rank 1"):
        corrections(taken(model), base, rank=1)
    base = {name: t + 1 if "LayerNorm" in name else t for name, t in base.items()}
    with pytest.raises(IncompatibleError, match="peft cannot correct a LayerNorm"):
        corrections(taken(model), base, rank=3)


def test_only_lora_has_an_adapter(tmp_path):
    with pytest.raises(IncompatibleError, match="what `lora` fitted"):
        export(zoo.load("pocket/resnet10.glyphs"), tmp_path / "out", merge=False)


def test_the_folder_names_its_base_and_comes_back(model, tmp_path):
    found = export(model, tmp_path / "out", merge=False, check=False)
    assert (found.library, found.gives, found.head) == ("peft", "adapter", "beside")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tmp_path / "base")
    assert config["r"] == config["lora_alpha"] == 3
    assert "on this machine" in found.notes[0]
    again, sample = zoo.load_model(tmp_path / "out"), taken(model).sample
    assert torch.allclose(again.outputs([sample]), model.outputs([sample]), rtol=1e-5, atol=1e-6)
    (tmp_path / "base" / "model.safetensors").unlink()
    with pytest.raises(WeightsError):
        zoo.load_model(tmp_path / "out")


@pytest.mark.slow
def test_in_a_fresh_process(model, tmp_path):
    assert export(model, tmp_path / "out", merge=False).tolerance <= 1e-6
    there_and_back(model, tmp_path / "merged")
