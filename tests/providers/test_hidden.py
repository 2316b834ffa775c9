import pytest
import torch
from torch import nn

from zoo.providers.hidden import calling, pyramid, watched


def test_order_is_that_of_running_and_the_last_call_counts():
    one, other = nn.Identity(), nn.ReLU()
    with watched({"other": other, "one": one}) as kept:
        one(torch.tensor(1.0)), other(torch.tensor(-2.0)), one(torch.tensor(3.0))
    assert list(kept) == ["other", "one"]
    assert (kept["other"], kept["one"]) == (0, 3)


def test_hooks_are_gone_after_an_error():
    layer = nn.Linear(2, 2)
    with pytest.raises(RuntimeError), watched({"layer": layer}):
        layer(torch.zeros(3))
    assert not layer._forward_hooks


def test_every_call_is_seen_and_hooks_are_gone_after_an_error():
    layer, seen = nn.Linear(2, 2), []
    with pytest.raises(RuntimeError), calling([layer], lambda part, given, out: seen.append((part, len(given)))):
        layer(layer(torch.zeros(1, 2))), layer(torch.zeros(3))
    assert seen == [(layer, 1)] * 2
    assert not layer._forward_hooks


def test_cells_that_convolutions_lose_make_no_level():
    sizes = [149, 147, 73, 71, 35, 17, 8]  # Inception v3 at 299
    maps = [torch.zeros(1, 1, size, size) for size in sizes]
    assert [one.shape[2] for one in pyramid(maps, 299)] == [147, 71, 35, 17, 8]
    assert pyramid([], 32) == []
