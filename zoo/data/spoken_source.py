"""Synthetic speech without end to pre-train on: made-up words by many voices in many accents, anew in every batch.

Two questions are asked: which word it is, whoever says it; and which voice, whatever it says. For the second, voices
have more spread, a clip holds two words, and the microphone is close (`zoo.data.synthesiser_voices`).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.contracts import Batch, Padded
from zoo.data.augment import augmented
from zoo.data.mel import log_mel
from zoo.data.synthesiser import SYNTHETIC, VERSION, synthesise
from zoo.data.synthesiser_phones import Dialect, dialect, segments, voice
from zoo.data.synthesiser_rooms import recorded
from zoo.data.synthesiser_voices import DECIBELS, distinct_voice, recorded_close
from zoo.data.synthesiser_words import pretraining_words
from zoo.specs import digest_of

if TYPE_CHECKING:
    from torch import Generator

VOICES, ACCENTS = 240, 24
NOISES = ("coloured", "babble")


class SpokenSource:
    """One-second clips of 240 made-up words as log-mel frames; a word is never one of a task, nor is a voice.

    Args:
        answer: what a clip is labelled with, `word` or `voice`.
        words, voices: how many of them. The answer `voice` takes other voices than `word` does, two words a clip.

    Example:
        >>> source = SpokenSource("word", words=20)
        >>> source.batch(2, torch.Generator().manual_seed(0)).inputs.values.shape
        torch.Size([2, 100, 40])
    """

    clean = True  # its batches are what the backbone takes
    modality = "speech"
    notes = (SYNTHETIC,)

    def __init__(self, answer: str, words: int = 240, voices: int = VOICES) -> None:
        self.name = f"pseudo_{answer}s"
        self.answer = answer
        self.words = pretraining_words(words)
        self.voices = [(voice if answer == "word" else distinct_voice)("pretraining", k) for k in range(voices)]
        self.accents: list[Dialect] = [dialect("pretraining", k) for k in range(ACCENTS)]
        self.classes = {"word": len(self.words), "voice": voices}[answer]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what defines the clips: the version of the synthesiser, the words, voices and accents."""
        drawn = [float(np.float32(one.pitch)) for one in self.voices]
        close = [] if self.answer == "word" else [[one.tract, one.tilt] for one in self.voices] + [DECIBELS]
        accents = [sorted(one.rules) for one in self.accents]
        return digest_of([VERSION, self.answer, self.words, drawn, accents, NOISES, *close])

    def batch(self, size: int, generator: Generator) -> Batch:
        """Frames [size, 100, 40], none of them padded, and the classes of the words or voices."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        said, by, accents = (rng.integers(len(of), size=size) for of in (self.words, self.voices, self.accents))
        spoken = [self.voices[k] for k in by]
        words = [self.words[k] for k in said]
        if self.answer == "voice":
            words = [
                word + self.words[k] for word, k in zip(words, rng.integers(len(self.words), size=size), strict=True)
            ]
        tables = [
            segments(word, one, self.accents[a], rng, stress=float(rng.uniform(0, 0.3)))
            for word, one, a in zip(words, spoken, accents, strict=True)
        ]
        clips = synthesise(tables, spoken, rng)
        numbers = recorded(clips, rng, NOISES) if self.answer == "word" else recorded_close(clips, rng)
        frames = log_mel(numbers.astype(np.float32) / 32768)
        targets = torch.from_numpy(said if self.answer == "word" else by)
        return Batch(Padded(frames, torch.ones(frames.shape[:2], dtype=torch.bool)), targets)

    def corrupt(self, inputs: Any, generator: Generator) -> Any:
        """Bands of time and of frequency covered: room, channel and noise are in the clips already."""
        return augmented("spec_masks", inputs, generator)


class PseudoWords(SpokenSource):
    """Which word a clip is, whoever says it."""

    def __init__(self) -> None:
        super().__init__("word")


class PseudoVoices(SpokenSource):
    """Whose voice a clip is, of 64, whatever it says."""

    def __init__(self) -> None:
        super().__init__("voice", voices=64)
