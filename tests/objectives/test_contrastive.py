import math
from functools import partial

import pytest
import torch
from torch.nn import functional
from two_processes import mean_of_two

from zoo.errors import IncompatibleError
from zoo.objectives.contrastive import clip_loss, in_batch_negatives, nt_xent, siglip_loss

SCALE, BIAS = torch.tensor(7.0), torch.tensor(-3.0)
LOSSES = {
    "nt_xent": partial(nt_xent, temperature=0.2),
    "in_batch_negatives": partial(in_batch_negatives, temperature=0.05),
    "symmetric": partial(in_batch_negatives, temperature=0.05, symmetric=True),
    "clip": partial(clip_loss, scale=SCALE),
    "siglip": partial(siglip_loss, scale=SCALE, bias=BIAS),
}


def features(count=6, width=5):
    torch.manual_seed(0)
    return [torch.randn(count, width, requires_grad=True) for _ in range(2)]


def cosine(a, b):
    return (a @ b / a.norm() / b.norm()).item()


def slow_nt_xent(one, other, temperature):
    views = [*one, *other]
    total = 0.0
    for i, view in enumerate(views):
        positive = (i + len(one)) % len(views)
        rest = [math.exp(cosine(view, each) / temperature) for k, each in enumerate(views) if k != i]
        total -= math.log(math.exp(cosine(view, views[positive]) / temperature) / sum(rest))
    return total / len(views)


def slow_negatives(queries, keys, temperature):
    total = 0.0
    for i, query in enumerate(queries):
        all_of = [math.exp(cosine(query, key) / temperature) for key in keys]
        total -= math.log(all_of[i] / sum(all_of))
    return total / len(queries)


def slow_siglip(images, texts, scale, bias):
    total = 0.0
    for i, image in enumerate(images):
        for k, text in enumerate(texts):
            logit = scale * cosine(image, text) + bias
            total -= math.log(1 / (1 + math.exp(-logit if i == k else logit)))
    return total / len(images)


def test_losses_equal_slow_rewrites():
    one, other = features()
    assert nt_xent(one, other, 0.2).item() == pytest.approx(slow_nt_xent(one, other, 0.2), rel=1e-5)
    there, back = slow_negatives(one, other, 0.05), slow_negatives(other, one, 0.05)
    assert in_batch_negatives(one, other, 0.05).item() == pytest.approx(there, rel=1e-5)
    assert in_batch_negatives(one, other, 0.05, symmetric=True).item() == pytest.approx((there + back) / 2, rel=1e-5)
    assert siglip_loss(one, other, SCALE, BIAS).item() == pytest.approx(slow_siglip(one, other, 7, -3), rel=1e-5)


@pytest.mark.parametrize("bias", [None, BIAS])
def test_clip_equals_open_clip(bias):
    from open_clip import ClipLoss

    one, other = features(16, 32)
    theirs = ClipLoss()(functional.normalize(one, dim=-1), functional.normalize(other, dim=-1), SCALE, bias)
    assert clip_loss(one, other, SCALE, bias).item() == pytest.approx(theirs.item(), rel=1e-6)


def test_siglip_equals_open_clip():
    from open_clip.loss import SigLipLoss

    one, other = features(16, 32)
    theirs = SigLipLoss()(functional.normalize(one, dim=-1), functional.normalize(other, dim=-1), SCALE, BIAS)
    assert siglip_loss(one, other, SCALE, BIAS).item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_give_the_loss_and_gradient_of_one(name):
    one, other = features()
    whole = LOSSES[name](one, other)
    wanted = torch.autograd.grad(whole, [one, other])
    split = mean_of_two(LOSSES[name], one, other)
    found = torch.autograd.grad(split, [one, other])
    assert split.item() == pytest.approx(whole.item(), rel=1e-6)
    for mine, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
        assert mine.abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_pairs_that_belong_together_cost_less(name):
    one, other = features()
    assert LOSSES[name](one, one) < LOSSES[name](one, other)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_single(name):
    one, other = features()
    assert LOSSES[name](one.bfloat16(), other.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("loss", [nt_xent, in_batch_negatives])
def test_one_sample_is_refused(loss):
    one = torch.ones(1, 3)
    with pytest.raises(IncompatibleError, match=r"this batch has one\. Fix: a batch size of 2"):
        loss(one, one, 1.0)


@pytest.mark.parametrize("loss", [clip_loss, siglip_loss])
def test_one_pair_is_refused(loss):
    one = torch.ones(1, 3)
    with pytest.raises(IncompatibleError, match="this batch has one"):
        loss(one, one, torch.tensor(1.0), torch.tensor(0.0))
