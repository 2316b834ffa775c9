import torch
from torch import nn

from zoo.training.averaging import Average


def test_equals_a_slow_rewrite():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network[0].bias.requires_grad_(False)
    average = Average(network, 0.5)
    wanted = {name: one.detach().clone() for name, one in network.state_dict().items()}
    for step in range(1, 6):
        with torch.no_grad():
            for one in (network[0].weight, network[1].running_mean):
                one += torch.rand_like(one)
            network[1].num_batches_tracked += 1
        average.update(network, step)
        decay = min(0.5, (1 + step) / (10 + step))
        for name, one in network.state_dict().items():
            wanted[name] = decay * wanted[name] + (1 - decay) * one if one.is_floating_point() else one.clone()
    assert "0.bias" not in average.weights  # it does not train
    for name, one in average.weights.items():
        assert torch.allclose(one, wanted[name], atol=1e-6)
    average.restore(network)
    assert torch.equal(network[0].weight, average.weights["0.weight"])
    assert network[1].num_batches_tracked == 5


def test_goes_on_from_what_was_saved():
    network = nn.Linear(1, 1)
    one, other = Average(network, 0.9), Average(network, 0.9)
    with torch.no_grad():
        network.weight += 1
    one.update(network, 1)
    other.load({name: value.clone() for name, value in one.weights.items()})
    assert torch.equal(other.weights["weight"], one.weights["weight"])
