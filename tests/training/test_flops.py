"""FLOPs: torch's counter against a count by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import zoo
from zoo.contracts import Batch
from zoo.errors import IncompatibleError
from zoo.tasks.classification import Classification
from zoo.training.fitting import TaskLearner
from zoo.training.flops import count, sample_flops, step_flops

CLASSES, BATCH = 10, 4


def layers_by_hand(module, sample):
    """(FLOPs forward, whether it is the first layer) of every convolution and linear layer: 2 * MACs, from shapes."""
    found = []

    def note(layer, inputs, output):
        positions = output.numel() // output.shape[1] if isinstance(layer, nn.Conv2d) else len(output)
        found.append(2 * layer.weight.numel() * positions)

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        module.eval()(sample)
    for hook in hooks:
        hook.remove()
    return found


@pytest.fixture
def pocket():
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    return backbone, nn.Linear(backbone.pooled_dim, CLASSES)


def test_the_pocket_network_against_a_count_by_hand(pocket):
    backbone, head = pocket
    sample = torch.zeros(1, *backbone.spec.input_size)
    layers = layers_by_hand(backbone.module, sample)
    assert len(layers) == 14  # 3 of the stem, 8 of the blocks, 3 that project a block's input
    forward = sum(layers) + 2 * 256 * CLASSES
    assert sample_flops(backbone, head, sample) == forward
    learner = TaskLearner(backbone, head, Classification(), "none", 0.1)
    batch = Batch(sample.repeat(BATCH, 1, 1, 1), torch.zeros(BATCH, dtype=torch.long))
    # Backward costs twice as much as forward: one product for the weights, one for the inputs. No one asks for the
    # gradient of the image itself.
    assert step_flops(learner, batch) == BATCH * (3 * forward - layers[0])


def test_the_first_convolution_by_pencil(pocket):
    backbone, _ = pocket
    layers = layers_by_hand(backbone.module, torch.zeros(1, 1, 32, 32))
    assert layers[0] == 2 * (3 * 3 * 1 * 8) * 16 * 16  # 8 kernels of 3 x 3 on one channel, stride 2


def test_attention_counts_whatever_kernel_the_device_has():
    width, length = 8, 5
    layer = nn.TransformerEncoderLayer(width, 2, dim_feedforward=16, batch_first=True).eval()
    inputs = torch.zeros(1, length, width)
    projections = 2 * length * (4 * width * width + 2 * width * 16)
    attention = 2 * 2 * length * length * width
    with torch.no_grad():
        assert count(lambda: layer(inputs)) == projections + attention
    assert torch.backends.mha.get_fastpath_enabled()


def test_counting_leaves_the_random_state():
    before = torch.get_rng_state()
    count(lambda: torch.rand(3) @ torch.rand(3, 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_recurrent_layers_are_refused_not_counted_as_nothing():
    with pytest.raises(IncompatibleError, match="recurrent"):
        step_flops(nn.Sequential(nn.LSTM(2, 2)), None)
