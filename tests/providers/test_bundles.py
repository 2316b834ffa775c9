"""Bundles: whichever way a batch is put together, a sample's features and gradients are its own."""

import pytest
import torch
from small_backbones import small

from zoo.contracts import Padded, Pair
from zoo.providers.bundles import Bundle, bundled, moved, pooled
from zoo.providers.loading import load


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("transformers/bert", ["one", "a longer text than that", "two"]),
        ("transformers/gpt2", ["one", "a longer text than that", "two"]),
    ],
)
def test_pooled_features_are_those_of_each_sample_alone(name, samples):
    backbone = small(name)
    prepared = [backbone.preprocess([sample]) for sample in samples]
    with torch.no_grad():
        alone = torch.cat([pooled(backbone, one) for one in prepared])
        together = pooled(backbone, bundled(prepared, backbone.spec.padding))
    assert torch.allclose(together, alone, atol=1e-4)


def test_images_of_several_sizes_and_their_gradient():
    backbone = load("pocket/resnet10", pretrained=False, seed=0)
    backbone.module.eval()
    size = backbone.preprocess([torch.zeros(8, 8, dtype=torch.uint8).numpy()]).shape
    prepared = [torch.rand(1, size[1], side, side) for side in (16, 24, 16)]
    bundle = bundled(prepared, backbone.spec.padding)
    assert isinstance(bundle, Bundle)
    assert [len(part) for part in bundle.parts] == [2, 1]
    assert len(bundle) == 3
    found = pooled(backbone, bundle)
    assert torch.allclose(found, torch.cat([pooled(backbone, one) for one in prepared]), atol=1e-5)
    found.sum().backward()
    assert all(weight.grad is not None for weight in backbone.module.parameters())


def test_pairs_and_padded_move_with_all_their_parts():
    text = Padded(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool))
    pair = bundled([Pair(torch.zeros(1, 3, 4, 4), None), Pair(torch.ones(1, 3, 4, 4), None)], "fixed")
    assert pair.vision.shape == (2, 3, 4, 4)
    there = moved(Pair(pair.vision, text), "meta")
    assert {there.vision.device.type, there.text.values.device.type, there.text.mask.device.type} == {"meta"}
    assert moved(Bundle((text,), torch.arange(2)), "meta").parts[0].values.device.type == "meta"
    assert [part.values.device.type for part in moved((text, text), "meta")] == ["meta", "meta"]
