"""How far rounding moves outputs: against networks of which it is known, and without a trace in the weights."""

import pytest
import torch
from torch import nn

from zoo.hub.native.parts import bar
from zoo.hub.native.rounding import nudged, rounding_of


def moved(layer, inputs, scale=0.0):
    def run():
        return (layer(inputs),)

    return rounding_of([layer], run, run(), [scale])[0]


def test_weights_move_by_one_unit_and_come_back():
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(40, 30), nn.BatchNorm1d(30))
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with nudged([layer, layer], seed=1):
        for name, tensor in layer.state_dict().items():
            step = (tensor - before[name]).abs()
            assert (step <= 2.4e-7 * before[name].abs()).all(), name
        ups = layer[0].weight > before["0.weight"]
        assert 0.4 < ups.float().mean() < 0.6
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


def test_infinities_and_zeros_stay():
    layer = nn.Linear(2, 2)
    layer.register_buffer("hidden", torch.tensor([0.0, float("-inf")]))
    with nudged([layer], seed=0):
        assert layer.hidden.tolist() == [0.0, float("-inf")]


def test_tied_weights_move_once():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    before = first.weight.clone()
    with nudged([first, second], seed=0):
        step = (first.weight - before).abs() / before.abs()
        assert ((step > 0) & (step < 1.8e-7)).all()  # a second move would double or undo it


def test_what_cancels_is_sensitive():
    """A thousandfold difference of two weights: the rounding of each counts a thousandfold."""
    calm, wild = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        calm.weight.copy_(torch.tensor([[1.0, 1.0]]))
        wild.weight.copy_(torch.tensor([[1000.0, -999.0]]))
    ones = torch.ones(1, 2)
    assert 0 < moved(calm, ones) <= 1.2e-7
    assert moved(wild, ones) > 1e-5
    assert moved(wild, ones, scale=1000.0) == pytest.approx(moved(wild, ones) / 1000)
    assert bar(moved(calm, ones)) < 2e-6 < bar(moved(wild, ones))
