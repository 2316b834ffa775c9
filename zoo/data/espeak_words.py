"""The 16 made-up keywords of `spoken_words`, said by espeak-ng: a task of SYNTHETIC speech by another synthesiser.

What was pre-trained on zoo's synthesiser never heard espeak-ng, so that a gain here crosses synthesisers. The test part
has other voices of espeak-ng, other dialects of English and other kinds of noise than the train part. Rooms and noise
are those of `spoken_words` (`zoo.data.synthesiser_rooms`).

Words are given in phonemes. English has no front rounded vowels and no pure e and o: `y`, `oe`, `e` and `o` are said as
in food, bird, day and go. Each dialect has vowels and rules of its own: one says no h, one makes T a t.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.batches import substream
from zoo.data.espeak import SYNTHETIC, Utterance, speak
from zoo.data.spoken import EACH, NOISES, labelled
from zoo.data.synthesiser import RATE
from zoo.data.synthesiser_phones import DIPHTHONGS, VOWELS
from zoo.data.synthesiser_rooms import recorded
from zoo.data.synthesiser_words import keywords

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.data.labelled import LabelledData
    from zoo.data.synthesiser_phones import Word

VERSION = 1  # raise it when words, voices or rules change: it is part of the digest
ACCENTS = {
    "train": ("en", "en-us", "en-us-nyc"),
    "test": ("en-029", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp"),
}
VARIANTS = {  # no whispers, no robots; voices made from one another (Henrique and miguel) are in one part
    "train": (
        "Alex", "Andrea", "Gene", "Henrique", "Jacky", "Lee", "Mario", "Storm", "adam", "anika", "antonio", "croak",
        "f1", "gustave", "iven2", "kaukovalta", "klatt2", "m1", "m4", "miguel", "norbert", "shelby", "steph", "zac",
    ),
    "test": (
        "Annie", "Denis", "Mike", "Tweaky", "aunty", "belinda", "boris", "edward", "f4", "grandma", "john", "klatt4",
        "linda", "m2", "m5", "m6", "m7", "max", "pablo", "paul", "pedro", "quincy", "rob", "travis",
    ),
}  # fmt: skip
SAID = {  # zoo's phones in phonemes of espeak-ng's English; all others bear the same name
    "i": "i:", "e": "eI", "ae": "a", "a": "aa", "A": "A:", "O": "O:", "o": "oU", "u": "u:", "y": "u:", "oe": "3:",
    "ai": "aI", "au": "aU", "ei": "eI", "ou": "oU", "oi": "OI",
}  # fmt: skip
LONGEST = 0.94  # of a second; of 1,408 words, two are longer by a trifle


def phonemes(word: Word) -> str:
    """A word as espeak-ng takes it, with the stress on its first vowel.

    Example:
        >>> phonemes(("f", "a", "z", "oi"))
        "[[f|'aa|z|OI]]"
    """
    first = next(k for k, phone in enumerate(word) if phone in VOWELS or phone in DIPHTHONGS)
    said = [SAID.get(phone, phone) for phone in word]
    said[first] = f"'{said[first]}"
    return f"[[{'|'.join(said)}]]"


@cache
def espeak_words(each: int | None = None) -> LabelledData:
    """Which of 16 made-up words espeak-ng says; groups are its voices.

    Args:
        each: clips of a word in each part; None takes 48 to learn from and 40 to test on.

    Raises:
        MissingDependency: espeakng-loader is not installed.
        DataError: as `zoo.data.espeak.speak` says.

    Example:
        >>> data = espeak_words(each=1)                                                 # doctest: +SKIP
        >>> len(data), data.kind, sorted(set(data.parts.tolist()))                      # doctest: +SKIP
        (32, 'audio_classification', ['test', 'train'])
    """
    planned = {part: _planned(part, each or EACH[part]) for part in EACH}
    spoken = speak([one for part in planned.values() for one in part])
    waves = iter(spoken.waves)
    numbers: dict[str, NDArray[np.int16]] = {}
    for part, utterances in planned.items():
        rng = _rng("sound", part)
        clips = np.stack([_placed(next(waves), spoken.rate, rng) for _ in utterances])
        order = rng.permutation(len(clips))  # so that babble is of all words
        some = [recorded(clips[order[k : k + 64]], rng, NOISES[part]) for k in range(0, len(clips), 64)]
        numbers[part] = np.concatenate(some)[np.argsort(order)]
    targets = [k for part in planned for k in range(len(keywords())) for _ in range(each or EACH[part])]
    groups = [f"{part} {one.variant}" for part, utterances in planned.items() for one in utterances]
    classes = tuple("-".join(word) for word in keywords())
    return labelled(f"espeak_words {VERSION}", classes, numbers, targets, groups, SYNTHETIC.format(spoken.version))


def _planned(part: str, each: int) -> list[Utterance]:
    """Who says what: word after word, each time another voice with a pitch and pace of its own, in any accent."""
    rng = _rng("words", part)
    pitches, paces = rng.integers(30, 71, len(VARIANTS[part])), rng.integers(125, 186, len(VARIANTS[part]))
    found: list[Utterance] = []
    for word in keywords():
        for _ in range(each):
            who, accent = int(rng.integers(len(VARIANTS[part]))), int(rng.integers(len(ACCENTS[part])))
            pace, pitch = int(paces[who] * rng.uniform(0.94, 1.06)), int(pitches[who] + rng.integers(-4, 5))
            found.append(Utterance(phonemes(word), ACCENTS[part][accent], VARIANTS[part][who], pace, pitch))
    return found


def _placed(wave: NDArray[np.int16], rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A clip [16000] with the word anywhere in it, cut after 94 %, and a mean square of 1 where it sounds."""
    from scipy.signal import resample_poly

    loud = np.flatnonzero(np.abs(wave.astype(np.int32)) > 0.01 * np.abs(wave.astype(np.int32)).max())
    common = int(np.gcd(rate, RATE))
    sound: NDArray[Any] = resample_poly(
        wave[loud[0] : loud[-1] + 1].astype(np.float64), RATE // common, rate // common
    )[: int(LONGEST * RATE)]
    clip = np.zeros(RATE, dtype=np.float32)
    start = int(rng.uniform(0.1, 0.9) * (RATE - len(sound)))
    clip[start : start + len(sound)] = sound / np.sqrt((sound**2).mean())
    return clip


def _rng(purpose: str, part: str) -> np.random.Generator:
    return np.random.default_rng([substream(0, f"espeak {purpose} {part}")])
