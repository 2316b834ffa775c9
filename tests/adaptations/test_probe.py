import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations.probe import probe, receiving
from zoo.contracts import Backbone, Features
from zoo.providers.weights import weights_digest
from zoo.specs import BackboneSpec


def other(modality, preprocess, encode, module=None):
    spec = BackboneSpec(f"own/{modality}", "own", modality, modality=modality, sample_rate=8000)
    return Backbone(spec, module or nn.Identity(), preprocess, encode)


def test_images_are_noise_of_the_size_that_the_network_takes():
    backbone = zoo.load("timm/test_vit", pretrained=False, seed=0)
    assert probe(backbone).shape == (2, 3, 160, 160)
    assert torch.equal(probe(backbone), probe(backbone))


@pytest.mark.parametrize("modality", ["text", "speech", "image-text"])
def test_other_modalities_get_raw_samples_of_their_kind(modality):
    seen = []
    probe(other(modality, seen.extend, None))
    assert len(seen) == 2
    if modality == "speech":
        assert all(wave.shape == (8000,) and wave.dtype == np.float32 for wave in seen)
    elif modality == "text":
        assert all(isinstance(text, str) for text in seen)
    else:
        assert all(image.size == (64, 64) and isinstance(text, str) for image, text in seen)


def test_gradients_of_a_text_network():
    table, unused = nn.Linear(3, 4), nn.Linear(3, 4)
    module = nn.ModuleDict({"table": table, "unused": unused})
    numbers = lambda texts: torch.tensor([[float(len(text)), text.count("a"), 1.0] for text in texts])  # noqa: E731
    backbone = other("text", numbers, lambda inputs, mask: {"text": Features(table(inputs))}, module)
    named = dict(module.named_parameters())
    assert receiving(backbone, named) == {"table.weight", "table.bias"}


def test_what_hides_behind_zeros_is_seen_and_all_is_left_as_it_was():
    backbone = zoo.load("timm/test_resnet", pretrained=False, seed=0)
    named = dict(backbone.module.named_parameters())
    assert any(not bool(weight.any()) for name, weight in named.items() if name.endswith("bn3.weight") or "bn2" in name)
    backbone.module.requires_grad_(False)
    backbone.module.train()
    before = weights_digest(backbone.module)
    assert receiving(backbone, named) == set(named)
    assert weights_digest(backbone.module) == before
    assert backbone.module.training
    assert not any(weight.requires_grad or weight.grad is not None for weight in named.values())
