"""The scratch linter passes an honest from-scratch arm and refuses each kind of handicap or head start."""

from __future__ import annotations

import pytest
import torch
from small_backbones import Attending
from torch import nn

import zoo
from zoo.adaptations.full import Full
from zoo.benchmarking.linter import SMALLEST_BATCH, check_scratch
from zoo.errors import ScratchArmError

RATES = {"lr": 0.1, "weight_decay": 0.05}


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """What detection libraries call theirs."""


def tiny(seed=0, norm=None, width=4):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Conv2d(1, width, 3), norm or nn.Identity(), nn.ReLU(), nn.Conv2d(width, 5, 3))
    return zoo.wrap(module, input_size=(1, 8, 8))


def groups(backbone):
    return Full().prepare(backbone, RATES)


def refusal(backbone, own=None, batch_size=32, rebuild=tiny):
    with pytest.raises(ScratchArmError) as caught:
        check_scratch(backbone, groups(backbone) if own is None else own, batch_size, 0, rebuild)
    assert backbone.spec.name in str(caught.value)
    assert "Fix:" in str(caught.value)
    return str(caught.value)


def scratch(seed=0):
    return zoo.load("pocket/resnet10", pretrained=False, seed=seed)


def test_honest_arms_pass():
    backbone = scratch(3)
    assert check_scratch(backbone, groups(backbone), 32, 3, scratch) is None


def test_a_weight_without_gradient():
    backbone = tiny()
    own = groups(backbone)
    backbone.module[0].weight.requires_grad_(False)
    assert "1 weights do not train (first: 0.weight)" in refusal(backbone, own)


def test_a_weight_that_no_gradient_reaches_need_not_train():
    def attending(seed):
        torch.manual_seed(seed)
        return zoo.wrap(Attending(), input_size=(3, 16, 16))

    backbone = attending(0)
    own = groups(backbone)
    assert not backbone.module.unused.weight.requires_grad
    assert check_scratch(backbone, own, 32, 0, attending) is None


def test_a_weight_that_the_optimiser_lacks():
    backbone = tiny()
    own = [{"params": [p for n, p in backbone.module.named_parameters() if not n.startswith("3")], "lr": 0.1}]
    assert "2 weights do not train (first: 3.weight)" in refusal(backbone, own)


def test_a_probe_is_not_training():
    assert "weights do not train" in refusal(tiny(), own=[])


def test_layer_wise_rates():
    backbone = tiny()
    first, second = backbone.module[0], backbone.module[3]
    own = [{"params": list(first.parameters()), "lr": 0.01}, {"params": list(second.parameters()), "lr": 0.1}]
    assert "different rates [0.01, 0.1]" in refusal(backbone, own)


def test_a_frozen_norm():
    def build(seed=0):
        return tiny(seed, FrozenBatchNorm2d(4))

    assert "1 is a frozen norm (FrozenBatchNorm2d)" in refusal(build(), rebuild=build)


@pytest.mark.parametrize("batch", [4, SMALLEST_BATCH - 1])
def test_batch_norm_with_small_batches(batch):
    def build(seed=0):
        return tiny(seed, nn.BatchNorm2d(4))

    assert f"BatchNorm (1) with batches of {batch}" in refusal(build(), batch_size=batch, rebuild=build)
    honest = build()
    assert check_scratch(honest, groups(honest), SMALLEST_BATCH, 0, build) is None


def test_small_batches_are_fine_without_batch_norm():
    backbone = tiny(norm=nn.GroupNorm(2, 4))
    assert check_scratch(backbone, groups(backbone), 1, 0, lambda seed: tiny(seed, nn.GroupNorm(2, 4))) is None


def test_a_pretrained_start():
    backbone = zoo.load("pocket/resnet10.glyphs")
    assert "tensors differ from a same-seed rebuild" in refusal(backbone, rebuild=scratch)


def test_another_seed():
    assert "tensors differ" in refusal(scratch(1), rebuild=lambda seed: scratch(seed + 2))


def test_one_changed_buffer():
    def build(seed=0):
        return tiny(seed, nn.BatchNorm2d(4))

    backbone = build()
    backbone.module[1].running_mean += 1
    assert "1 tensors differ from a same-seed rebuild (first: 1.running_mean)" in refusal(backbone, rebuild=build)


def test_another_graph():
    assert "its graph differs" in refusal(tiny(), rebuild=lambda seed: tiny(seed, nn.BatchNorm2d(4)))
    assert "tensors differ" in refusal(tiny(), rebuild=lambda seed: tiny(seed, width=6))  # same names, other shapes


def test_all_problems_are_told_at_once():
    backbone = tiny(norm=nn.BatchNorm2d(4))
    said = refusal(backbone, own=[], batch_size=2, rebuild=lambda seed: tiny(seed + 1, nn.BatchNorm2d(4)))
    assert all(part in said for part in ("do not train", "batches of 2", "tensors differ"))


def test_trained_weights_in_disguise():
    """A function that hands out trained weights rebuilds to the same ones; only another seed gives it away."""

    def build(seed=0):
        return zoo.load("pocket/resnet10.glyphs")

    assert "weights are the same for every seed" in refusal(build(), rebuild=build)


def test_positions_of_sinusoids_are_no_trained_weights():
    def whisper(seed):
        return zoo.load("pocket/whisper3", pretrained=False, seed=seed)

    backbone = whisper(0)
    assert check_scratch(backbone, groups(backbone), 16, 0, whisper) is None

    def moved(seed):
        found = whisper(seed)
        with torch.no_grad():
            found.module.embed_positions.weight[3, 4] += 0.01
        return found

    said = refusal(moved(0), rebuild=moved)
    assert "the same for every seed" in said
    assert "embed_positions" in said


def test_a_norm_that_is_kept_in_evaluation_mode():
    class Stuck(nn.BatchNorm2d):
        def train(self, mode=True):
            return super().train(False)

    def build(seed=0):
        return tiny(seed, Stuck(4))

    assert "1 does not learn its statistics (Stuck)" in refusal(build(), rebuild=build)


@pytest.mark.parametrize("norm", [{"track_running_stats": False}, {"momentum": 0.0}])
def test_a_norm_that_does_not_learn(norm):
    def build(seed=0):
        return tiny(seed, nn.BatchNorm2d(4, **norm))

    assert "does not learn its statistics" in refusal(build(), rebuild=build)
