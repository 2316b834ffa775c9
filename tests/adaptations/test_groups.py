from torch import nn

from zoo.adaptations.groups import parameter_groups


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
