import numpy as np
import pytest

from zoo.data.scans import _bilinear, _smoothed, laid, scanned


def test_only_the_generator_counts():
    image = np.random.default_rng(5).integers(0, 256, (40, 40), dtype=np.uint8)
    first, again, other = (laid(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    scans = [scanned(first, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(scans[0], scans[1])
    assert not np.array_equal(scans[0], scans[2])


def test_the_middle_stays_in_view():
    dot = np.zeros((40, 40), np.uint8)
    dot[15:25, 15:25] = 255
    for seed in range(20):
        x = laid(dot, np.random.default_rng(seed))
        assert x.shape == (32, 32)
        assert x.min() == 0
        assert x.max() > 0.9
        y, along = np.nonzero(x > 0.5)
        assert abs(y.mean() - 15.5) < 3.5
        assert abs(along.mean() - 15.5) < 3.5


def test_bilinear_matches_a_slow_rewrite():
    image = np.random.default_rng(0).random((5, 7))
    y, x = np.random.default_rng(1).uniform(-2, 8, (2, 30))
    for at, (v, u) in enumerate(zip(y, x, strict=True)):
        expected = sum(
            image[i, j] * max(0, 1 - abs(v - i)) * max(0, 1 - abs(u - j)) for i in range(5) for j in range(7)
        )
        assert _bilinear(image, y, x)[at] == pytest.approx(expected, abs=1e-8)


def test_smoothing_matches_a_slow_rewrite():
    image = np.random.default_rng(0).random((4, 5))
    weights = (1, 2, 1)
    for i in range(4):
        for j in range(5):
            expected = sum(
                weights[a] * weights[b] * image[min(max(i + a - 1, 0), 3), min(max(j + b - 1, 0), 4)] / 16
                for a in range(3)
                for b in range(3)
            )
            assert _smoothed(image)[i, j] == pytest.approx(expected)


def test_without_grain_a_flat_image_stays_smooth():
    for seed in range(5):
        x = scanned(np.full((32, 32), 0.5), np.random.default_rng(seed), noise=0.0).astype(int)
        assert x.shape == (32, 32)
        assert np.abs(np.diff(x, axis=0)).max() < 12
        assert np.abs(np.diff(x, axis=1)).max() < 12
