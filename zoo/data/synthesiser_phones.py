"""Phones, made-up words, voices and dialects of the synthesiser: what is said, by whom, and with which accent.

A word is a tuple of phones. A dialect moves vowels and applies a few rules of the kind that dialects of many languages
have (no r after vowels, no h, hardened endings); a voice adds its own offsets. All is drawn from seeds, and drawn
numbers never come again under another purpose, so that voices and dialects of a test are not those of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.batches import substream
from zoo.data.synthesiser import COLUMNS, Voice

if TYPE_CHECKING:
    from numpy.typing import NDArray

Word = tuple[str, ...]

VOWELS: dict[str, tuple[int, int, int]] = {  # first three formants in Hz, of a tract of usual length
    "i": (285, 2250, 2950), "I": (400, 1950, 2550), "e": (450, 2080, 2650), "E": (590, 1800, 2500),
    "ae": (700, 1650, 2450), "a": (760, 1280, 2500), "A": (670, 1050, 2450), "O": (580, 860, 2450),
    "o": (460, 800, 2400), "U": (430, 1040, 2300), "u": (310, 850, 2250), "V": (620, 1230, 2450),
    "@": (500, 1480, 2450), "y": (285, 1900, 2200), "oe": (430, 1600, 2300),
}  # fmt: skip
DIPHTHONGS: dict[str, Word] = {"ai": ("a", "I"), "au": ("a", "U"), "ei": ("e", "I"), "ou": ("o", "U"), "oi": ("O", "I")}


@dataclass(frozen=True)
class Consonant:
    """How it is made: `stop`, `fricative`, `affricate`, `nasal` or `glide`; its formants, and its hiss in Hz."""

    manner: str
    formants: tuple[int, int, int]
    voiced: bool
    centre: int = 1000
    width: int = 1000


CONSONANTS: dict[str, Consonant] = {
    "p": Consonant("stop", (300, 850, 2400), False, 700, 900), "b": Consonant("stop", (260, 850, 2400), True, 700, 900),
    "t": Consonant("stop", (300, 1800, 2700), False, 4600, 3200),
    "d": Consonant("stop", (260, 1800, 2700), True, 4400, 3200),
    "k": Consonant("stop", (300, 2150, 2500), False, 2300, 1200),
    "g": Consonant("stop", (260, 2150, 2500), True, 2200, 1200),
    "f": Consonant("fricative", (350, 1050, 2400), False, 4500, 6500),
    "v": Consonant("fricative", (320, 1050, 2400), True, 4500, 6500),
    "s": Consonant("fricative", (350, 1750, 2600), False, 6200, 2600),
    "z": Consonant("fricative", (300, 1750, 2600), True, 6200, 2600),
    "S": Consonant("fricative", (350, 1900, 2500), False, 3500, 2200),
    "Z": Consonant("fricative", (300, 1900, 2500), True, 3500, 2200),
    "T": Consonant("fricative", (350, 1400, 2600), False, 6800, 5000),
    "x": Consonant("fricative", (400, 1300, 2400), False, 1600, 1100),
    "h": Consonant("fricative", (0, 0, 0), False),
    "tS": Consonant("affricate", (300, 1900, 2500), False, 3600, 2400),
    "dZ": Consonant("affricate", (260, 1900, 2500), True, 3500, 2400),
    "m": Consonant("nasal", (260, 950, 2200), True), "n": Consonant("nasal", (260, 1650, 2500), True),
    "N": Consonant("nasal", (260, 2150, 2600), True),
    "l": Consonant("glide", (360, 1150, 2850), True), "r": Consonant("glide", (400, 1200, 1600), True),
    "w": Consonant("glide", (310, 720, 2250), True), "j": Consonant("glide", (285, 2250, 3000), True),
}  # fmt: skip
HARD = {"b": "p", "d": "t", "g": "k", "v": "f", "z": "s", "Z": "S", "dZ": "tS"}
RULES = (
    "no r after vowels", "no h", "hard endings", "v is w",
    "S before consonants", "d between vowels", "l is w at the end",
    "T is s", "long e and o", "x for k",
)  # fmt: skip
ROWS = {name: row for row, name in enumerate(VOWELS)}


@dataclass(frozen=True, eq=False)
class Dialect:
    """Where vowels lie beside the table, [V, 3] in Hz; some of `RULES`; `melody`, its change of pitch in octaves."""

    vowels: NDArray[np.float64]
    rules: frozenset[str] = frozenset()
    melody: float = -0.2

    def said(self, word: Word) -> Word:
        """The phones that are spoken.

        Example:
            >>> Dialect(np.zeros((15, 3)), frozenset({"hard endings"})).said(("b", "a", "d"))
            ('b', 'a', 't')
        """
        found = [part for phone in word for part in self._said(phone)]
        last = len(found) - 1
        spoken: list[str] = []
        for k, phone in enumerate(found):
            before, after = found[k - 1] if k else "", found[k + 1] if k < last else ""
            if "no r after vowels" in self.rules and phone == "r" and before in VOWELS and after not in VOWELS:
                continue
            if "hard endings" in self.rules and k == last:
                phone = HARD.get(phone, phone)
            if "S before consonants" in self.rules and phone == "s" and after in CONSONANTS:
                phone = "S"
            if "d between vowels" in self.rules and phone == "t" and before in VOWELS and after in VOWELS:
                phone = "d"
            if "l is w at the end" in self.rules and phone == "l" and before in VOWELS and after not in VOWELS:
                phone = "w"
            spoken.append(phone)
        return tuple(spoken)

    def _said(self, phone: str) -> Word:
        swaps = {"no h": ("h", ()), "v is w": ("v", ("w",)), "T is s": ("T", ("s",)), "x for k": ("x", ("k",))}
        for rule, (old, new) in swaps.items():
            if rule in self.rules and phone == old:
                return new
        if "long e and o" in self.rules and phone in ("e", "o"):
            return (phone, "I" if phone == "e" else "U")
        return DIPHTHONGS.get(phone, (phone,))


def dialect(purpose: str, index: int, strength: float = 1.0) -> Dialect:
    """Dialect `index` of those drawn for a purpose.

    Example:
        >>> dialect("training", 0).vowels.shape
        (15, 3)
    """
    rng = np.random.default_rng([substream(index, f"dialect {purpose}")])
    places = np.array(list(VOWELS.values()), dtype=np.float64)
    middle = places.mean(0)
    moved = (places - middle) * (1 + strength * rng.normal(0, 0.06, (1, 3)))  # wider or narrower as a whole
    moved += middle + strength * rng.normal(0, 1, (1, 3)) * (15, 50, 40)
    moved += strength * rng.normal(0, 1, places.shape) * (40, 110, 70)
    rules = frozenset(rule for rule in RULES if rng.random() < 0.3 * strength)
    return Dialect(moved - places, rules, float(rng.uniform(-0.45, 0.15)))


def voice(purpose: str, index: int) -> Voice:
    """Voice `index` of those drawn for a purpose: high ones with short tracts, low ones with long, and both mixed.

    Example:
        >>> pitches = [voice(purpose, 0).pitch for purpose in ("training", "training", "test")]
        >>> pitches[0] == pitches[1], pitches[0] == pitches[2]
        (True, False)
    """
    rng = np.random.default_rng([substream(index, f"voice {purpose}")])
    size = rng.uniform(0, 1)
    tract = float(np.clip(0.88 + 0.28 * size + rng.normal(0, 0.03), 0.84, 1.22))
    return Voice(
        pitch=float(np.clip(90 * 2 ** (1.35 * size + rng.normal(0, 0.2)), 70, 330)),
        tract=tract,
        upper=(float(rng.uniform(3200, 3700)), float(rng.uniform(4200, 4900))),
        widths=float(rng.uniform(0.7, 1.6)),
        tilt=float(rng.uniform(0, 0.75)),
        breath=float(rng.uniform(0.01, 0.12)),
        jitter=float(rng.uniform(0.003, 0.03)),
        shimmer=float(rng.uniform(0.02, 0.2)),
        rate=float(rng.uniform(0.75, 1.35)),
        vowels=rng.normal(0, 1, (len(VOWELS), 3)) * (20, 55, 60),
    )


def segments(
    word: Word,
    speaker: Voice,
    accent: Dialect,
    rng: np.random.Generator,
    tones: tuple[float, ...] = (),
    stress: float = 0.2,
) -> NDArray[np.float64]:
    """The table [S, 10] that `zoo.data.synthesiser.synthesise` takes.

    Args:
        word: phones, of one word or several.
        speaker, accent: who says it, and how.
        rng: lengths and pitch differ from time to time.
        tones: pitch in octaves of the vowels, in turn; none for the melody of the accent.
        stress: how much longer every other vowel is: 0 for a rhythm of equal syllables.

    Example:
        >>> segments(("t", "a"), voice("x", 0), dialect("x", 0), np.random.default_rng(0)).shape
        (4, 10)
    """
    phones = accent.said(word) or word
    rows: list[list[float]] = []
    seen, strong = 0, int(rng.integers(2))
    fall = accent.melody + rng.normal(0, 0.1)
    bend = rng.normal(0, 0.06, len(phones))
    for k, phone in enumerate(phones):
        pitch = fall * (k / max(1, len(phones) - 1) - 0.5) + bend[k]
        pace = float(rng.uniform(0.82, 1.22)) / speaker.rate
        if phone in VOWELS:
            long = 1 + stress * (1 if seen % 2 == strong else -1)
            if tones:
                pitch = tones[seen % len(tones)] + 0.3 * bend[k]
            rows.append([*_vowel(phone, speaker, accent, rng), 1, 0.5, 0, 1000, 1000, pitch, 0.115 * long * pace])
            seen += 1
            continue
        after = next((other for other in phones[k + 1 :] if other in VOWELS), None) or "@"
        beside = _vowel(after, speaker, accent, rng)
        rows += [[*row[:8], pitch, row[8] * pace] for row in _consonant(phone, beside)]
    table = np.array(rows)
    assert table.shape[1] == COLUMNS
    return table


def _vowel(name: str, speaker: Voice, accent: Dialect, rng: np.random.Generator) -> NDArray[Any]:
    row = ROWS[name]
    own = np.array(VOWELS[name]) + accent.vowels[row] + speaker.vowels[row] + rng.normal(0, 1, 3) * (15, 35, 35)
    return np.asarray(np.clip(own, (220, 600, 1500), (1000, 2700, 3500)))


def _consonant(name: str, vowel: NDArray[Any]) -> list[list[float]]:
    """Rows [formants, voice, breath, hiss, centre, width, seconds]; formants lean towards the vowel that follows."""
    sound = CONSONANTS[name]
    if name == "h":
        return [[*vowel, 0, 3.0, 0, 1000, 1000, 0.07]]
    f = 0.65 * np.array(sound.formants) + 0.35 * vowel
    f[0] = sound.formants[0]
    hiss = [sound.centre, sound.width]
    if sound.manner == "stop":
        closure = [*f, 0.15 * sound.voiced, 0, 0, *hiss, 0.05]
        if sound.voiced:
            return [closure, [*f, 0.4, 0.3, 0.5, *hiss, 0.014]]
        return [closure, [*f, 0, 0.5, 0.7, *hiss, 0.018], [*vowel, 0, 2.0, 0, *hiss, 0.03]]
    if sound.manner == "affricate":
        return [[*f, 0.15 * sound.voiced, 0, 0, *hiss, 0.045], [*f, 0.25 * sound.voiced, 0.2, 0.45, *hiss, 0.07]]
    if sound.manner == "fricative":
        loud = {"f": 0.18, "v": 0.12, "T": 0.16}.get(name, 0.4)
        return [[*f, 0.3 * sound.voiced, 0.2, loud * (0.75 if sound.voiced else 1), *hiss, 0.1]]
    return [[*f, 0.4 if sound.manner == "nasal" else 0.6, 0.1, 0, *hiss, 0.075]]


def made_up(
    rng: np.random.Generator, syllables: int, consonants: tuple[str, ...] = (), vowels: tuple[str, ...] = ()
) -> Word:
    """A word of the shape (C)V(C) ..., at random.

    Example:
        >>> len(made_up(np.random.default_rng(0), 2)) >= 2
        True
    """
    first = consonants or tuple(name for name in CONSONANTS if name != "N")
    last = consonants or tuple(name for name in CONSONANTS if name not in ("h", "w", "j"))
    middle = vowels or (*VOWELS, *DIPHTHONGS)
    word: list[str] = []
    for k in range(syllables):
        if rng.random() < 0.9:
            word.append(str(rng.choice(first)))
        word.append(str(rng.choice(middle)))
        if rng.random() < (0.45 if k == syllables - 1 else 0.15):
            word.append(str(rng.choice(last)))
    return tuple(word)


def vocabulary(
    purpose: str, count: int, syllables: tuple[int, ...] = (1, 2, 2, 3), away: frozenset[Word] = frozenset()
) -> tuple[Word, ...]:
    """`count` different words, of which none is within one phone of another's or of those of `away`.

    Example:
        >>> len(set(vocabulary("x", 20)))
        20
    """
    rng = np.random.default_rng([substream(0, f"words {purpose}")])
    near = {close for word in away for close in _neighbours(word)}
    words: list[Word] = []
    while len(words) < count:
        word = made_up(rng, int(rng.choice(syllables)))
        if len(word) < 3 or near & _neighbours(word):
            continue
        words.append(word)
        near |= _neighbours(word)
    return tuple(words)


def _neighbours(word: Word) -> set[Word]:
    """The word with any one phone left out or hidden: two words share one where they are one change apart."""
    short = {word[:k] + word[k + 1 :] for k in range(len(word))}
    hidden = {(*word[:k], "?", *word[k + 1 :]) for k in range(len(word))}
    return {word, *short, *hidden}
