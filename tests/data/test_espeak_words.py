from importlib.util import find_spec

import numpy as np
import pytest

from zoo.benchmarking.runner import bench
from zoo.benchmarking.suite import load_suite
from zoo.data import espeak, espeak_words
from zoo.data.images import DATASETS, load_images
from zoo.data.splits import split_data
from zoo.data.synthesiser_phones import CONSONANTS, DIPHTHONGS, VOWELS
from zoo.data.synthesiser_words import keywords, pretraining_words
from zoo.errors import MissingDependency

needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs the extra espeak")


def test_it_is_known_by_name():
    assert "espeak_words" in DATASETS.names()


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(espeak.importlib.util, "find_spec", lambda name: None)
    espeak_words.espeak_words.cache_clear()
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[espeak\]"):
        load_images("espeak_words")


def test_the_suite_is_refused_before_anything_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak.importlib.util, "find_spec", lambda name: None)
    espeak_words.espeak_words.cache_clear()
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[espeak\]"):
        bench("espeak_words", tmp_path / "runs", workers=1, quiet=True)
    assert not (tmp_path / "runs").exists()


def test_every_phone_has_a_phoneme_and_every_keyword_another_spelling():
    assert set(espeak_words.SAID) <= {*VOWELS, *DIPHTHONGS}
    assert not {*VOWELS, *DIPHTHONGS, *CONSONANTS} & {"|", "'"}
    said = [espeak_words.phonemes(word) for word in keywords()]
    assert len(set(said)) == 16
    assert all(text.count("'") == 1 for text in said)
    assert espeak_words.phonemes(("r", "oe", "s", "o")) == "[[r|'3:|s|oU]]"


def test_no_voice_and_no_accent_is_in_both_parts():
    for table in (espeak_words.ACCENTS, espeak_words.VARIANTS):
        assert not set(table["train"]) & set(table["test"])
        assert all(len(set(names)) == len(names) for names in table.values())


def one_change(word, other):
    """Whether a phone put in, left out or replaced makes one of the other."""
    short, long = sorted((word, other), key=len)
    same = next((k for k, (one, two) in enumerate(zip(short, long, strict=False)) if one != two), len(short))
    if len(short) == len(long):
        return short[same + 1 :] == long[same + 1 :]
    return len(long) == len(short) + 1 and short[same:] == long[same + 1 :]


def test_no_word_of_pretraining_is_near_what_is_said():
    """Vowels that English lacks are said as others: the words stay away from those of pre-training all the same."""
    assert one_change(("a", "b"), ("a", "d"))
    assert one_change(("a", "b"), ("a", "x", "b"))
    assert not one_change(("a", "b"), ("x", "d"))
    for changes in ({"y": "u", "oe": "@", "e": "ei", "o": "ou"}, {"y": "u", "oe": "V", "a": "A"}):
        for word in keywords():
            said = tuple(changes.get(phone, phone) for phone in word)
            assert not [other for other in pretraining_words() if one_change(said, other)], said


@pytest.mark.parametrize("level", ["quick", "default"])
def test_the_suite_is_that_of_words_on_other_clips(level):
    suite, words = load_suite("espeak_words", level), load_suite("words", level)
    assert suite.arms == words.arms
    assert (suite.budgets, suite.steps, suite.grids) == (words.budgets, words.steps, words.grids)
    assert (suite.training, suite.seeds, suite.margin) == (words.training, words.seeds, words.margin)
    assert "SYNTHETIC" in suite.about


@pytest.fixture(scope="module")
def data():
    return espeak_words.espeak_words(each=3)


@needs_espeak
def test_clips_are_a_second_at_16_khz(data):
    wave, rate = data.samples[0]
    assert (wave.dtype, wave.shape, rate) == (np.float32, (16_000,), 16_000)
    assert 0.05 < np.abs(wave).max() < 1
    assert (data.kind, len(data.classes)) == ("audio_classification", 16)


@needs_espeak
def test_it_says_that_it_is_synthetic(data):
    assert "synthetic speech: every clip was made by espeak-ng 1." in data.notes[0]
    assert data.digest[:12] in data.notes[0]


@needs_espeak
def test_every_word_is_in_both_parts_and_no_voice_is(data):
    for part in ("train", "test"):
        assert np.bincount(data.targets[data.parts == part]).tolist() == [3] * 16
    assert not set(data.groups[data.parts == "train"]) & set(data.groups[data.parts == "test"])
    parts, _ = split_data(data)
    assert (data.parts[parts.test] == "test").all()
    assert len(parts.test) == 48


@needs_espeak
def test_the_same_bytes_come_again(data):
    made = espeak_words.espeak_words.__wrapped__(each=3)
    assert made.digest == data.digest
    assert made.samples.numbers.tobytes() == data.samples.numbers.tobytes()


@needs_espeak
def test_every_voice_and_accent_speaks():
    asked = [
        espeak.Utterance(espeak_words.phonemes(keywords()[2]), accent, variant, 155)
        for part in ("train", "test")
        for k, variant in enumerate(espeak_words.VARIANTS[part])
        for accent in [espeak_words.ACCENTS[part][k % len(espeak_words.ACCENTS[part])]]
    ]
    spoken = espeak.speak(asked)
    assert len({wave.tobytes() for wave in spoken.waves}) == 48
    clips = [espeak_words._placed(wave, spoken.rate, np.random.default_rng(0)) for wave in spoken.waves]
    lengths = np.array([np.ptp(np.flatnonzero(clip)) for clip in clips]) / 16_000
    assert lengths.min() > 0.3
    assert np.mean(lengths > 0.939) < 0.1  # the longest word, at the slowest pace: hardly any is cut
