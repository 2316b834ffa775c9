import dataclasses
from types import SimpleNamespace

import pytest
import torch
from small_backbones import small
from steps import Given, falls, gradients, losses, only_the_generator, start
from torch import nn

from zoo.contracts import Batch, Padded
from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError, InvalidRecord
from zoo.objectives.sentence_pairs import SentencePairs
from zoo.providers.bundles import bundled, pooled


def texts(count, generator, length=9):
    ids = torch.randint(5, 250, (count, length), generator=generator)
    return Padded(ids, torch.arange(length) < torch.randint(4, length + 1, (count, 1), generator=generator))


def two_texts(count, generator):
    one = texts(count, generator)
    other = Padded(one.values.flip(1).contiguous(), torch.ones_like(one.mask))
    return one, other


SINGLE, PAIRS = Given(texts), Given(two_texts)


def test_pairs_are_told_apart_by_cosines():
    backbone, objective = small("transformers/bert"), SentencePairs()
    heads = start(objective, backbone, PAIRS)
    batch = PAIRS.batch(4, generator_at(0, 0))
    found = objective.loss(backbone, heads, objective.views(batch, generator_at(0, 0))).item()
    one, other = (pooled(backbone, part).detach() for part in batch.inputs)
    total = 0.0
    for i, row in enumerate(one):
        cosines = torch.stack([row @ key / row.norm() / key.norm() for key in other]) * 20
        total -= (cosines[i] - cosines.exp().sum().log()).item()
    assert found == pytest.approx(total / 4, rel=1e-4)
    both = SentencePairs(symmetric=True)
    assert both.loss(backbone, heads, batch).item() != pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("name", ["transformers/bert", "transformers/gpt2"])
@pytest.mark.parametrize("source", [SINGLE, PAIRS], ids=["single", "pairs"])
def test_learns(name, source):
    backbone, objective = small(name), SentencePairs()
    heads = start(objective, backbone, source)
    batch = source.batch(4, generator_at(0, 0))
    assert not only_the_generator(objective, batch)  # nothing is drawn
    left_out = gradients(objective, backbone, heads, objective.views(batch, generator_at(0, 0)))
    assert all("pooler" in name for name in left_out)  # zoo's pooled is the mean of the tokens
    assert falls(losses(objective, backbone, source, heads, size=8))


def test_single_texts_differ_by_dropout_alone():
    backbone, objective = small("transformers/bert"), SentencePairs()
    heads = start(objective, backbone, SINGLE)
    views = objective.views(SINGLE.batch(4, generator_at(0, 0)), generator_at(0, 0))
    assert views.inputs[0] is views.inputs[1]
    at_rest = objective.loss(backbone, heads, views)
    backbone.module.train()
    assert not torch.equal(objective.loss(backbone, heads, views), at_rest)


def test_texts_of_unlike_lengths_come_in_parts():
    backbone, objective = small("transformers/bert"), SentencePairs()
    heads = start(objective, backbone, PAIRS)
    rows = [Padded(torch.randint(5, 250, (1, n)), torch.ones(1, n, dtype=torch.bool)) for n in (4, 7, 4, 5)]
    whole, parts = bundled(rows, "masked"), bundled(rows, "equal_length")
    found = [objective.loss(backbone, heads, Batch((each, whole), torch.zeros(4))).item() for each in (whole, parts)]
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_a_network_without_dropout_needs_pairs():
    backbone = small("transformers/bert")
    for part in backbone.module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    SentencePairs().build(backbone, PAIRS)
    with pytest.raises(IncompatibleError, match="needs dropout"):
        SentencePairs().build(backbone, SINGLE)
    images = dataclasses.replace(backbone, spec=dataclasses.replace(backbone.spec, modality="vision"))
    with pytest.raises(IncompatibleError, match="is for texts"):
        SentencePairs().build(images, PAIRS)


def test_some_tokens_are_hidden_behind_the_mask():
    """The source says what the mask is; special tokens and padding stay."""
    tokens = SimpleNamespace(vocabulary=250, mask=4, pad=0, special=(0, 1, 2, 3, 4))
    source = Given(two_texts)
    source.tokens = tokens
    backbone, objective = small("transformers/gpt2"), SentencePairs(masked=0.25)
    start(objective, backbone, source)
    batch = source.batch(200, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    views = objective.views(batch, generator_at(0, 1))
    for before, after in zip(batch.inputs, views.inputs, strict=True):
        changed = before.values != after.values
        assert (after.values[changed] == tokens.mask).all()
        assert not changed[~before.mask].any()
        assert changed[before.mask].float().mean().item() == pytest.approx(0.25, abs=0.03)
        assert torch.equal(before.mask, after.mask)


def test_masking_needs_a_mask():
    source = Given(two_texts)
    source.tokens = SimpleNamespace(vocabulary=250, mask=None, pad=0, special=(0,))
    with pytest.raises(IncompatibleError, match="no token for it"):
        start(SentencePairs(masked=0.1), small("transformers/gpt2"), source)
    with pytest.raises(InvalidRecord, match="a share from 0 to below 1"):
        SentencePairs(masked=1)
