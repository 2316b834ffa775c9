"""What lies between a mouth and a recording: a room, a channel of few frequencies, noise, and 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from zoo.data.synthesiser import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TAIL = 4_000  # samples that a room may ring: a quarter of a second
NOISES = ("coloured", "babble", "hum", "crackle")


def recorded(
    clips: Floats,
    rng: np.random.Generator,
    noises: tuple[str, ...] = ("coloured",),
    decibels: tuple[float, float] = (0.0, 25.0),
    *,
    far: bool = True,
) -> NDArray[np.int16]:
    """Clips [B, T] as a microphone in a room would have them, as whole numbers of 16 bits.

    Half of the clips are in a room, a third come through a channel of few frequencies; all get noise of one of the
    kinds, and a loudness of their own.

    Args:
        clips: with a mean square of 1 where they sound.
        rng: the only source of randomness.
        noises: kinds of `NOISES`, each as often: a noise whose power falls with frequency, other clips of the batch, a
            hum with its overtones, clicks.
        decibels: least and largest ratio of the speech to the noise; speech counts as 12 dB below its peak.
        far: false for a microphone close to the mouth: no room, and a channel of all frequencies.

    Example:
        >>> recorded(np.ones((2, 16000), np.float32), np.random.default_rng(0)).dtype
        dtype('int16')
    """
    count, samples = clips.shape
    size = fft.next_fast_len(samples + TAIL, real=True)
    wave = np.asarray(clips)
    if far:
        spectrum = fft.rfft(clips, size, axis=1) * _rooms(count, size, rng) * _channels(count, size, rng)
        wave = fft.irfft(spectrum, size, axis=1)[:, :samples]
    kinds = rng.integers(len(noises), size=count)
    noise = np.zeros_like(wave)
    for index, kind in enumerate(noises):
        if len(rows := np.flatnonzero(kinds == index)):
            noise[rows] = _MAKERS[kind](rows, clips, size, rng)
    noise /= np.sqrt((noise**2).mean(1, keepdims=True)) + 1e-9
    ratio = 10 ** (rng.uniform(*decibels, (count, 1)) / 20)
    wave = wave / np.sqrt((wave**2).max(1, keepdims=True) / 16 + 1e-9) + noise / ratio  # a peak is 12 dB above
    wave *= 10 ** (rng.uniform(-12, 0, (count, 1)) / 20) / np.abs(wave).max(1, keepdims=True)
    return np.asarray(np.round(wave * 32_000), dtype=np.int16)


def _rooms(count: int, size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Transfer functions of rooms: the sound itself, then noise that dies away."""
    seconds = rng.uniform(0.05, 0.5, (count, 1))
    wet = rng.uniform(0.1, 0.5, (count, 1)) * (rng.random((count, 1)) < 0.5)
    times = np.arange(TAIL, dtype=np.float32) / RATE
    tails = rng.standard_normal((count, TAIL), dtype=np.float32) * np.exp(-6.9 * times / seconds)
    tails *= wet / np.sqrt((tails**2).sum(1, keepdims=True))
    tails[:, 0] += 1
    return np.asarray(fft.rfft(tails.astype(np.float32), size, axis=1))


def _channels(count: int, size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Gains of channels: a third of them lets few frequencies through."""
    heights = fft.rfftfreq(size, 1 / RATE)
    narrow = rng.random((count, 1)) < 1 / 3
    low = np.where(narrow, rng.uniform(100, 350, (count, 1)), 30)
    high = np.where(narrow, rng.uniform(2800, 6000, (count, 1)), 8000)
    return np.asarray(1 / np.sqrt((1 + (low / (heights + 1)) ** 4) * (1 + (heights / high) ** 8)), dtype=np.float32)


def _coloured(rows: NDArray[Any], clips: Floats, size: int, rng: np.random.Generator) -> NDArray[Any]:
    slope = rng.uniform(0, 1, (len(rows), 1))
    spectrum = fft.rfft(rng.standard_normal((len(rows), size), dtype=np.float32), axis=1)
    spectrum = spectrum * (np.arange(spectrum.shape[1]) + 20.0) ** -slope
    return np.asarray(fft.irfft(spectrum, size, axis=1)[:, : clips.shape[1]])


def _babble(rows: NDArray[Any], clips: Floats, size: int, rng: np.random.Generator) -> NDArray[Any]:  # noqa: ARG001
    others = rng.integers(len(clips), size=(len(rows), 4))
    moved = rng.integers(clips.shape[1], size=(len(rows), 4))
    return np.stack(
        [
            sum(np.roll(clips[k], by) for k, by in zip(pick, shift, strict=True))
            for pick, shift in zip(others, moved, strict=True)
        ]
    )


def _hum(rows: NDArray[Any], clips: Floats, size: int, rng: np.random.Generator) -> NDArray[Any]:  # noqa: ARG001
    times = np.arange(clips.shape[1]) / RATE
    pitch = rng.uniform(45, 400, (len(rows), 1))
    wave = sum(np.sin(2 * np.pi * (k * pitch * times + rng.random((len(rows), 1)))) / k for k in range(1, 9))
    return np.asarray(wave + 0.1 * rng.standard_normal((len(rows), clips.shape[1])))


def _crackle(rows: NDArray[Any], clips: Floats, size: int, rng: np.random.Generator) -> NDArray[Any]:  # noqa: ARG001
    clicks = rng.standard_normal((len(rows), clips.shape[1])) * (rng.random((len(rows), clips.shape[1])) < 0.003)
    ringing = np.exp(-np.arange(64) / 12) * np.cos(np.arange(64) * 1.1)
    return np.stack([np.convolve(click, ringing)[: clips.shape[1]] for click in clicks])


_MAKERS = {"coloured": _coloured, "babble": _babble, "hum": _hum, "crackle": _crackle}
