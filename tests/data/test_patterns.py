import math

import numpy as np
import pytest

from zoo.data import patterns as module
from zoo.data import textures
from zoo.data.patterns import KINDS, SIZE


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind):
    for amount in (0.0, 0.5, 1.0):
        x, again, other = (kind(amount, 0.4, np.random.default_rng(seed)) for seed in (3, 3, 4))
        assert x.shape == (SIZE, SIZE)
        assert x.dtype == np.float64
        assert np.isfinite(x).all()
        assert x.max() - x.min() > 0.3
        assert np.array_equal(x, again)
        assert not np.array_equal(x, other)


@pytest.mark.parametrize(
    "kind", [module.bricks, module.weave, module.dots, module.labyrinth, module.arcs, module.ripples]
)
def test_more_is_coarser(kind):
    """The mean frequency of the power spectrum falls."""

    def frequency(amount):
        images = np.stack([kind(amount, seed / 5, np.random.default_rng(seed)) for seed in range(20)])
        power = np.abs(np.fft.rfft2(images - images.mean((1, 2), keepdims=True))) ** 2
        radius = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
        return (power * radius).sum() / power.sum()

    assert frequency(0.0) > 1.15 * frequency(1.0)


def test_scratches_lie_along_the_angle_or_anywhere():
    def anisotropy(amount):
        images = np.stack([module.scratches(amount, 0.0, np.random.default_rng(seed)) for seed in range(8)])
        return np.abs(np.diff(images, axis=1)).mean() / np.abs(np.diff(images, axis=2)).mean()

    assert anisotropy(0.0) > 2  # all lie flat: the image changes downwards
    assert anisotropy(1.0) == pytest.approx(1, abs=0.25)


def test_contours_grow_denser():
    few, many = (
        np.mean([module.contours(amount, 0.0, np.random.default_rng(seed)) for seed in range(10)])
        for amount in (0.0, 1.0)
    )
    assert many > 1.5 * few


def test_turned_is_a_rotation():
    u, v = module.turned(0.7, np.random.default_rng(0))
    assert np.allclose(np.hypot(u - u[0, 0], v - v[0, 0]), np.hypot(*np.indices((SIZE, SIZE))))
    assert (u[0, 1] - u[0, 0]) == pytest.approx(math.cos(0.7))


def test_no_kind_is_a_family_of_the_pre_training_textures():
    assert not {kind.__name__ for kind in KINDS} & {family.__name__ for family in textures.FAMILIES}
