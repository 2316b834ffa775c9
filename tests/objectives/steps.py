"""A few steps of training, and sources to take them on."""

import torch

from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Batch
from zoo.data.batches import generator_at
from zoo.training.optimiser import adamw


class Given:
    """A source whose batches are those of a function, and whose view adds faint noise."""

    name, digest, classes = "given", "0" * 64, 0

    def __init__(self, make, noise=0.05):
        self.make, self.noise = make, noise

    def batch(self, size, generator):
        return Batch(self.make(size, generator), torch.zeros(size, dtype=torch.long))

    def corrupt(self, inputs, generator):
        return inputs + self.noise * torch.randn(inputs.shape, generator=generator)


def images(size=32, channels=1):
    """A source of blobs, each at a place of its own."""

    def make(count, generator):
        coarse = torch.rand(count, channels, 4, 4, generator=generator)
        return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")

    return Given(make)


def start(objective, backbone, source, seed=0):
    torch.manual_seed(seed)
    return objective.build(backbone, source)


def losses(objective, backbone, source, heads, steps=30, size=16, lr=1e-3, same=True):
    """Losses of some steps, on one batch (with new views) or on new ones."""
    module = torch.nn.ModuleDict({"backbone": backbone.module, "heads": heads}).train()
    optimiser = adamw(parameter_groups(module, lr=lr, weight_decay=0.0))
    found = []
    for step in range(steps):
        batch = source.batch(size, generator_at(0, 0 if same else step, 1))
        loss = objective.loss(backbone, heads, objective.views(batch, generator_at(0, step)))
        found.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        objective.after_step()
    return found


def falls(found):
    """Whether the last third of the losses is below the first."""
    third = len(found) // 3
    return sum(found[-third:]) < sum(found[:third])


def gradients(objective, backbone, heads, views):
    """The names of trainable weights that got no gradient, of the backbone and of the heads."""
    module = torch.nn.ModuleDict({"backbone": backbone.module, "heads": heads})
    module.zero_grad()
    objective.loss(backbone, heads, views).backward()
    trainable = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    return [name for name, weight in trainable if weight.grad is None]


def same_views(one, other):
    """Whether two (nested) views hold the same numbers."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_views, one, other))
    if one is None or not hasattr(one, "__dataclass_fields__"):
        return one == other
    return all(same_views(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)


def only_the_generator(objective, batch):
    """All randomness of the views comes from the generator; the global state neither moves nor matters."""
    torch.manual_seed(1)
    one = objective.views(batch, generator_at(0, 0))
    before = torch.manual_seed(2).get_state()
    same = objective.views(batch, generator_at(0, 0))
    assert torch.equal(torch.get_rng_state(), before)
    other = objective.views(batch, generator_at(0, 1))
    assert same_views(one, same)
    return not same_views(one, other)
