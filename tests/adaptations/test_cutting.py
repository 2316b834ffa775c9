import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations import cutting
from zoo.adaptations.cutting import Cut, Resumed, cut
from zoo.adaptations.probe import probe
from zoo.providers.blocks import blocks


def halves(backbone, kept=1):
    return cut(backbone, [part for _, part in blocks(backbone.module)][:-kept])


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/test_convnext", "timm/test_resnet", "timm/test_efficientnet"])
def test_resumed_equals_whole(name):
    backbone = zoo.load(name, pretrained=False, seed=0)
    backbone.module.eval()
    two = halves(backbone)
    assert isinstance(two, Cut)
    inputs = probe(backbone) + 1.0  # not the batch that it was tried on
    with torch.no_grad():
        whole = backbone.encode(inputs)["vision"]
        hidden = two.run_front(inputs)
        resumed = two.resuming().encode(Resumed(inputs, hidden))["vision"]
    assert torch.allclose(resumed.pooled, whole.pooled, rtol=1e-4, atol=1e-6)


def test_the_front_runs_once_and_is_itself_again_afterwards():
    backbone = zoo.load("timm/test_vit", pretrained=False, seed=0)
    two, calls = halves(backbone, kept=2), []
    for part in two.front:
        part.norm1.register_forward_hook(lambda *_: calls.append(1))
    data = torch.randn(6, 3, 160, 160)
    kept = two.activations(data, np.array([1, 4, 5]), size=2)
    assert len(calls) == 2 * len(two.front)
    batch = kept[np.array([5, 1, 5])]
    resumed = two.encode(batch)["vision"].pooled
    assert len(calls) == 2 * len(two.front)
    assert all("forward" not in vars(part) for part in two.front)
    assert torch.allclose(resumed, backbone.encode(data[[5, 1, 5]])["vision"].pooled, rtol=1e-4, atol=1e-5)
    assert len(calls) == 3 * len(two.front)


def test_large_activations_lie_in_a_file(monkeypatch):
    backbone = zoo.load("pocket/resnet10.glyphs")
    data, indices = torch.randn(5, 1, 32, 32), np.arange(5)
    inside = halves(backbone).activations(data, indices)
    monkeypatch.setattr(cutting, "IN_MEMORY", 0)
    outside = halves(backbone).activations(data, indices)
    assert isinstance(outside.hidden, np.memmap)
    assert not isinstance(inside.hidden, np.memmap)
    assert torch.equal(outside[indices].hidden, inside[indices].hidden)


class Skipping(nn.Module):
    """A network whose end looks at all of its blocks, as a U-Net or a DETR does."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()) for _ in range(3)])

    def forward(self, x):
        total = 0
        for block in self.blocks:
            x = block(x)
            total = total + x
        return total


class Tuples(Skipping):
    def forward(self, x):
        return sum(self.blocks[index](x) for index in (2, 0, 1))


@pytest.mark.parametrize("kind", [Skipping, Tuples])
def test_what_cannot_be_cut_says_so(kind):
    torch.manual_seed(0)
    backbone = zoo.wrap(kind(), input_size=(1, 6, 6))
    found = cut(backbone, list(backbone.module.blocks)[:2])
    assert isinstance(found, str)
    assert "left out" in found
    assert all("forward" not in vars(part) and not part._forward_hooks for part in backbone.module.blocks)


def test_samples_of_different_lengths_are_not_cut():
    import dataclasses

    from zoo.contracts import Padded

    backbone = zoo.load("pocket/resnet10.glyphs")
    spec = dataclasses.replace(backbone.spec, modality="text")
    padded = Padded(torch.zeros(2, 3), torch.ones(2, 3).bool())
    text = dataclasses.replace(backbone, spec=spec, preprocess=lambda samples: padded)
    assert cut(text, [backbone.module.layer1]) == "its samples differ in length"
