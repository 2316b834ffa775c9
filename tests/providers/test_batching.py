"""Batching changes nothing: on toy backbones that would show it at once if a sample met another's padding."""

import threading
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zoo.contracts import Backbone, Features, Padded, Pair
from zoo.errors import DataError, IncompatibleError
from zoo.providers.batching import encode_prepared, encode_samples, evaluating, pad, prepare
from zoo.specs import BackboneSpec


def toy(padding, layout="padded"):
    """A backbone that counts what it sees; its features tell the first value, the length it was given, and the mean."""
    seen, sizes = Counter(), []

    def one(sample):
        values = torch.tensor([sample], dtype=torch.float32)
        return Padded(values, torch.ones_like(values, dtype=torch.bool))

    def preprocess(samples):
        if layout == "tensor":
            return torch.tensor(np.array(samples), dtype=torch.float32)
        if layout == "pair":
            return Pair(torch.tensor([[s[0]] for s, _ in samples]), pad([one(text) for _, text in samples]))
        return pad([one(sample) for sample in samples])

    def features(values, mask):
        tokens = torch.stack([values, 2 * values], -1)
        if padding == "masked" and mask is not None:
            pooled = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        else:
            pooled, mask = torch.cat([tokens.sum(1), torch.full((len(values), 1), float(values.shape[1]))], 1), None
        return Features(pooled, tokens, mask)

    def encode(inputs, mask):
        if isinstance(inputs, Pair):
            sizes.append(len(inputs.vision))
            seen.update(inputs.vision[:, 0].tolist())
            return {"vision": Features(inputs.vision), "text": features(inputs.text.values, inputs.text.mask)}
        sizes.append(len(inputs))
        seen.update(inputs[:, 0].tolist())
        return {"speech": features(inputs, mask)}

    spec = BackboneSpec("x/y", "x", "y", modality="speech", padding=padding)
    return Backbone(spec, nn.Identity(), preprocess, encode), seen, sizes


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=25),
    batch_size=st.integers(1, 4),
    padding=st.sampled_from(["masked", "equal_length", "fixed"]),
    layout=st.sampled_from(["padded", "pair"]),
)
def test_order_once_and_equal_to_one_by_one(lengths, batch_size, padding, layout):
    backbone, seen, sizes = toy(padding, layout)
    samples = [[float(100 * i + j) for j in range(length)] for i, length in enumerate(lengths)]
    given = [([float(i)], text) for i, text in enumerate(samples)] if layout == "pair" else samples
    found = encode_samples(backbone, given, batch_size)
    firsts = [float(i) for i in range(len(samples))] if layout == "pair" else [sample[0] for sample in samples]
    assert seen == Counter(firsts)  # each once
    assert max(sizes) <= batch_size
    for i, sample in enumerate(given):
        alone = encode_samples(backbone, [sample], 1)
        for name, features in alone.items():
            assert torch.allclose(found[name].pooled[i], features.pooled[0])
            if features.tokens is not None:
                count = lengths[i]
                assert torch.equal(found[name].tokens[i, :count], features.tokens[0])
                if found[name].mask is not None:
                    assert found[name].mask[i].tolist() == [True] * count + [False] * (max(lengths) - count)
                else:
                    assert len(set(lengths)) == 1


def test_equal_lengths_share_batches_and_masked_ones_sort_by_length():
    samples = [[1.0] * n for n in (1, 2, 1, 2, 1, 2)]
    backbone, _, sizes = toy("equal_length")
    encode_samples(backbone, samples, 3)
    assert sizes == [3, 3]
    backbone, _, sizes = toy("masked")
    encode_samples(backbone, samples, 4)
    assert sizes == [4, 2]


def test_fixed_inputs_are_one_tensor():
    backbone, _, sizes = toy("fixed", "tensor")
    found = encode_samples(backbone, np.arange(12.0).reshape(6, 2), 4)["speech"]
    assert sizes == [4, 2]
    assert found.pooled[:, 0].tolist() == [1, 5, 9, 13, 17, 21]
    assert found.mask is None


def test_kinds_of_samples_do_not_mix():
    def preprocess(samples):
        vision = torch.ones(1, 2) if samples[0] == "image" else None
        return Pair(
            vision, None if vision is not None else Padded(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))
        )

    def encode(inputs, mask):
        name, part = ("text", inputs.text.values) if inputs.vision is None else ("vision", inputs.vision)
        return {name: Features(part)}

    backbone = Backbone(BackboneSpec("x/y", "x", "y"), nn.Identity(), preprocess, encode)
    assert set(encode_samples(backbone, ["image", "image"])) == {"vision"}
    with pytest.raises(DataError, match=r"of several kinds \(text; vision\)"):
        encode_samples(backbone, ["image", "a text"])


def test_bad_requests():
    backbone, _, _ = toy("masked")
    with pytest.raises(DataError, match="no samples"):
        encode_samples(backbone, [])
    with pytest.raises(DataError, match="batch_size=0"):
        encode_prepared(backbone, [prepare(backbone, [1.0])], 0)


def test_maps_join_and_maps_of_several_sizes_are_refused():
    def encode(inputs, mask):
        return {"vision": Features(inputs.mean((1, 2)), maps=[inputs[:, None]])}

    backbone = Backbone(BackboneSpec("x/y", "x", "y"), nn.Identity(), lambda s: torch.stack(s)[..., None], encode)
    found = encode_samples(backbone, [torch.full((4,), float(i)) for i in range(3)], 2)["vision"]
    assert found.maps[0].shape == (3, 1, 4, 1)
    assert found.maps[0][:, 0, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(IncompatibleError, match="maps of several sizes"):
        encode_samples(backbone, [torch.ones(4), torch.ones(5)])


def test_modes_of_the_parts_come_back_after_an_error():
    module = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)).train()
    module[1].eval()  # frozen statistics, as a fine-tuning recipe sets them
    with pytest.raises(RuntimeError), evaluating(module):
        module(torch.ones(2, 3))  # of a wrong width
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in (module, *module)] == [True, True, False]


def layered(as_tokens):
    """One value after another as tokens, and a layer of as many of them, or of the last two only."""

    def encode(inputs, _mask):
        tokens = inputs[..., None]
        return {"speech": Features(inputs.sum(1, keepdim=True), tokens, layers=[as_tokens(tokens), 2 * tokens])}

    def preprocess(samples):
        return pad([Padded(torch.tensor([one]), torch.ones(1, len(one), dtype=torch.bool)) for one in samples])

    return Backbone(BackboneSpec("x/y", "x", "y", padding="equal_length"), nn.Identity(), preprocess, encode)


def test_layers_are_padded_as_tokens_and_come_in_the_order_of_the_samples():
    samples = [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0, 7.0]]
    found = encode_samples(layered(lambda tokens: -tokens), samples, batch_size=1)["speech"]
    assert [layer[..., 0].tolist() for layer in found.layers] == [
        [[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0], [-5.0, -6.0, -7.0]],
        [[2.0, 4.0, 6.0], [8.0, 0.0, 0.0], [10.0, 12.0, 14.0]],
    ]
    assert found.mask.tolist() == [[True] * 3, [True, False, False], [True] * 3]


def test_layers_of_several_sizes_that_are_no_tokens_are_refused():
    with pytest.raises(IncompatibleError, match="layers of several sizes"):
        encode_samples(layered(lambda tokens: tokens[:, ::2]), [[1.0, 2.0, 3.0, 4.0], [1.0]])
    same = encode_samples(layered(lambda tokens: tokens[:, ::2]), [[1.0, 2.0], [3.0, 4.0]])["speech"]
    assert same.layers[0][..., 0].tolist() == [[1.0], [3.0]]


def test_another_thread_waits_for_its_turn():
    module, inside, entered = nn.Linear(1, 1), threading.Event(), threading.Event()

    def second():
        inside.wait()
        with evaluating(module):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    with evaluating(module), evaluating(module):  # the same thread may enter again
        inside.set()
        assert not entered.wait(0.05)
    thread.join()
    assert entered.is_set()
    assert module.training
