import numpy as np

from zoo.data.synthesiser_languages import LANGUAGES, language


def test_languages_differ_in_sounds_and_rhythm():
    known = [language(k) for k in range(LANGUAGES)]
    assert len({(frozenset(one.vowels), frozenset(one.consonants)) for one in known}) == LANGUAGES
    assert len({one.stress for one in known}) == LANGUAGES


def test_no_word_is_said_in_both_parts():
    for k in range(LANGUAGES):
        train, test = (set(language(k).words(part)) for part in ("train", "test"))
        assert len(train) == len(test) == 60
        assert not train & test


def test_phrases_are_two_words_of_their_part():
    one = language(3)
    phrase = one.phrase(np.random.default_rng(0), "test")
    assert any(phrase == a + b for a in one.words("test") for b in one.words("test"))


def test_a_melody_begins_anywhere():
    one = language(1)
    found = {one.melody(np.random.default_rng(seed)) for seed in range(20)}
    assert len(found) == len(one.pitches)
    assert all(sorted(melody) == sorted(one.pitches) for melody in found)
