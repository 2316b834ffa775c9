import random

import numpy as np
import pytest
import torch
from torch import nn

from zoo.training.trial import Saved, undisturbed, untouched


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.drop = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.register_buffer("cache", torch.zeros(2), persistent=False)
        self.register_buffer("none", None)

    def forward(self, x):
        self.cache = torch.ones(3)  # another tensor, as position caches do
        self.none = torch.ones(1)
        random.random(), np.random.rand()  # noqa: NPY002
        return self.drop(self.norm(self.conv(x)).relu()).sum()


def everything(net):
    tensors = [*net.parameters(), *(b for part in net.modules() for b in part._buffers.values() if b is not None)]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    return [one.detach().clone() for one in tensors], states, [part.training for part in net.modules()]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_of_a_trial(fails):
    net = Net().train()
    net.norm.eval()
    net.conv.weight.grad = torch.ones_like(net.conv.weight)
    objects = [id(one) for part in net.modules() for one in part._buffers.values()]
    tensors, states, modes = everything(net)
    try:
        with untouched(net):
            assert net.conv.weight.grad is None
            net.train()
            net(torch.randn(2, 1, 8, 8)).backward()
            assert net.norm.num_batches_tracked == 1
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    after = everything(net)
    assert all(torch.equal(one, other) for one, other in zip(tensors, after[0], strict=True))
    assert torch.equal(states[0], after[1][0])
    assert states[1:] == after[1][1:]
    assert modes == after[2]
    assert torch.equal(net.conv.weight.grad, torch.ones_like(net.conv.weight))
    assert net.conv.bias.grad is None
    assert objects == [id(one) for part in net.modules() for one in part._buffers.values()]


def test_modes_are_set_back_part_by_part():
    net = Net().eval()
    net.norm.train()
    with undisturbed(net):
        net.train()
    assert [part.training for part in net.modules()] == [False, False, True, False]


def test_saved_bytes_equal_a_count_by_hand():
    """Linear saves its input, relu its output, which the second linear saves again; the mean saves nothing."""
    net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    inputs = torch.randn(7, 10)
    with Saved(net) as saved:
        saved.backward(net(inputs).mean())
    assert saved.most == 4 * (7 * 10 + 7 * 20)


def test_frozen_parts_save_nothing():
    net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    net[0].requires_grad_(False)
    with Saved(net) as saved:
        saved.backward(net(torch.randn(7, 10)).mean())
    assert saved.most == 4 * 7 * 20


def test_each_pass_counts_from_nothing():
    net, sizes = nn.Linear(3, 2), (4, 9, 2)
    with Saved(net) as saved:
        for size in sizes:
            saved.backward(net(torch.ones(size, 3)).sum())
    assert saved.most == 4 * 3 * max(sizes)
    assert not net._forward_pre_hooks


def test_saving_changes_no_gradient():
    net, inputs = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(3, 4)
    net(inputs).sum().backward()
    expected = [one.grad.clone() for one in net.parameters()]
    net.zero_grad()
    with Saved(net) as saved:
        saved.backward(net(inputs).sum())
    assert all(torch.equal(one.grad, other) for one, other in zip(net.parameters(), expected, strict=True))
