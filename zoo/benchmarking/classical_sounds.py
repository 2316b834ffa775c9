"""The classical baseline of sound: mean and spread of mel-frequency cepstral coefficients (MFCCs) and their changes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import as_waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 16_000  # Hz
WINDOW, SHIFT, BINS = 400, 160, 512  # a frame of 25 ms each 10 ms, in a Fourier transform of 512
MELS, KEPT = 40, 20  # bands, and coefficients that are kept of them
SEGMENTS = 3  # the beginning, the middle and the end of a clip, each described on its own
RANGE = 80.0  # dB below a clip's loudest band, where quieter ones are cut off


def sound_features(samples: Sequence[Any], indices: np.ndarray) -> np.ndarray:
    """[n, 240]: mean and standard deviation of 20 MFCCs and of their deltas, in three equal segments of each clip.

    Example:
        >>> sound_features([(np.zeros(8000, dtype=np.float32), 16_000)], np.array([0])).shape
        (1, 240)
    """
    return np.stack([_statistics(mfcc(as_waveform(samples[index], RATE))) for index in indices.tolist()])


def mfcc(wave: np.ndarray) -> np.ndarray:
    """MFCCs [frames, 20] of a waveform [T] at 16 kHz, frames centred; clips below 32 ms are filled up with silence.

    Source:
        Davis and Mermelstein 1980 (https://doi.org/10.1109/TASSP.1980.1163420), with the settings of
        `torchaudio.transforms.MFCC`: periodic Hann window, power, HTK mel scale, decibels, orthonormal DCT-II.

    Example:
        >>> mfcc(np.zeros(1600)).shape
        (11, 20)
    """
    wave = np.pad(wave.astype(np.float64), (0, max(0, BINS - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, BINS // 2, mode="reflect"), BINS)[::SHIFT]
    window = np.zeros(BINS)
    start = (BINS - WINDOW) // 2
    window[start : start + WINDOW] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    loudness = 10 * np.log10(np.maximum(power @ _bands(), 1e-10))
    return np.asarray(np.maximum(loudness, loudness.max() - RANGE) @ _cosines())


def deltas(frames: np.ndarray) -> np.ndarray:
    """The slope of each coefficient [frames, K] over five frames; the first and last frame stand for those beyond.

    Example:
        >>> deltas(np.arange(7.0)[:, None])[2:5, 0].tolist()
        [1.0, 1.0, 1.0]
    """
    held = np.pad(frames, ((2, 2), (0, 0)), mode="edge")
    count = len(frames)
    return np.asarray(sum(n * (held[2 + n :][:count] - held[2 - n :][:count]) for n in (1, 2)) / 10)


def _statistics(frames: np.ndarray) -> np.ndarray:
    both = np.concatenate([frames, deltas(frames)], axis=1)
    parts = np.array_split(both, SEGMENTS)
    return np.concatenate([value for part in parts for value in (part.mean(0), part.std(0))])


@cache
def _bands() -> np.ndarray:
    """Triangles [bins, mels] of equal height, evenly spaced on the mel scale from 0 Hz to half the rate."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    at = np.linspace(0, RATE / 2, BINS // 2 + 1)[:, None]
    rising = (at - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - at) / np.diff(edges)[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


@cache
def _cosines() -> np.ndarray:
    """Orthonormal DCT-II [mels, kept]."""
    made = np.cos(np.pi / MELS * (np.arange(MELS)[:, None] + 0.5) * np.arange(KEPT)) * np.sqrt(2 / MELS)
    made[:, 0] /= np.sqrt(2)
    return np.asarray(made)
