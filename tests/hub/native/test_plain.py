"""Networks that no library has by a name."""

import pytest
import torch
from exporting import fitted, there_and_back
from small_backbones import own

import zoo
from zoo.errors import IncompatibleError, WeightsError
from zoo.hub.native.export import export
from zoo.hub.native.verify import verify

OWN = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2)

    def forward(self, images):
        return self.stem(images)


def build():
    torch.manual_seed(5)
    return Net()
"""


def test_the_class_of_pocket_is_in_the_snippet(tmp_path):
    model = fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path)
    found = there_and_back(model, tmp_path / "out", check=False)
    assert (found.library, found.gives, found.head_keys) == ("torch", "logits", ("fc.weight", "fc.bias"))
    assert "num_classes=2" in found.snippet


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["classification", "multi_label", "regression"])
def test_pocket_in_a_fresh_process(answer, tmp_path):
    there_and_back(zoo.load("pocket/resnet10.glyphs"), tmp_path / "bare")
    there_and_back(fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path, answer), tmp_path / "out")


def test_your_own_module_needs_its_class(tmp_path, monkeypatch):
    (tmp_path / "own_export.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    backbone = zoo.load("module/own_export:build", pretrained=False)
    backbone = zoo.wrap(backbone.module, name="module/own_export:build", input_size=(3, 32, 32))
    found = export(backbone, tmp_path / "out")
    assert found.tolerance is None
    assert "your own" in found.notes[0]
    assert "from own_export import build" in found.snippet
    with pytest.raises(IncompatibleError, match="your own network"):
        verify(found)
    assert verify(found, paths=(str(tmp_path),)).exact
    with pytest.raises(WeightsError, match="runs no code"):
        zoo.load(str(tmp_path / "out"))
    again = zoo.load("module/own_export:build", weights=tmp_path / "out" / "model.safetensors")
    assert torch.equal(again.module.stem.weight, backbone.module.stem.weight)


def test_a_model_of_your_own_module_comes_back(tmp_path):
    backbone = own("attending")
    model = fitted(backbone, "image", tmp_path)
    found = export(model, tmp_path / "out")
    assert found.head == "beside"
    assert "from small_backbones import Attending as build" in found.snippet
    with pytest.raises(WeightsError, match=r"backbone=zoo\.wrap"):
        zoo.load_model(tmp_path / "out")
    blank = own("attending")
    torch.nn.init.zeros_(blank.module.stem.weight)
    again = zoo.load_model(tmp_path / "out", backbone=blank)
    images = [torch.zeros(16, 16, 3, dtype=torch.uint8).numpy()]
    assert torch.equal(again.outputs(images), model.outputs(images))


def test_preprocessing_of_your_own_is_told(tmp_path):
    backbone = zoo.wrap(
        own("convolutions").module, input_size=(3, 16, 16), preprocess=lambda images: torch.ones(len(images), 3, 16, 16)
    )
    found = export(backbone, tmp_path / "out")
    assert "preprocessing is your own" in found.notes[1]
    assert "create_transform" not in found.snippet
