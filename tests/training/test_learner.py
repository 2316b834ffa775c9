from types import SimpleNamespace

import torch
from torch import nn

import zoo
from zoo.contracts import Batch
from zoo.data.batches import generator_at
from zoo.objectives.supervised import Supervised
from zoo.training.learner import ObjectiveLearner


def made(**more):
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    corrupt = lambda inputs, generator: inputs + torch.rand(inputs.shape, generator=generator)  # noqa: E731
    source = SimpleNamespace(name="s", classes=3, corrupt=corrupt)
    objective = Supervised()
    for name, value in more.items():
        setattr(objective, name, value)
    return ObjectiveLearner(backbone, objective, source)


def test_its_forward_is_the_loss_of_views():
    learner = made().eval()
    batch = Batch(torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 0]))
    views = learner.views(batch, generator_at(0, 3))
    assert torch.equal(learner(batch, generator_at(0, 3)), learner(views, None))
    assert not torch.equal(learner(batch, generator_at(0, 4)), learner(views, None))


def test_it_holds_both_parts_and_what_the_objective_says():
    learner = made()
    assert isinstance(learner.heads, nn.Linear)
    assert {name.split(".")[0] for name, _ in learner.named_parameters()} == {"module", "heads"}
    assert (learner.divisible, learner.gathers) == (True, False)
    assert (made(gathers=True, divisible=False).divisible, made(gathers=True).gathers) == (False, True)
    batch = Batch(torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 2, 0]))
    assert learner.mass(batch) == 4
    assert made(mass=lambda views: 7).mass(batch) == 7
