"""Made-up languages of the synthesiser: each has its sounds, its syllables, its rhythm and its melody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from zoo.data.batches import substream
from zoo.data.synthesiser_phones import CONSONANTS, VOWELS, Word, made_up

LANGUAGES = 8
_PER_PART = 60  # words of each part of the data


@dataclass(frozen=True)
class Language:
    """Sounds that it has, the pitch of its syllables in octaves, and how much longer stressed ones are.

    `vowels` and `consonants` may hold one name several times: it is then said that much more often.
    """

    name: int
    vowels: tuple[str, ...]
    consonants: tuple[str, ...]
    pitches: tuple[float, ...]
    stress: float

    @cache  # noqa: B019  (eight languages, kept for good)
    def words(self, part: str) -> tuple[Word, ...]:
        """What is said in one part of the data; nothing of it is said in the other."""
        rng = np.random.default_rng([substream(self.name, "words of languages")])
        found: list[Word] = []
        while len(found) < 2 * _PER_PART:
            word = made_up(rng, int(rng.integers(1, 3)), self.consonants, self.vowels)
            if len(word) > 1 and word not in found:
                found.append(word)
        return tuple(found[:_PER_PART] if part == "train" else found[_PER_PART:])

    def phrase(self, rng: np.random.Generator, part: str) -> Word:
        """Two words of that part, one after the other."""
        words = self.words(part)
        return tuple(phone for k in rng.integers(len(words), size=2) for phone in words[int(k)])

    def melody(self, rng: np.random.Generator) -> tuple[float, ...]:
        """The pitch of the syllables, begun anywhere."""
        start = int(rng.integers(len(self.pitches)))
        return self.pitches[start:] + self.pitches[:start]


def language(index: int) -> Language:
    """Language `index`.

    Example:
        >>> language(0) == language(0), language(0) == language(1)
        (True, False)
    """
    rng = np.random.default_rng([substream(index, "language")])
    vowels = rng.choice(list(VOWELS), int(rng.integers(4, 10)), replace=False)
    consonants = rng.choice(list(CONSONANTS), int(rng.integers(9, 17)), replace=False)
    return Language(
        name=index,
        vowels=tuple(str(name) for name in vowels for _ in range(int(rng.integers(1, 4)))),
        consonants=tuple(str(name) for name in consonants for _ in range(int(rng.integers(1, 4)))),
        pitches=tuple(float(pitch) for pitch in rng.normal(0, rng.uniform(0.03, 0.2), int(rng.integers(2, 4)))),
        stress=float(rng.uniform(0, 0.45)),
    )
