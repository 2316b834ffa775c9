"""Eight kinds of pattern that no pre-training texture shows: the classes of the data set `textures_task`.

Each kind is a function `(amount, angle, random) -> [32, 32]` in float64 and any range: `amount` from 0 to 1 says how
coarse (or how dense) the pattern is, `angle` in radians how it lies (`_angle` where it lies no way), and `random` draws
all else. They share no formula with `zoo.data.textures`, whose families are clouds, gratings, cells, dead leaves,
iterated functions, marble, plaids and power-law noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.float64]

SIZE = 32

Kind = Callable[[float, float, np.random.Generator], "Image"]


def bricks(amount: float, angle: float, random: np.random.Generator) -> Image:
    """Rows of bricks of many greys, 4 to 10 pixels high and twice as long, each row moved by half a brick."""
    u, v = turned(angle, random)
    high = 4 + 6 * amount
    row = np.floor(v / high).astype(int)
    along = u / (2 * high) + 0.5 * (row % 2)
    column = np.floor(along).astype(int)
    greys = random.uniform(0.55, 1.0, (64, 64))
    mortar = (np.abs(v / high - row - 0.5) > 0.5 - 0.6 / high) | (np.abs(along - column - 0.5) > 0.5 - 0.3 / high)
    return np.where(mortar, 0.0, greys[row % 64, column % 64])


def weave(amount: float, angle: float, random: np.random.Generator) -> Image:
    """Threads 3 to 8 pixels wide that pass over and under one another, round as threads are."""
    u, v = turned(angle, random)
    wide = 3 + 5 * amount
    over = (np.floor(u / wide) + np.floor(v / wide)) % 2 == 0
    round_u, round_v = (np.abs(np.sin(math.pi * axis / wide)) for axis in (u, v))
    return np.where(over, round_u * (0.4 + 0.6 * round_v), 0.7 * round_v * (0.4 + 0.6 * round_u))


def dots(amount: float, angle: float, random: np.random.Generator) -> Image:
    """Discs 5 to 11 pixels apart, each a little off the square grid."""
    u, v = turned(angle, random)
    apart = 5 + 6 * amount
    column, row = np.floor(u / apart).astype(int), np.floor(v / apart).astype(int)
    off = random.uniform(0.35, 0.65, (2, 64, 64))
    across = u / apart - column - off[0][row % 64, column % 64]
    down = v / apart - row - off[1][row % 64, column % 64]
    return _soft(0.3 * apart - apart * np.hypot(across, down))


def labyrinth(amount: float, _angle: float, random: np.random.Generator) -> Image:
    """Winding ridges 4 to 10 pixels apart, as on fingertips: noise of one wavelength, made nearly black and white."""
    wave = 4 + 6 * amount
    radius = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
    band = np.exp(-(((radius * wave - 1) / 0.15) ** 2))
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((SIZE, SIZE))) * band, s=(SIZE, SIZE))
    return np.asarray(np.tanh(3 * noise / noise.std()))


def contours(amount: float, _angle: float, random: np.random.Generator) -> Image:
    """Lines of equal height of a smooth, hilly country, as on a map; the steeper the country, the denser they lie."""
    noise = random.standard_normal((SIZE, SIZE))
    radius = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
    height = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-((radius * 16) ** 2)), s=(SIZE, SIZE))
    level = (0.5 + amount) * height / height.std() + random.uniform()
    steep = np.hypot(*np.gradient(level))
    return _soft(0.5 - np.abs(level - np.rint(level)) / (steep + 1e-3))


def arcs(amount: float, angle: float, random: np.random.Generator) -> Image:
    """Truchet's tiles of 6 to 12 pixels, each with two quarter circles, this way or that way.

    Source: Smith and Boucher, "The tiling patterns of Sebastien Truchet" (Leonardo 1987).
    """
    u, v = turned(angle, random)
    side = 6 + 6 * amount
    column, row = np.floor(u / side).astype(int), np.floor(v / side).astype(int)
    x, y = u / side - column, v / side - row
    x = np.where(random.integers(2, size=(64, 64))[row % 64, column % 64] == 1, 1 - x, x)
    distance = np.minimum(np.abs(np.hypot(x, y) - 0.5), np.abs(np.hypot(1 - x, 1 - y) - 0.5))
    return _soft(1.4 - side * distance)


def ripples(amount: float, _angle: float, random: np.random.Generator) -> Image:
    """Circular waves, 4 to 10 pixels long, from three stones thrown into a pond."""
    y, x = np.indices((SIZE, SIZE))
    sources, phases = random.uniform(-8, SIZE + 8, (3, 2)), random.uniform(0, 2 * math.pi, 3)
    turns = 2 * math.pi / (4 + 6 * amount)
    waves = [np.sin(turns * np.hypot(y - at[0], x - at[1]) + start) for at, start in zip(sources, phases, strict=True)]
    return np.asarray(np.sum(waves, axis=0))


def scratches(amount: float, angle: float, random: np.random.Generator) -> Image:
    """Forty short straight lines: all nearly parallel (0) or in any direction (1)."""
    y, x = np.indices((SIZE, SIZE))
    image = np.zeros((SIZE, SIZE))
    for _ in range(40):
        own = angle + amount * random.uniform(-0.5, 0.5) * math.pi + random.normal(0, 0.08)
        across, down = x - random.uniform(0, SIZE), y - random.uniform(0, SIZE)
        along = across * math.cos(own) + down * math.sin(own)
        beside = down * math.cos(own) - across * math.sin(own)
        line = _soft(0.8 - np.abs(beside)) * _soft(random.uniform(3, 8) - np.abs(along))
        image = np.maximum(image, random.uniform(0.3, 1.0) * line)
    return image


KINDS: tuple[Kind, ...] = (bricks, weave, dots, labyrinth, contours, arcs, ripples, scratches)


def turned(angle: float, random: np.random.Generator) -> tuple[Image, Image]:
    """Coordinates in pixels, turned by `angle` and with a random origin, each [32, 32].

    Example:
        >>> u, v = turned(0.0, np.random.default_rng(0))
        >>> float(np.round(u[0, 1] - u[0, 0], 6)), float(np.round(v[1, 0] - v[0, 0], 6))
        (1.0, 1.0)
    """
    y, x = np.indices((SIZE, SIZE)) - SIZE / 2
    right, down = random.uniform(0, 100, 2)
    return x * math.cos(angle) + y * math.sin(angle) + right, y * math.cos(angle) - x * math.sin(angle) + down


def _soft(depth: Image) -> Image:
    """1 inside (depth in pixels above 0.5), 0 outside, and a ramp of one pixel between: no jagged edges."""
    return np.clip(depth + 0.5, 0, 1)
