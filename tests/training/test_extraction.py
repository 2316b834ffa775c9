import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.contracts import Backbone, Features, Padded, Pair
from zoo.errors import DeviceError
from zoo.providers.batching import pad
from zoo.providers.layers import with_layers
from zoo.specs import BackboneSpec
from zoo.training import extraction
from zoo.training.extraction import _batches, extract_fast
from zoo.training.fitting import extract
from zoo.training.inputs import Inputs


def sentences(padding="masked", seen=None):
    """A backbone for lists of numbers, whose answer depends on the padding unless that is masked out."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh())

    def encode(values, mask):
        if seen is not None:
            seen.append(tuple(values.shape[:2]))
        hidden = module(values)
        keep = mask[..., None].float() if padding == "masked" else torch.ones_like(hidden[..., :1])
        return {"text": Features((hidden * keep).sum(1) / keep.sum(1))}

    def preprocess(samples):
        parts = [torch.as_tensor(sample, dtype=torch.float32)[None] for sample in samples]
        return pad([Padded(part, torch.ones(part.shape[:2], dtype=torch.bool)) for part in parts])

    spec = BackboneSpec("module/sentences", "module", "sentences", modality="text", padding=padding, pooled_dim=8)
    return Backbone(spec, module, preprocess, encode)


def samples(count=50, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((int(length), 4)) for length in rng.integers(1, 30, count)]


def close(one, other):
    off = np.linalg.norm(one - other, axis=1) / np.linalg.norm(other, axis=1)
    return bool((off <= 1e-4).all())


@pytest.mark.parametrize("padding", ["masked", "equal_length"])
@pytest.mark.parametrize("size", [1, 3, 16, None])
@pytest.mark.parametrize("window", [1, 2000, 2**28])
def test_every_sample_gets_what_it_gets_alone(padding, size, window, monkeypatch):
    monkeypatch.setattr(extraction, "WINDOW", window)
    backbone = sentences(padding)
    inputs = Inputs(samples(), backbone.preprocess, padding)
    indices = np.random.default_rng(1).permutation(50)[:40]
    alone = np.concatenate([backbone.encode(inputs.one(int(i)))["text"].pooled.detach().numpy() for i in indices])
    made = extract_fast(backbone, inputs, indices, size=size)
    assert made.dtype == np.float32
    assert close(made, alone)


def test_less_is_padded_and_no_batch_is_larger_than_its_budget():
    seen: list[tuple[int, int]] = []
    backbone = sentences(seen=seen)
    inputs = Inputs(samples(200), backbone.preprocess, "masked")
    lengths = [inputs.one(index).values.shape[1] for index in range(200)]
    extract_fast(backbone, inputs, np.arange(200), size=8)
    ran = sum(count * length for count, length in seen if count > 2 or length > 2)
    assert ran <= 1.15 * sum(lengths)
    assert max(count * length for count, length in seen) <= 8 * np.mean(lengths)


def test_batches_hold_every_place_once():
    lengths = np.random.default_rng(0).integers(1, 20, 77)
    for mixing in (True, False):
        batches = _batches(lengths, 4, mixing)
        assert sorted(np.concatenate(batches)) == list(range(77))
        assert mixing or all(len(set(lengths[batch])) == 1 for batch in batches)
    assert [len(batch) for batch in _batches(np.full(10, 7), 4, True)] == [4, 4, 2]
    assert [len(batch) for batch in _batches(np.array([1, 1, 100]), 1, True)] == [2, 1]  # longer than a whole budget


@pytest.mark.parametrize("name", ["timm/test_resnet", "torchvision/shufflenet_v2_x0_5", "transformers/resnet"])
def test_folded_or_not_it_agrees_with_extract(name):
    backbone = zoo.load(name, pretrained=False, seed=0)
    generator = torch.Generator().manual_seed(0)
    for part in backbone.module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3, generator=generator)
            part.running_var.uniform_(0.5, 1.5, generator=generator)
    size = (backbone.spec.input_size[0], 64, 64)
    images = Inputs(list(torch.rand(70, *size, generator=generator)), torch.stack)
    everything = np.arange(70)
    backbone.module.train()
    state = copy.deepcopy(backbone.module.state_dict())
    made = extract_fast(backbone, images, everything)
    assert all(part.training for part in backbone.module.modules())
    now = backbone.module.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in state.items())
    slow = extract(backbone, images, everything).numpy()
    assert close(made, slow)
    assert not np.array_equal(made, slow)
    assert close(extract_fast(backbone, images, everything, fold=False), slow)


def test_few_samples_are_not_worth_folding(monkeypatch):
    monkeypatch.setattr(extraction, "folded", lambda *_: pytest.fail("folded"))
    backbone = zoo.load("pocket/resnet10.glyphs")
    images = Inputs(list(torch.rand(10, 1, 32, 32)), torch.stack)
    assert extract_fast(backbone, images, np.arange(10)).shape == (10, 256)
    with pytest.raises(pytest.fail.Exception):
        extract_fast(backbone, images, np.arange(10).repeat(7))


def test_pairs_of_images_and_texts():
    torch.manual_seed(0)
    images, texts = nn.Linear(12, 5), nn.Linear(4, 5)

    def encode(pair, _mask):
        found = {"vision": Features(images(pair.vision.flatten(1)))} if pair.vision is not None else {}
        if pair.text is not None:
            found["text"] = Features((texts(pair.text.values) * pair.text.mask[..., None]).sum(1))
        return found

    spec = BackboneSpec("module/pairs", "module", "pairs", modality="image-text", padding="masked", pooled_dim=5)
    backbone = Backbone(spec, nn.ModuleList([images, texts]), lambda rows: rows[0], encode)
    rng = np.random.default_rng(0)
    texts_of = [torch.as_tensor(rng.standard_normal((1, n, 4)), dtype=torch.float32) for n in (3, 1, 5)]
    padded = [Padded(one, torch.ones(one.shape[:2], dtype=torch.bool)) for one in texts_of]
    both = [Pair(torch.rand(1, 3, 2, 2), text) for text in padded]
    inputs = Inputs(both, backbone.preprocess, "masked")
    for modality in ("vision", "text"):
        alone = torch.cat([backbone.encode(one)[modality].pooled.detach() for one in both]).numpy()
        assert close(extract_fast(backbone, inputs, np.arange(3), modality=modality), alone)


def test_parts_are_given_as_they_are_made(monkeypatch):
    monkeypatch.setattr(extraction, "WINDOW", 1000)
    backbone, parts = sentences(), []
    inputs, indices = Inputs(samples(), backbone.preprocess, "masked"), np.arange(50)[::-1].copy()
    made = extract_fast(backbone, inputs, indices, keep=lambda which, rows: parts.append((which, rows.copy())))
    assert len(parts) > 2
    assert np.array_equal(np.concatenate([which for which, _ in parts]), indices)
    assert np.array_equal(np.concatenate([rows for _, rows in parts]), made)


def test_nothing_to_extract():
    backbone = sentences()
    assert extract_fast(backbone, Inputs([], backbone.preprocess), np.arange(0)).shape == (0, 8)


def test_bfloat16_is_refused_where_there_is_none():
    backbone = sentences()
    with pytest.raises(DeviceError, match=r"bfloat16 was asked for on cpu.*Fix: "):
        extract_fast(backbone, Inputs(samples(), backbone.preprocess), np.arange(2), bfloat16=True)


def test_no_gradient_and_no_trace_of_inference_mode():
    """What a network keeps from a pass (a table of positions) must still be of use when it is trained."""

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.layer = None, nn.Linear(4, 4)

        def forward(self, batch):
            if self.table is None:
                self.table = torch.ones(4) * 2
            return self.layer(batch) * self.table

    backbone = zoo.wrap(nn.Sequential(nn.Flatten(), Keeps()), input_size=(1, 2, 2))
    backbone.module[1].table = None
    extract_fast(backbone, Inputs(list(torch.rand(3, 1, 2, 2)), torch.stack), np.arange(3))
    backbone.module(torch.rand(2, 1, 2, 2)).sum().backward()
    assert backbone.module[1].layer.weight.grad is not None


def test_convolutions_that_are_layers_themselves_are_not_folded():
    torch.manual_seed(0)
    parts = [part for wide in (3, 32, 32) for part in (nn.Conv2d(wide, 32, 3, padding=1), nn.BatchNorm2d(32))]
    for norm in parts[1::2]:
        norm.running_mean.normal_()
    network = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    backbone = with_layers(zoo.wrap(network, input_size=(3, 10, 12)))
    inputs = torch.rand(70, 3, 10, 12)
    made, plain = (extract_fast(backbone, inputs, np.arange(70), layers=True, fold=fold) for fold in (True, False))
    assert made.shape == (70, 6, 32)
    np.testing.assert_allclose(made, plain, atol=1e-5)


def test_threads_that_share_a_network_get_what_they_get_alone():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.train()
    inputs, chosen = torch.rand(70, 1, 32, 32), np.arange(70)
    alone = extract_fast(backbone, inputs, chosen)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: extract_fast(backbone, inputs, chosen), range(12)))
    assert all(close(one, alone) for one in found)
    assert all(part.training for part in backbone.module.modules())
