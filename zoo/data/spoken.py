"""Three tasks of SYNTHETIC speech, made by zoo's own formant synthesiser at first use, the same each time.

| task               | what is told                     | the test part has other                  | groups   |
|--------------------|----------------------------------|------------------------------------------|----------|
| `spoken_words`     | which of 16 made-up words        | voices, accents and kinds of noise       | speakers |
| `spoken_languages` | which of 8 made-up languages     | voices and words                         | speakers |
| `speakers`         | which of 16 voices               | words                                    | words    |

A clip is one second at 16 kHz of 16-bit numbers. The digest is over these: another machine's mathematical library may
round a number otherwise, and then the digests differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.batches import substream
from zoo.data.labelled import LabelledData
from zoo.data.synthesiser import RATE, SYNTHETIC, VERSION, synthesise
from zoo.data.synthesiser_languages import LANGUAGES, language
from zoo.data.synthesiser_phones import VOWELS, Dialect, Word, dialect, segments, voice
from zoo.data.synthesiser_rooms import recorded
from zoo.data.synthesiser_voices import distinct_voice, recorded_close
from zoo.data.synthesiser_words import keywords, said_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.data.synthesiser import Voice

SPEAKERS = 16
VOICES = {"train": 24, "test": 24}  # of the tasks on words and languages
EACH = {"train": 48, "test": 40}  # clips of a class
NOISES = {"train": ("coloured",), "test": ("hum", "crackle", "babble")}


@dataclass(frozen=True)
class Clip:
    """What one clip is: its class, who says what in which accent, and what it is grouped by."""

    target: int
    word: Word
    speaker: Voice
    accent: Dialect
    group: str
    tones: tuple[float, ...] = ()
    stress: float = 0.2


class Clips(Sequence[Any]):
    """Clips [N, T] of 16 bits as (waveform, Hz).

    Example:
        >>> wave, rate = Clips(np.zeros((1, 16_000), np.int16))[0]
        >>> wave.dtype, rate
        (dtype('float32'), 16000)
    """

    def __init__(self, numbers: NDArray[np.int16]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        return self.numbers[index].astype(np.float32) / 32768, RATE


@cache
def spoken_words(each: int | None = None) -> LabelledData:
    """Which of 16 made-up words is said.

    Args:
        each: clips of a word in each part; None takes 48 to learn from and 40 to test on.

    Example:
        >>> data = spoken_words(each=1)
        >>> len(data), data.kind, sorted(set(data.parts.tolist()))
        (32, 'audio_classification', ['test', 'train'])
    """
    planned: dict[str, list[Clip]] = {}
    for part, accents in (("train", 3), ("test", 5)):
        rng = _rng("words", part)
        known = [dialect(f"words {part}", k) for k in range(accents)]
        planned[part] = []
        for target, word in enumerate(keywords()):
            for _ in range(each or EACH[part]):
                who = int(rng.integers(VOICES[part]))
                accent = known[int(rng.integers(accents))]
                planned[part].append(Clip(target, word, voice(f"words {part}", who), accent, f"{part} {who}"))
    return _data("spoken_words", tuple("-".join(word) for word in keywords()), planned, NOISES)


@cache
def spoken_languages(each: int | None = None) -> LabelledData:
    """Which of 8 made-up languages is spoken: sounds, syllables, rhythm and melody tell; `each` as of `spoken_words`.

    Example:
        >>> len(spoken_languages(each=1).classes)
        8
    """
    planned: dict[str, list[Clip]] = {}
    for part in EACH:
        rng = _rng("languages", part)
        planned[part] = []
        for target in range(LANGUAGES):
            spoken = language(target)
            for _ in range(each or 2 * EACH[part]):
                who = int(rng.integers(VOICES[part]))
                phrase = spoken.phrase(rng, part)
                speaker = voice(f"languages {part}", who)
                planned[part].append(
                    Clip(target, phrase, speaker, _plain(), f"{part} {who}", spoken.melody(rng), spoken.stress)
                )
    return _data("spoken_languages", tuple(f"language {k}" for k in range(LANGUAGES)), planned, NOISES)


@cache
def speakers(each: int | None = None) -> LabelledData:
    """Which of 16 voices speaks, two words close to the microphone; `each` as of `spoken_words`.

    Example:
        >>> data = speakers(each=1)
        >>> bool(set(data.groups[data.parts == "train"]) & set(data.groups[data.parts == "test"]))
        False
    """
    planned: dict[str, list[Clip]] = {}
    for part in EACH:
        rng = _rng("speakers", part)
        words = said_words(part)
        pairs = list(zip(words[::2], words[1::2], strict=True))  # always the same two, so that no word is in two groups
        planned[part] = []
        for target in range(SPEAKERS):
            speaker, accent = distinct_voice("speakers", target), dialect("speakers", target % 4)
            for _ in range(each or EACH[part]):
                first, second = pairs[int(rng.integers(len(pairs)))]
                planned[part].append(Clip(target, first + second, speaker, accent, "-".join(first)))
    return _data("speakers", tuple(f"speaker {k}" for k in range(SPEAKERS)), planned, None)


def _data(
    name: str, classes: tuple[str, ...], planned: dict[str, list[Clip]], noises: dict[str, tuple[str, ...]] | None
) -> LabelledData:
    """The task; without kinds of noise for each part, the clips are recorded close to the mouth."""
    numbers = {
        part: _made(name, part, clips, None if noises is None else noises[part]) for part, clips in planned.items()
    }
    everything = [clip for clips in planned.values() for clip in clips]
    targets, groups = [clip.target for clip in everything], [clip.group for clip in everything]
    return labelled(f"{name} {VERSION}", classes, numbers, targets, groups, SYNTHETIC)


def labelled(
    made_by: str,
    classes: tuple[str, ...],
    numbers: dict[str, NDArray[np.int16]],
    targets: Sequence[int],
    groups: Sequence[str],
    synthetic: str,
) -> LabelledData:
    """Clips as a task.

    Args:
        made_by: the task's name and, after a space, the version of what made its clips: part of the digest.
        classes: names in the order of the targets.
        numbers: of each part, clips [n, T].
        targets, groups: of all clips, part after part.
        synthetic: the sentence that says so.

    Example:
        >>> data = labelled("hum 1", ("a", "b"), {"test": np.zeros((2, 16_000), np.int16)}, [0, 1], ["x", "y"], "made")
        >>> data.name, data.parts.tolist(), data.notes[0][:9]
        ('hum', ['test', 'test'], 'hum: made')
    """
    name, clips, answers = made_by.split()[0], np.concatenate(list(numbers.values())), np.array(targets, dtype=np.int64)
    digest = hashlib.sha256(made_by.encode() + clips.astype("<i2").tobytes() + answers.tobytes()).hexdigest()
    return LabelledData(
        name=name,
        samples=Clips(clips),
        targets=answers,
        classes=classes,
        digest=digest,
        notes=(f"{name}: {synthetic} (digest {digest[:12]})",),
        inputs="audio",
        groups=np.array(groups),
        parts=np.array([part for part, some in numbers.items() for _ in some]),
        origins=[f"{part} clip {k} of {name}" for part, some in numbers.items() for k in range(len(some))],
    )


def _made(name: str, part: str, clips: list[Clip], noises: tuple[str, ...] | None) -> NDArray[np.int16]:
    """The clips, 64 at a time: babble is made of the others of the 64."""
    rng, made = _rng(f"sound of {name}", part), []
    order = rng.permutation(len(clips))  # so that babble is of all classes
    for start in range(0, len(clips), 64):
        some = [clips[k] for k in order[start : start + 64]]
        tables = [segments(one.word, one.speaker, one.accent, rng, one.tones, one.stress) for one in some]
        sound = synthesise(tables, [one.speaker for one in some], rng)
        made.append(recorded_close(sound, rng) if noises is None else recorded(sound, rng, noises))
    return np.concatenate(made)[np.argsort(order)]


@cache
def _plain() -> Dialect:
    return Dialect(np.zeros((len(VOWELS), 3)))


def _rng(purpose: str, part: str) -> np.random.Generator:
    return np.random.default_rng([substream(0, f"{purpose} {part}")])
