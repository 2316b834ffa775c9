import numpy as np
import pytest
import torch

from zoo.data.generated import SOURCES, Source
from zoo.data.spoken_source import SpokenSource


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def source():
    return SpokenSource("word", words=20)


def test_the_names_give_words_and_voices():
    words, voices = SOURCES.get("pseudo_words")(), SOURCES.get("pseudo_voices")()
    assert isinstance(words, Source)
    assert (words.name, words.classes) == ("pseudo_words", 240)
    assert (voices.name, voices.classes) == ("pseudo_voices", 64)
    assert words.digest != voices.digest


def test_only_the_generator_counts(source):
    one, same, other = (source.batch(3, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.inputs.values, same.inputs.values)
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.inputs.values, other.inputs.values)


def test_clips_are_named_by_word_or_by_voice(source):
    voices = SpokenSource("voice", words=20, voices=3)
    by_word, by_voice = source.batch(40, generator()), voices.batch(40, generator())
    assert set(by_word.targets.tolist()) <= set(range(20))
    assert set(by_voice.targets.tolist()) == set(range(3))
    assert by_voice.inputs.values.shape == (40, 100, 40)


def test_voices_say_two_words(source, monkeypatch):
    said = []

    def spy(tables, voices, rng):
        said.append(sum(map(len, tables)))
        return np.ones((len(tables), 16_000), np.float32)

    monkeypatch.setattr("zoo.data.spoken_source.synthesise", spy)
    for one in (source, SpokenSource("voice", words=20)):
        one.batch(40, generator())
    assert 1.6 < said[1] / said[0] < 2.5


def test_what_defines_the_clips_is_in_the_digest(source):
    assert SpokenSource("word", words=20).digest == source.digest
    assert SpokenSource("word", words=21).digest != source.digest


def test_corrupting_covers_bands_and_changes_no_shape(source):
    inputs = source.batch(2, generator()).inputs
    covered = source.corrupt(inputs, generator())
    assert covered.values.shape == (2, 100, 40)
    assert covered.mask.all()
    assert not torch.equal(covered.values, inputs.values)


def test_it_says_that_it_is_synthetic(source):
    assert "synthetic" in source.notes[0]
