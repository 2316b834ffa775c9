import torch
from torch import nn

from tests.providers.small_backbones import small
from zoo.contracts import Padded
from zoo.objectives.token_loss import IGNORED, token_count, token_loss
from zoo.providers.bundles import Bundle


def ids_and_targets():
    ids = torch.randint(10, 250, (3, 8), generator=torch.Generator().manual_seed(0))
    targets = ids.masked_fill(torch.rand(3, 8, generator=torch.Generator().manual_seed(1)) < 0.6, IGNORED)
    return ids, targets


def test_equals_a_loop_over_all_tokens():
    backbone, heads = small("transformers/bert"), nn.Linear(64, 320)
    ids, targets = ids_and_targets()
    loss = token_loss(backbone, heads, ids, targets)
    wanted = []
    for row, answers in zip(backbone.encode(ids)["text"].tokens, targets, strict=True):
        for hidden, answer in zip(row, answers.tolist(), strict=True):
            if answer != IGNORED:
                logits = heads(hidden)
                wanted.append(logits.exp().sum().log() - logits[answer])
    assert torch.allclose(loss, torch.stack(wanted).mean(), atol=1e-5)
    assert token_count(targets) == len(wanted)


def test_parts_give_the_loss_of_the_whole():
    backbone, heads = small("transformers/bert"), nn.Linear(64, 320)
    ids, targets = ids_and_targets()
    real = torch.ones_like(ids, dtype=torch.bool)
    order = torch.arange(3)
    inputs = Bundle((Padded(ids[:1], real[:1]), Padded(ids[1:], real[1:])), order)
    parts = token_loss(backbone, heads, inputs, Bundle((targets[:1], targets[1:]), order))
    assert torch.allclose(parts, token_loss(backbone, heads, Padded(ids, real), targets), atol=1e-6)


def test_nothing_to_predict_is_no_loss_and_no_gradient():
    backbone, heads = small("transformers/bert"), nn.Linear(64, 320)
    ids, targets = ids_and_targets()
    loss = token_loss(backbone, heads, ids, torch.full_like(targets, IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or not p.grad.any() for p in backbone.module.parameters())
