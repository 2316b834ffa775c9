"""Sounds of five kinds, generated: no library that zoo depends on carries recordings, but for tests of file formats.

A clip is a quarter of a second at 16 kHz, of a random pitch, length, place and loudness, in noise that is at times
louder than itself, so that not every clip can be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE, SAMPLES = 16_000, 4_000
KINDS = ("tone", "rising", "falling", "warble", "noise")
LOUDNESS = (-12.0, 12.0)  # of the sound over the noise around it, in decibels


def clip(kind: str, rng: np.random.Generator, loudness: tuple[float, float] | None = None) -> np.ndarray:
    """One clip [SAMPLES] float32: a steady, a rising, a falling or a wavering pitch, or a burst of noise."""
    import numpy as np

    length = int(rng.integers(SAMPLES // 2, SAMPLES))
    seconds = np.arange(length) / RATE
    low = rng.uniform(300, 1500)
    high = low * rng.uniform(1.5, 2.5)
    pitch = {
        "tone": np.full(length, (low + high) / 2),
        "rising": np.linspace(low, high, length),
        "falling": np.linspace(high, low, length),
        "warble": (low + high) / 2 + (high - low) / 2 * np.sin(2 * np.pi * rng.uniform(12, 30) * seconds),
        "noise": None,
    }[kind]
    if pitch is None:
        spectrum = np.fft.rfft(rng.normal(size=length))
        heights = np.fft.rfftfreq(length, 1 / RATE)
        sound = np.fft.irfft(spectrum * ((heights > low) & (heights < high)), length)
    else:
        sound = np.sin(2 * np.pi * np.cumsum(pitch) / RATE + rng.uniform(0, 2 * np.pi))
    sound = sound * np.hanning(length) / max(1e-9, float(np.sqrt(np.mean(sound**2))))
    made = rng.normal(size=SAMPLES) / 10 ** (rng.uniform(*(loudness or LOUDNESS)) / 20)
    start = int(rng.integers(0, SAMPLES - length + 1))
    made[start : start + length] += sound
    return (made / np.abs(made).max() * rng.uniform(0.1, 0.9)).astype(np.float32)


def five_kinds(
    each: int, seed: int = 0, loudness: tuple[float, float] | None = None
) -> tuple[list[np.ndarray], list[str]]:
    """`each` clips of every kind, and their kinds; `loudness` instead of the usual."""
    import numpy as np

    rng = np.random.default_rng(seed)
    labels = [kind for kind in KINDS for _ in range(each)]
    return [clip(kind, rng, loudness) for kind in labels], labels
