import pytest
from torch import nn

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.full import Full
from zoo.errors import IncompatibleError, InvalidRecord


def test_all_weights_train_at_one_rate():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.requires_grad_(False)
    groups = Full().prepare(backbone, {"lr": 0.02, "weight_decay": 0.1})
    grouped = {id(p) for group in groups for p in group["params"]}
    assert grouped == {id(p) for p in backbone.module.parameters() if p.requires_grad}
    assert len(grouped) == len(list(backbone.module.parameters()))
    assert {group["lr"] for group in groups} == {0.02}


def test_registered():
    assert ADAPTATIONS.get("full") is Full


def test_layer_decay_slows_early_blocks():
    backbone = zoo.load("timm/test_vit", pretrained=False, seed=0)
    groups = Full().prepare(backbone, {"lr": 1.0, "weight_decay": 0.1, "layer_decay": 0.5})
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    named = dict(backbone.module.named_parameters())
    assert rates.keys() == {id(p) for p in named.values()}
    assert sum(len(group["params"]) for group in groups) == len(named)
    expected = {"norm.weight": 1.0, "blocks.5.mlp.fc1.weight": 0.5, "blocks.0.norm1.bias": 0.5**6, "cls_token": 0.5**7}
    assert {name: rates[id(named[name])] for name in expected} == expected
    assert all(group["weight_decay"] == (0.1 if p.ndim > 1 else 0.0) for group in groups for p in group["params"])


def test_layer_decay_needs_blocks():
    net = zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), input_size=(1, 4, 4))
    with pytest.raises(IncompatibleError, match=r"layer_decay=0\.5 needs blocks"):
        Full().prepare(net, {"lr": 0.1, "layer_decay": 0.5})
    with pytest.raises(InvalidRecord, match="layer_decay of full must be above 0 and at most 1"):
        Full().prepare(net, {"lr": 0.1, "layer_decay": 1.5})
