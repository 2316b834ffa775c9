import pytest
import torch

from zoo.conformance.tiny import tiny
from zoo.providers.transformers_library import settled
from zoo.providers.transformers_repairs import repair, shortest
from zoo.providers.transformers_weights import scratch


@pytest.mark.parametrize("arch", ["wav2vec2", "hubert", "wavlm"])
def test_names_and_values_stay(arch):
    network = scratch(settled(tiny(arch))).network.eval()
    before, names = network(torch.ones(1, 900).cumsum(1)).last_hidden_state, list(network.state_dict())
    assert repair(network) is not None
    assert list(network.state_dict()) == names
    assert torch.equal(network(torch.ones(1, 900).cumsum(1)).last_hidden_state, before)
    assert shortest(network) == 400


def test_layer_norm_needs_none():
    assert repair(scratch(settled(tiny("wav2vec2", feat_extract_norm="layer"))).network) is None
    assert shortest(torch.nn.Identity()) == 1
