import numpy as np
import torch

import zoo
from zoo.adaptations.linear_probe import LinearProbe
from zoo.adaptations.lp_ft import LpFt
from zoo.training import adapting


def test_the_head_starts_as_the_probe_and_trains_at_the_rate_of_the_backbone(photos, monkeypatch):
    seen = {}
    original = adapting.fit_network

    def noting(backbone, head, *rest, **named):
        seen.update(weight=head.weight.detach().clone(), head_lr=named["head_lr"], trains=head.weight.requires_grad)
        return original(backbone, head, *rest, **named)

    monkeypatch.setattr(adapting, "fit_network", noting)
    found = []
    fit_head = LpFt.fit_head
    monkeypatch.setattr(LpFt, "fit_head", lambda self, *given: found.append(given) or fit_head(self, *given))
    model = zoo.finetune(
        "pocket/resnet10.glyphs", photos, method="lp_ft", steps=2, penalty=0.1, device="cpu", quiet=True
    )
    features, targets, options, classes = found[0]
    probe = LinearProbe().fit_head(features, targets, {"penalty": 0.1}, classes)
    assert options["penalty"] == 0.1
    assert torch.equal(seen["weight"], probe.weight)
    assert seen["trains"]
    assert seen["head_lr"] == 0.0  # no floor: it does not start from nothing
    assert not torch.equal(model.head.weight, probe.weight)


def test_a_class_without_labels_costs_no_billions():
    features, targets = np.random.default_rng(0).standard_normal((20, 5)), np.arange(20) % 2
    head = LpFt().fit_head(features, targets, {}, classes=3)
    outputs = head(torch.from_numpy(features).float())
    loss = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(targets), label_smoothing=0.1)
    assert loss.item() < 5
    assert 2 not in outputs.argmax(1)


def test_layer_decay_goes_through():
    groups = LpFt().prepare(zoo.load("pocket/resnet10", pretrained=False, seed=0), {"lr": 1.0, "layer_decay": 0.5})
    assert min(group["lr"] for group in groups) == 0.5**5
