import hashlib
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import WeightsError
from zoo.providers import pocket

SHIPPED = ["pocket/resnet10.glyphs", "pocket/resnet10.simclr", "pocket/resnet10.textures"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_the_catalogued_ones(name):
    spec = zoo.describe(name)
    file = pocket.WEIGHTS / f"{spec.arch}.{spec.tag}.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == spec.digest
    assert file.stat().st_size < 5e6


@pytest.mark.parametrize("name", SHIPPED)
def test_catalogued_facts_are_measured_ones(name):
    backbone = zoo.load(name)
    assert backbone.spec == zoo.describe(name)


def test_features_and_preprocessing():
    backbone = zoo.load("pocket/resnet10.glyphs")
    inputs = backbone.preprocess([Image.new("L", (8, 8), 255), Image.new("RGB", (50, 20))])
    assert inputs.shape == (2, 1, 32, 32)
    assert inputs[0].unique().tolist() == [1.0]
    backbone.module.eval()
    features = backbone.encode(inputs)["vision"]
    assert features.pooled.shape == (2, 256)
    assert features.maps[-1].shape == (2, 256, 2, 2)


def test_a_sample_alone_equals_itself_in_a_batch():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.eval()
    inputs = torch.rand(9, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = backbone.encode(inputs)["vision"].pooled
        alone = torch.cat([backbone.encode(one[None])["vision"].pooled for one in inputs])
    assert (together - alone).abs().max() / together.abs().max() < 1e-4


def test_damaged_shipped_weights_are_refused(tmp_path, monkeypatch):
    original = (pocket.WEIGHTS / "resnet10.glyphs.safetensors").read_bytes()
    (tmp_path / "resnet10.glyphs.safetensors").write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    monkeypatch.setattr(pocket, "WEIGHTS", Path(tmp_path))
    with pytest.raises(WeightsError, match="damaged or was replaced"):
        zoo.load("pocket/resnet10.glyphs")
