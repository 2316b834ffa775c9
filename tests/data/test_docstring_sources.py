import numpy as np
import pytest
import torch

from zoo.data.docstring_sources import LENGTH, SPAN, DocstringPairSource, DocstringSource
from zoo.data.generated import SOURCES, Source
from zoo.errors import DataError

PACKAGES = ("packaging", "joblib")


@pytest.fixture(scope="module")
def blocks():
    return DocstringSource(PACKAGES)


@pytest.fixture(scope="module")
def pairs():
    return DocstringPairSource(PACKAGES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_both_are_registered(blocks, pairs):
    for source in (blocks, pairs):
        assert SOURCES.get(source.name) is type(source)
        assert isinstance(source, Source)
        assert (source.modality, source.clean, source.classes) == ("text", True, 0)
        assert len(source.digest) == 64
        assert "packaging" in source.notes[0]
        assert "8 words in a row" in source.notes[1]
    assert blocks.digest != pairs.digest != DocstringPairSource(PACKAGES[:1]).digest
    assert pairs.digest == DocstringPairSource(list(PACKAGES)).digest


def test_blocks_are_the_stream_in_pieces(blocks):
    ids = blocks.batch(300, generator()).inputs
    assert ids.values.shape == (300, LENGTH)
    assert ids.mask.all()
    assert (ids.values[:, 0] == blocks.tokens.start).all()
    stream = blocks.stream()
    assert stream.max() < blocks.tokens.vocabulary
    rows = {tuple(stream[at : at + LENGTH - 1]) for at in range(0, len(stream) - LENGTH, LENGTH - 1)}
    assert {tuple(row) for row in ids.values[:, 1:].tolist()} <= rows
    assert (stream == blocks.tokens.end).sum() == len(blocks.documents)


def test_the_two_sides_are_of_one_docstring_and_differ(pairs):
    one, other = pairs.batch(200, generator()).inputs
    joined = ["".join(f" {token} " for part in many for token in part) for many in pairs._pairs]

    def text(side, row):
        ids = side.values[row][side.mask[row]].tolist()
        assert ids[0] == pairs.tokens.start
        assert 1 <= len(ids) - 1 <= SPAN
        return "".join(f" {token} " for token in ids[1:])

    for row in range(200):
        left, right = text(one, row), text(other, row)
        assert any(left in whole and right in whole for whole in joined)
    assert (one.values[~one.mask] == pairs.tokens.pad).all()
    same = sum(text(one, row) == text(other, row) for row in range(200))
    assert same < 5


def test_only_the_generator_counts(blocks, pairs):
    for source in (blocks, pairs):
        before = torch.random.get_rng_state()
        first, again, another = (source.batch(16, generator(seed)).inputs for seed in (7, 7, 8))
        sides = [(each if isinstance(each, tuple) else (each,)) for each in (first, again, another)]
        assert all(torch.equal(a.values, b.values) for a, b in zip(sides[0], sides[1], strict=True))
        assert not torch.equal(sides[0][0].values, sides[2][0].values)
        assert torch.equal(before, torch.random.get_rng_state())


def test_a_corrupted_view_keeps_the_shape(blocks, pairs):
    ids = blocks.batch(8, generator()).inputs
    view = blocks.corrupt(ids, generator())
    assert view.values.shape == ids.values.shape
    assert not torch.equal(view.values, ids.values)
    assert len(pairs.corrupt(pairs.batch(4, generator()).inputs, generator())) == 2


def test_nothing_to_read_is_told():
    with pytest.raises(DataError, match="no docstring was found for the source 'docstrings'"):
        DocstringSource(["no_such_package"])


def test_the_stream_is_int64(blocks):
    assert blocks.stream().dtype == np.int64
