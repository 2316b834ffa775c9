"""What torchvision's builder makes of an exported folder."""

import json

import pytest
from exporting import fitted, there_and_back
from small_backbones import of_size
from vision import disturbed


def small(arch):
    backbone = of_size(f"torchvision/{arch}", 64)
    disturbed(backbone.module)
    return backbone


def test_a_linear_head_is_the_builders_last_layer(tmp_path):
    found = there_and_back(fitted(small("mobilenet_v3_small"), "image", tmp_path), tmp_path / "out", check=False)
    assert (found.gives, found.head) == ("logits", "inside")
    assert found.head_keys == ("classifier.3.weight", "classifier.3.bias")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["builder"] == "torchvision.models.mobilenet_v3_small"
    assert config["arguments"] == {"num_classes": 2}
    assert config["label_names"] == ["high", "low"]
    assert config["preprocessing"]["input_size"] == [3, 64, 64]


def test_the_last_layer_of_a_backbone_is_taken_away_in_the_snippet(tmp_path):
    found = there_and_back(small("mobilenet_v3_small"), tmp_path / "out", check=False)
    assert "model.classifier[3] = torch.nn.Identity()" in found.snippet
    assert found.gives == "features"


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "squeezenet1_0"])
def test_in_a_fresh_process(arch, tmp_path):
    there_and_back(small(arch), tmp_path / "bare")
    found = there_and_back(fitted(small(arch), "image", tmp_path), tmp_path / "out")
    assert found.head == ("beside" if arch == "squeezenet1_0" else "inside")  # its head is a convolution
