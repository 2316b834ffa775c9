import numpy as np
import pytest

from zoo.data.synthesiser import COLUMNS, SECONDS
from zoo.data.synthesiser_phones import (
    CONSONANTS,
    DIPHTHONGS,
    RULES,
    VOWELS,
    Dialect,
    dialect,
    made_up,
    segments,
    vocabulary,
    voice,
)  # fmt: skip

ZERO = np.zeros((len(VOWELS), 3))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("rule", "word", "said"),
    [
        ("no r after vowels", "r a r", "r a"),
        ("no h", "h a h a", "a a"),
        ("hard endings", "d a d", "d a t"),
        ("v is w", "v a", "w a"),
        ("S before consonants", "s t a s", "S t a s"),
        ("d between vowels", "t a t a t", "t a d a t"),
        ("l is w at the end", "l a l", "l a w"),
        ("T is s", "T a", "s a"),
        ("long e and o", "e k o", "e I k o U"),
        ("x for k", "x a", "k a"),
    ],
)
def test_each_rule_does_what_its_name_says(rule, word, said):
    word = tuple(word.split())
    assert rule in RULES
    assert Dialect(ZERO, frozenset({rule})).said(word) == tuple(said.split())
    assert Dialect(ZERO).said(word) == word


def test_every_phone_can_be_said():
    for phone in (*VOWELS, *DIPHTHONGS, *CONSONANTS):
        table = segments((phone, "a"), voice("x", 0), Dialect(ZERO), rng())
        assert table.shape[1] == COLUMNS
        assert np.isfinite(table).all()
        assert (table[:, SECONDS] > 0).all()
        assert table[:, 0].min() >= 200


def test_voices_and_dialects_of_two_purposes_are_not_the_same():
    voices = [
        voice(purpose, k) for purpose in ("pretraining", "words train", "words test", "speakers") for k in range(40)
    ]
    numbers = np.array([[np.log2(one.pitch), one.tract, one.tilt, *one.vowels.ravel() / 50] for one in voices])
    apart = np.abs(numbers[:, None] - numbers[None]).max(2) + np.eye(len(voices))
    assert apart.min() > 0.5
    accents = [dialect(purpose, k).vowels for purpose in ("pretraining", "words train", "words test") for k in range(5)]
    assert len({one.tobytes() for one in accents}) == 15


def test_who_is_fast_is_short():
    slow, fast = (
        segments(("a", "t", "a"), voice("x", k), Dialect(ZERO), rng())[:, SECONDS].sum() for k in order_of_rate()
    )
    assert fast < slow


def order_of_rate():
    return sorted(range(10), key=lambda k: voice("x", k).rate)[::9]


def test_tones_are_those_given():
    table = segments(("a", "t", "i"), voice("x", 0), Dialect(ZERO), rng(), tones=(0.5, -0.5))
    assert table[0, 8] > 0.3
    assert table[-1, 8] < -0.3


def test_words_are_more_than_one_phone_apart():
    words = vocabulary("x", 60)
    assert min(distance(a, b) for a in words for b in words if a != b) > 1
    others = vocabulary("y", 30, away=frozenset(words))
    assert min(distance(a, b) for a in words for b in others) > 1


def distance(one, other):
    """Levenshtein's, by its definition."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def test_made_up_words_keep_to_the_sounds_given():
    word = made_up(rng(), 3, ("t", "s"), ("a",))
    assert set(word) <= {"t", "s", "a"}
    assert word.count("a") == 3
