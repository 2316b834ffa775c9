import pytest
import torch
from torch import nn

from zoo.contracts import Features
from zoo.upkeep.measuring import measure, on_meta, stride_of


def test_nothing_is_given_memory():
    with on_meta():
        assert nn.Linear(10**6, 10**6).weight.is_meta


def test_widths_and_capabilities_are_those_of_the_features():
    def features(module):
        tokens = module(torch.zeros(1, 5, 4))
        return Features(torch.zeros(1, 7), tokens=tokens, maps=[torch.zeros(1, 2, 3, 3)])

    assert measure(lambda: nn.Linear(4, 3), features) == {
        "parameters": 15,
        "pooled_dim": 7,
        "token_dim": 3,
        "can": ["pooled", "tokens", "maps"],
    }


def refuse(*_):
    raise RuntimeError("not on meta")


def test_what_cannot_be_measured_is_left_out():
    assert measure(refuse, refuse) == {}
    assert measure(lambda: nn.Linear(4, 3), refuse) == {"parameters": 15}
    assert measure(lambda: nn.Linear(4, 3), lambda _: Features(torch.zeros(1, 7, 7))) == {"parameters": 15}


@pytest.mark.parametrize(
    ("side", "cells", "stride"), [(224, 7, 32), (224, 14, 16), (392, 28, 14), (240, 8, 32), (299, 8, 32), (518, 37, 14)]
)
def test_strides(side, cells, stride):
    assert stride_of(side, cells) == stride
