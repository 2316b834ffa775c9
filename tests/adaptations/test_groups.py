from torch import nn

import zoo
from zoo.adaptations.groups import layered_groups, parameter_groups


def test_every_trainable_parameter_once_and_vectors_without_decay():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    module[3].weight.requires_grad_(False)
    decaying, plain = parameter_groups(module, lr=0.3, weight_decay=0.05)
    assert [id(p) for p in decaying["params"]] == [id(module[0].weight)]
    expected = [module[0].bias, module[1].weight, module[1].bias, module[3].bias]
    assert [id(p) for p in plain["params"]] == [id(p) for p in expected]
    assert (decaying["lr"], decaying["weight_decay"], plain["weight_decay"]) == (0.3, 0.05, 0.0)


def test_frozen_module_has_no_groups():
    assert parameter_groups(nn.Linear(2, 2).requires_grad_(False), lr=0.1, weight_decay=0.0) == []


def test_layered_groups_leave_out_what_is_frozen():
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    backbone.module.layer1.requires_grad_(False)
    groups = layered_groups(backbone, lr=1.0, weight_decay=0.0, layer_decay=0.1)
    assert sorted({round(group["lr"], 6) for group in groups}) == [1e-5, 1e-3, 1e-2, 1e-1]
    assert all(p.requires_grad for group in groups for p in group["params"])
