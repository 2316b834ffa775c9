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
    assert (voices.name, voices.classes) == ("pseudo_voices", 48)
    assert words.digest != voices.digest


def test_only_the_generator_counts(source):
    one, same, other = (source.batch(3, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.inputs.values, same.inputs.values)
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.inputs.values, other.inputs.values)


def test_the_same_clips_are_named_by_word_or_by_voice(source):
    voices = SpokenSource("voice", words=20)
    by_word, by_voice = source.batch(6, generator()), voices.batch(6, generator())
    assert torch.equal(by_word.inputs.values, by_voice.inputs.values)
    assert by_word.targets.max() < 20
    assert not torch.equal(by_word.targets, by_voice.targets)


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
