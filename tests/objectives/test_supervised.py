from types import SimpleNamespace

import pytest
import torch

import zoo
from zoo.contracts import Batch
from zoo.errors import IncompatibleError, InvalidRecord, UnknownName
from zoo.objectives import OBJECTIVES
from zoo.objectives.supervised import Supervised


def source(classes, corrupt=lambda inputs, generator: inputs):
    return SimpleNamespace(name="made up", classes=classes, corrupt=corrupt)


def test_loss_equals_a_slow_rewrite():
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    backbone.module.eval()
    objective = Supervised(label_smoothing=0.2)
    head = objective.build(backbone, source(3))
    inputs, targets = torch.rand(4, 1, 32, 32), torch.tensor([0, 2, 1, 1])
    loss = objective.loss(backbone, head, Batch(inputs, targets))
    logits = backbone.encode(inputs)["vision"].pooled @ head.weight.T + head.bias
    wanted = []
    for row, target in zip(logits, targets, strict=True):
        log_probabilities = row - row.exp().sum().log()
        wanted.append(-(0.8 * log_probabilities[target] + 0.2 * log_probabilities.mean()))
    assert torch.allclose(loss, torch.stack(wanted).mean(), atol=1e-5)


def test_views_corrupt_inputs_only():
    batch = Batch(torch.ones(2, 1, 4, 4), torch.tensor([1, 0]))
    noise = Supervised()
    with pytest.raises(ValueError, match="views before build"):
        noise.views(batch, torch.Generator())
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    noise.build(backbone, source(2, lambda inputs, generator: inputs + torch.rand(1, generator=generator)))
    one, same, other = (noise.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.inputs, same.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert one.targets is batch.targets


def test_registered():
    assert OBJECTIVES.get("supervised") is Supervised


def test_what_it_refuses():
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    with pytest.raises(IncompatibleError, match="learns from classes, and made up has none"):
        Supervised().build(backbone, source(0))
    with pytest.raises(UnknownName, match="Nearest: label_smoothing"):
        Supervised(label_smooth=0.1)
    with pytest.raises(InvalidRecord, match="from 0 to below 1"):
        Supervised(label_smoothing=1)
