"""A small source-filter synthesiser of speech-like sound: what it makes is SYNTHETIC, and is said to be wherever used.

Pulses of the glottis and noise of the breath go through five formant resonators, hiss goes through a band; all are
filtered frame by frame in the frequency domain and added up, for a whole batch at once. Phones, words and dialects are
`zoo.data.synthesiser_phones`; rooms and noise `zoo.data.synthesiser_rooms`.

Source: the idea of a cascade of formant resonators with separate sources of Klatt, "Software for a cascade/parallel
formant synthesizer" (JASA 1980, https://doi.org/10.1121/1.383940); formulas and code are zoo's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

VERSION = 1  # raise it when a formula, a phone or a rule changes: it is part of every digest
SYNTHETIC = "synthetic speech: every clip was made by zoo's own formant synthesiser, and no human voice is among them"
RATE = 16_000  # Hz
HOP, SIZE = 128, 512  # samples between frames, and of their transforms: a frame of 256, and room for resonances to ring
BLOCK = 16  # clips at once: more do not fit into a processor's cache, and are slower
FORMANTS, VOICED, BREATH, HISS, CENTRE, WIDTH, PITCH, SECONDS = slice(0, 3), 3, 4, 5, 6, 7, 8, 9
COLUMNS = 10
"""Of a segment, one row: three formants in Hz, loudness of voice, breath and hiss, centre and width of the hiss in Hz,
pitch in octaves above the voice's own, and its length in seconds."""


@dataclass(frozen=True, eq=False)
class Voice:
    """One speaker.

    Attributes:
        pitch: in Hz.
        tract: what formants are multiplied by: 1 for a vocal tract of about 17 cm, more for a shorter one.
        upper: the fourth and fifth formant in Hz, before `tract`.
        widths: what bandwidths are multiplied by.
        tilt: from 0 for a bright voice to below 1 for a dull one.
        breath: noise of the breath beside the pulses.
        jitter, shimmer: how irregular pitch and loudness of the pulses are.
        rate: what lengths are divided by.
        vowels: own offsets of each vowel's formants, [V, 3] in Hz.
    """

    pitch: float
    tract: float
    upper: tuple[float, float]
    widths: float
    tilt: float
    breath: float
    jitter: float
    shimmer: float
    rate: float
    vowels: NDArray[np.float64]


def synthesise(
    utterances: Sequence[NDArray[Any]], voices: Sequence[Voice], rng: np.random.Generator, samples: int = RATE
) -> Floats:
    """Clips [B, samples] of the utterances at 16 kHz, each at a random place, with a mean square of 1 where it sounds.

    Args:
        utterances: B tables of segments [S, 10], S of any number; one that is longer than 94 % of the clip is spoken
            faster, so that it fits.
        voices: B of them.
        rng: the only source of randomness.
        samples: length of a clip, a multiple of 128.

    Raises:
        DataError: no utterances, or not as many voices.

    Example:
        >>> vowel = np.array([[700, 1200, 2500, 1, 0, 0, 1000, 1000, 0, 0.3]])
        >>> voice = Voice(120, 1, (3400, 4500), 1, 0.5, 0.05, 0.01, 0.05, 1, np.zeros((1, 3)))
        >>> synthesise([vowel], [voice], np.random.default_rng(0)).shape
        (1, 16000)
    """
    if not len(utterances) or len(utterances) != len(voices) or samples % HOP:
        raise DataError(
            f"{len(utterances)} utterances and {len(voices)} voices were given for clips of {samples} samples. Fix: "
            f"one voice an utterance, one at least, and clips of a multiple of {HOP} samples."
        )
    if len(voices) > BLOCK:
        starts = range(0, len(voices), BLOCK)
        parts = [synthesise(utterances[k : k + BLOCK], voices[k : k + BLOCK], rng, samples) for k in starts]
        return np.concatenate(parts)
    tracks = _tracks(utterances, rng, samples)
    voiced = _pulses(tracks, voices, rng) + _noise(tracks[..., BREATH], voices, rng)
    spectrum = _frames(voiced) * _tract(tracks, voices)
    power = (np.abs(spectrum) ** 2).mean(2)
    loud = tracks[:, :, VOICED] > 0.5
    level = np.sqrt((power * loud).sum(1) / np.maximum(loud.sum(1), 1)) + 1e-6
    spectrum /= np.where(loud.any(1), level, np.sqrt(power.mean(1)) + 1e-6).astype(np.float32)[:, None, None]
    hiss = _frames(_noise(tracks[..., HISS], None, rng)) * _band(tracks, voices)
    spectrum += hiss * np.float32(1 / np.sqrt(HOP * 0.75))  # of unit power before, as the voiced part is by now
    clips = _added(fft.irfft(spectrum, SIZE, axis=2), samples)
    sounding = np.repeat(tracks[:, :, [VOICED, BREATH, HISS]].max(2) > 0.05, HOP, axis=1)[:, :samples]
    mean = (clips**2 * sounding).sum(1) / np.maximum(sounding.sum(1), 1)
    found: Floats = (clips / np.sqrt(mean + 1e-9)[:, None]).astype(np.float32)
    return found


def _tracks(utterances: Sequence[NDArray[Any]], rng: np.random.Generator, samples: int) -> Floats:
    """What the segments say at every frame, [B, frames, 10], with transitions: slow of formants, quick of loudness."""
    frames, longest = samples // HOP + 1, max(map(len, utterances))
    table = np.zeros((len(utterances), longest + 2, COLUMNS))
    for row, segments in zip(table, utterances, strict=True):
        row[1 : len(segments) + 1] = segments
        row[0, [0, 1, 2, 6, 7, 8]] = segments[0, [0, 1, 2, 6, 7, 8]]  # silence keeps the formants that are next to it
        row[len(segments) + 1 :, [0, 1, 2, 6, 7, 8]] = segments[-1, [0, 1, 2, 6, 7, 8]]
    limit = 0.94 * samples / RATE
    lengths = table[:, :, SECONDS]
    total = lengths.sum(1)
    lengths *= np.minimum(1, limit / np.maximum(total, 1e-9))[:, None]
    lengths[:, 0] = rng.uniform(0.1, 0.9, len(table)) * (samples / RATE - lengths.sum(1))
    ends = np.cumsum(lengths, 1)
    times = (np.arange(frames) * HOP / RATE)[None, :, None]
    which = np.minimum((times >= ends[:, None, :]).sum(2), longest + 1)
    tracks = np.take_along_axis(table, which[:, :, None], 1)
    tracks[:, :, FORMANTS] = _smooth(tracks[:, :, FORMANTS], 7)
    tracks[:, :, PITCH] = _smooth(tracks[:, :, [PITCH]], 11)[:, :, 0]
    tracks[:, :, [VOICED, BREATH]] = _smooth(tracks[:, :, [VOICED, BREATH]], 3)
    found: Floats = tracks.astype(np.float32)
    return found


def _smooth(values: NDArray[Any], width: int) -> NDArray[Any]:
    """Values [B, T, C] averaged over `width` frames with a raised cosine."""
    kernel = np.hanning(width + 2)[1:-1]
    half = width // 2
    padded = np.pad(values, ((0, 0), (half, half), (0, 0)), mode="edge")
    parts = [weight * padded[:, k : k + values.shape[1]] for k, weight in enumerate(kernel / kernel.sum())]
    return np.asarray(np.sum(parts, axis=0))


def _fine(track: Floats) -> Floats:
    """A track [B, frames] at every sample, [B, (frames - 1) * HOP], linear between frames."""
    steps = np.arange(HOP, dtype=np.float32) / HOP
    made = track[:, :-1, None] * (1 - steps) + track[:, 1:, None] * steps
    return np.asarray(made, dtype=np.float32).reshape(len(track), -1)


def _pulses(tracks: Floats, voices: Sequence[Voice], rng: np.random.Generator) -> Floats:
    """The glottis: one pulse a period, of irregular distance and height."""
    count, frames = tracks.shape[:2]
    wobble = _smooth(rng.standard_normal((count, frames, 1)), 5)[:, :, 0] * _each(voices, "jitter")
    octaves = tracks[:, :, PITCH] + wobble
    phase = np.cumsum(_fine((_each(voices, "pitch") * 2**octaves / RATE).astype(np.float32)), 1, dtype=np.float64)
    phase += rng.uniform(0, 1, (count, 1))
    pulses = np.diff(np.floor(phase), axis=1, prepend=0)
    pulses[:, 0] = 0
    heights = 1 + _each(voices, "shimmer") * rng.standard_normal(pulses.shape, dtype=np.float32)
    found: Floats = (pulses * heights * _fine(tracks[:, :, VOICED])).astype(np.float32)
    return found


def _noise(loudness: Floats, voices: Sequence[Voice] | None, rng: np.random.Generator) -> Floats:
    """White noise as loud as the track says; of the breath at each voice's own strength."""
    noise = rng.standard_normal((len(loudness), (loudness.shape[1] - 1) * HOP), dtype=np.float32)
    strength = 1.0 if voices is None else _each(voices, "breath")
    found: Floats = (noise * _fine(loudness) * strength).astype(np.float32)
    return found


def _frames(wave: Floats) -> NDArray[np.complex64]:
    """Spectra [B, frames, 257] of overlapping frames of 256 samples, which add up to the wave."""
    count, samples = wave.shape
    chunks = np.pad(wave, ((0, 0), (HOP, HOP))).reshape(count, samples // HOP + 2, HOP)
    window = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)
    spectra: NDArray[np.complex64] = fft.rfft(np.concatenate([chunks[:, :-1], chunks[:, 1:]], 2) * window, SIZE, axis=2)
    return spectra


def _added(frames: Floats, samples: int) -> Floats:
    """Frames [B, frames, 512] added up where they lie, [B, samples]."""
    count, many, _ = frames.shape
    parts = frames.reshape(count, many, SIZE // HOP, HOP)
    total = np.zeros((count, many + SIZE // HOP, HOP), dtype=np.float32)
    for k in range(SIZE // HOP):
        total[:, k : k + many] += parts[:, :, k]
    found: Floats = total.reshape(count, -1)[:, HOP : HOP + samples]
    return found


def _tract(tracks: Floats, voices: Sequence[Voice]) -> NDArray[np.complex64]:
    """The transfer function [B, frames, 257] of five formants, with the slope of the glottis and of the lips."""
    delay = np.exp(-2j * np.pi * np.arange(SIZE // 2 + 1) / SIZE).astype(np.complex64)
    tract, widths = _each(voices, "tract"), _each(voices, "widths")
    centres = [tracks[:, :, k] * tract for k in range(3)]
    upper = np.array([voice.upper for voice in voices], dtype=np.float32)
    centres += [upper[:, [k]] * tract for k in range(2)]
    tilt = _each(voices, "tilt")[:, :, None]
    glottis = (1 - 0.98 * delay) * (1 - 0.9 * delay) * (1 - tilt * delay)
    denominator = glottis.astype(np.complex64)  # poles near 50 and 270 Hz, and one of the voice's own
    for centre, width in zip(centres, (60, 90, 130, 200, 250), strict=True):
        radius = np.exp(-np.pi * width * widths / RATE)
        turn = 2 * np.pi * np.clip(centre, 150, 7600) / RATE
        first, second = 2 * radius * np.cos(turn), (radius**2)[:, :, None].astype(np.float32)
        first = first[:, :, None].astype(np.float32)
        denominator = denominator * ((1 - first * delay + second * delay**2) / (1 - first + second))
    found: NDArray[np.complex64] = ((1 - 0.97 * delay) / denominator).astype(np.complex64)
    return found


def _band(tracks: Floats, voices: Sequence[Voice]) -> Floats:
    """Gain [B, frames, 257] of the band of hiss, of unit power over all frequencies."""
    heights = np.arange(SIZE // 2 + 1, dtype=np.float32) * np.float32(RATE / SIZE)
    centre = np.minimum(tracks[:, :, CENTRE] * np.sqrt(_each(voices, "tract")), 7500)[:, :, None].astype(np.float32)
    away = (heights - centre) / (tracks[:, :, [WIDTH]] / 2 + 100)
    power = 1 / (1 + np.square(np.square(away)))
    found: Floats = np.sqrt(power / power.mean(2, keepdims=True)).astype(np.float32)
    return found


def _each(voices: Sequence[Voice], name: str) -> Floats:
    """One attribute of all voices, [B, 1]."""
    return np.array([getattr(voice, name) for voice in voices], dtype=np.float32)[:, None]
