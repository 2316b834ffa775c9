"""Every adaptation trains exactly the weights that it says, and fits a small set; a new one needs only to be listed."""

import pytest
import torch

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.providers.weights import weights_digest


@pytest.mark.parametrize("backbone", ["pocket/resnet10.glyphs", "timm/test_vit"])
@pytest.mark.parametrize("method", ADAPTATIONS.names())
def test_trains_only_the_weights_it_says(method, backbone, photos):
    built = zoo.load(backbone, pretrained=backbone.startswith("pocket"), seed=0)
    adaptation = ADAPTATIONS.get(method)()
    groups = adaptation.prepare(built, {"lr": 0.01, "weight_decay": 0.0})
    said = {id(p) for group in groups for p in group["params"]}
    assert bool(said) == adaptation.trains_backbone
    before = {n: p.detach().clone() for n, p in built.module.named_parameters()}
    zoo.finetune(built, photos, method=method, steps=3, lr=0.01, device="cpu", quiet=True)
    changed = {n for n, p in built.module.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {n for n, p in built.module.named_parameters() if id(p) in said}


@pytest.mark.parametrize("method", ADAPTATIONS.names())
def test_fits_a_small_set(method, photos):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method=method, steps=30, augmentation="none",
                         lr=0.003, device="cpu", quiet=True)  # fmt: skip
    assert model.evaluate(photos)["accuracy"] > 95


@pytest.mark.parametrize("method", ADAPTATIONS.names())
def test_same_seed_same_model(method, photos):
    fits = [
        zoo.finetune("pocket/resnet10.glyphs", photos, method=method, steps=3, seed=seed, device="cpu", quiet=True)
        for seed in (4, 4)
    ]
    one, same = (weights_digest(fit.head) + weights_digest(fit.backbone.module) for fit in fits)
    assert one == same
