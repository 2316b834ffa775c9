"""Features that are read once: whoever asks first, the same numbers; each equal to what a sample gets alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_backbones import narrow

import zoo
from zoo.benchmarking import frozen as module
from zoo.benchmarking.frozen import Frozen, by_length, extracted, length_of
from zoo.training.fitting import extract
from zoo.training.inputs import Inputs

WORDS = ["a", "longer one", "x y z", "", "the longest of all of them", "mid one"] * 15


def made(arch="bert"):
    backbone = narrow(arch)
    backbone.module.eval()
    return backbone, Inputs(WORDS, backbone.preprocess, backbone.spec.padding)


@pytest.mark.parametrize("arch", ["bert", "gpt2"])
def test_rows_are_those_of_each_sample_alone(arch):
    backbone, inputs = made(arch)
    asked = np.array([4, 0, 17, 3, 4])
    rows = extracted(backbone, inputs, asked)
    with torch.no_grad():
        alone = torch.cat([backbone.encode(inputs.one(i))["text"].pooled for i in asked.tolist()])
    assert torch.allclose(rows, alone, rtol=1e-4, atol=1e-5)
    assert torch.allclose(Frozen(backbone, inputs, [np.arange(90)])[asked], alone, rtol=1e-4, atol=1e-5)


def test_images_come_out_bit_by_bit_as_they_are_asked_for():
    data = zoo.read_data("digits")
    backbone = zoo.load("pocket/resnet10.glyphs")
    inputs, asked = Inputs(data.samples, backbone.preprocess), np.array([5, 900, 1, 30])
    assert by_length(inputs, asked).tolist() == [0, 1, 2, 3]
    assert torch.equal(extracted(backbone, inputs, asked), extract(backbone, inputs, asked))


def test_who_asks_first_changes_no_bit():
    parts = [np.arange(40), np.arange(30, 90)]
    first, second = (Frozen(*made(), parts) for _ in range(2))
    second.read()
    assert torch.equal(first[np.array([88, 2, 35])], second[np.array([88, 2, 35])])
    first.read()
    assert torch.equal(first[np.arange(90)], second[np.arange(90)])


def test_every_sample_is_read_once(monkeypatch):
    read = []
    old = module.extract
    monkeypatch.setattr(
        module, "extract", lambda b, i, indices, *r, **o: read.extend(indices) or old(b, i, indices, *r, **o)
    )
    features = Frozen(*made(), [np.arange(40), np.arange(40, 90)])
    features[np.array([3])]
    assert 0 < len(features) < 90
    for _ in range(2):
        features.read()
    assert sorted(read) == list(range(90))


def test_padded_samples_go_shortest_first():
    _, inputs = made()
    lengths = [length_of(inputs.one(i)) for i in by_length(inputs, np.arange(90)).tolist()]
    assert lengths == sorted(lengths)
    assert by_length(inputs, np.array([], dtype=int)).tolist() == []
