import math

import pytest
import torch
from image_texts import open_clip_small, pairs
from small_backbones import small
from torch import nn

from zoo.contracts import Pair
from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError
from zoo.objectives.pairs import Logits, check_pairs, towers
from zoo.providers.bundles import Bundle


def test_the_networks_own_scale_and_bias_are_used():
    network = open_clip_small(init_logit_bias=-4.0).module
    logits = Logits(network, scale=50.0, bias=-10.0)
    assert list(logits.parameters()) == []
    assert logits.factor().item() == pytest.approx(1 / 0.07, rel=1e-5)
    assert logits.offset() is network.logit_bias
    with torch.no_grad():
        network.logit_scale.fill_(9.0)
    logits.clamp()
    assert logits.factor().item() == pytest.approx(100, rel=1e-5)


def test_what_the_network_lacks_is_added():
    logits = Logits(nn.Linear(2, 2), scale=10.0, bias=-10.0)
    assert sorted(logits.state_dict()) == ["logit_bias", "logit_scale"]
    with torch.no_grad():
        logits.logit_scale.fill_(-1.0)
    logits.clamp()
    assert logits.factor().item() == 1
    assert Logits(nn.Linear(2, 2), scale=10.0).offset() is None


def test_a_temperature_divides():
    network = nn.Linear(2, 2)
    network.temperature = nn.Parameter(torch.tensor(0.5))
    logits = Logits(network, scale=10.0)
    assert logits.factor().item() == 2
    with torch.no_grad():
        network.temperature.fill_(0.001)
    logits.clamp()
    assert logits.factor().item() == pytest.approx(100)


def test_towers_of_a_bundle_keep_its_order():
    backbone = open_clip_small()
    batch = pairs().batch(3, generator_at(0, 0)).inputs
    parts = [
        Pair(batch.vision[rows], type(batch.text)(batch.text.values[rows], batch.text.mask[rows]))
        for rows in ([2], [0, 1])
    ]
    bundle = Bundle(tuple(parts), torch.tensor([1, 2, 0]))
    for whole, put_together in zip(towers(backbone, batch), towers(backbone, bundle), strict=True):
        assert torch.allclose(whole, put_together, atol=1e-5)


def test_what_is_no_pair_is_refused():
    backbone = open_clip_small()
    with pytest.raises(IncompatibleError, match="not pairs of both"):
        towers(backbone, Pair(vision=torch.zeros(2, 3, 32, 32)))
    check_pairs("clip", backbone)
    with pytest.raises(IncompatibleError, match="is for images with texts"):
        check_pairs("clip", small("pocket/resnet10"))
    assert math.isfinite(Logits(backbone.module, 10.0).factor().item())
