from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.data.augment_images import (
    corrupt_glyphs,
    crop_flip,
    low_resolution,
    photometric,
    stroke_width,
    tone,
    warp,
    warp_mild,
)

RANDOM = {
    "warp": lambda x, g: warp(x, g, rotation=15, shear=0.2, scale=(0.8, 1.2), shift=0.1, elastic=0.1, aspect=0.3),
    "stroke_width": stroke_width,
    "low_resolution": low_resolution,
    "tone": tone,
    "corrupt_glyphs": corrupt_glyphs,
    "photometric": photometric,
    "warp_mild": warp_mild,
    "crop_flip": crop_flip,
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 8, channels: int = 1, height: int = 40, width: int = 40) -> Tensor:
    return torch.rand(count, channels, height, width, generator=generator(99))


def bilinear(image: np.ndarray, y: float, x: float) -> float:
    """The value at a fractional pixel position, zero outside: the slow, obvious way."""
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                total += image[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def resample(image: np.ndarray, side: tuple[int, int], magnify: float) -> np.ndarray:
    """`image` seen through a `side` frame, magnified about its centre."""
    height, width = image.shape
    out = np.zeros(side)
    for i in range(side[0]):
        for j in range(side[1]):
            v, u = ((2 * i + 1) / side[0] - 1) / magnify, ((2 * j + 1) / side[1] - 1) / magnify
            out[i, j] = bilinear(image, ((v + 1) * height - 1) / 2, ((u + 1) * width - 1) / 2)
    return out


def centroids(x: Tensor) -> Tensor:
    """Centre of mass of each image, [B, 2], in pixels to the right of and below the middle."""
    _, _, height, width = x.shape
    v, u = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    mass = x.sum((1, 2, 3))
    return torch.stack([(x * u).sum((1, 2, 3)) / mass, (x * v).sum((1, 2, 3)) / mass], 1)


def dot(count: int, height: int, width: int, right: float, down: float) -> Tensor:
    """A soft dot, `right` and `down` of the middle in pixels."""
    v, u = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    return torch.exp(-((u - right) ** 2 + (v - down) ** 2) / 4).expand(count, 1, height, width)


class TestWarp:
    @pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 9)])
    def test_all_ranges_zero_is_the_identity(self, shape):
        x = images(4, *shape)
        torch.testing.assert_close(warp(x, generator()), x, atol=1e-5, rtol=0)

    @pytest.mark.parametrize(
        ("options", "side", "magnify"),
        [
            ({"size": 12}, (12, 12), 1.0),
            ({"size": 12, "zoom": 0.86}, (12, 12), 1 / 0.86),
            ({"scale": (0.7, 0.7)}, (16, 10), 0.7),
            ({"scale": (1.4, 1.4), "zoom": 0.9, "size": 9}, (9, 9), 1.4 / 0.9),
        ],
    )
    def test_fixed_maps_match_a_slow_resampling(self, options, side, magnify):
        x = images(2, 1, 16, 10)
        expected = np.stack([resample(image[0].double().numpy(), side, magnify) for image in x])
        np.testing.assert_allclose(warp(x, generator(), **options)[:, 0].numpy(), expected, atol=1e-5)

    @pytest.mark.parametrize("shape", [(41, 41), (61, 41)])
    def test_rotation_turns_in_pixels_and_within_its_range(self, shape):
        moved = centroids(warp(dot(200, *shape, 10, 0), generator(), rotation=30))
        torch.testing.assert_close(moved.norm(dim=1), torch.full((200,), 10.0), atol=0.05, rtol=0)
        angles = torch.rad2deg(torch.atan2(moved[:, 1], moved[:, 0]))
        assert angles.abs().max() <= 30.1
        assert angles.max() > 25
        assert angles.min() < -25

    def test_shift_is_in_half_sides(self):
        moved = centroids(warp(dot(200, 41, 61, 0, 0), generator(), shift=0.2))
        assert 0.9 * 0.2 * 30.5 < moved[:, 0].abs().max() <= 0.2 * 30.5 + 0.01
        assert 0.9 * 0.2 * 20.5 < moved[:, 1].abs().max() <= 0.2 * 20.5 + 0.01

    def test_shear_leans_sideways_only(self):
        moved = centroids(warp(dot(200, 41, 61, 0, 10), generator(), shear=0.5))
        torch.testing.assert_close(moved[:, 1], torch.full((200,), 10.0), atol=0.05, rtol=0)
        assert 4.5 < moved[:, 0].abs().max() <= 5.05

    def test_aspect_keeps_the_area(self):
        moved = centroids(warp(dot(200, 61, 61, 8, 8), generator(), aspect=0.4))
        torch.testing.assert_close(moved.prod(1), torch.full((200,), 64.0), atol=0.7, rtol=0)
        assert moved[:, 0].max() / moved[:, 0].min() > 1.8

    def test_elastic_bends_each_image_its_own_way(self):
        bent = warp(dot(50, 41, 41, 5, 5), generator(), elastic=0.1)
        moved = centroids(bent)
        assert moved.std(0).min() > 0.3
        assert (moved - 5).abs().max() < 0.5 * 20.5

    def test_outside_is_black(self):
        corners = warp(torch.ones(50, 1, 20, 20), generator(), scale=(0.5, 0.5))[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.eq(0).all()

    def test_keeps_the_dtype_and_draws_on_the_generators_device(self):
        assert warp(images().double(), generator(), rotation=9, elastic=0.1).dtype == torch.float64
        elsewhere = warp_mild(torch.empty(2, 3, 8, 8, device="meta"), generator())
        assert (elsewhere.device.type, elsewhere.shape) == ("meta", (2, 3, 8, 8))


class TestRandomness:
    @pytest.mark.parametrize("name", RANDOM)
    def test_only_the_generator_counts(self, name):
        x = images()
        torch.manual_seed(1)
        first = RANDOM[name](x, generator(5))
        torch.manual_seed(2)
        before = torch.random.get_rng_state()
        again = RANDOM[name](x, generator(5))
        assert torch.equal(before, torch.random.get_rng_state())
        assert torch.equal(first, again)
        assert not torch.equal(first, RANDOM[name](x, generator(6)))
        assert torch.equal(x, images()), "the input was written to"

    @pytest.mark.parametrize("name", RANDOM)
    def test_every_image_gets_its_own(self, name):
        same = images(1).expand(32, -1, -1, -1)
        out = RANDOM[name](same, generator())
        assert len(torch.unique(out.flatten(1), dim=0)) >= 3


class TestStrokeWidth:
    def test_thick_and_thin_match_brute_force(self):
        x = images(2, 1, 7, 6)
        for image, thick, thin in zip(
            x,
            stroke_width(x, generator(), thicken=1, thin=0),
            stroke_width(x, generator(), thicken=0, thin=1),
            strict=True,
        ):
            for i in range(7):
                for j in range(6):
                    around = image[0, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]
                    assert thick[0, i, j] == around.max()
                    assert thin[0, i, j] == pytest.approx(0.5 * image[0, i, j] + 0.5 * around.min())

    def test_probabilities(self):
        x = images(1, 1, 6, 6).expand(4000, -1, -1, -1)
        change = (stroke_width(x, generator()) - x).sum((1, 2, 3))
        assert (change > 0).float().mean() == pytest.approx(0.25, abs=0.03)
        assert (change < 0).float().mean() == pytest.approx(0.15, abs=0.03)


class TestLowResolution:
    @pytest.mark.parametrize(("options", "cell"), [({"coarse": 1, "fine": 0}, 4), ({"coarse": 0, "fine": 1}, 2)])
    def test_matches_a_slow_average_and_enlargement(self, options, cell):
        x = images(2, 1, 32, 32)
        for image, low in zip(x, low_resolution(x, generator(), **options), strict=True):
            cells = image[0].numpy().reshape(32 // cell, cell, 32 // cell, cell).mean((1, 3))
            at, known = np.arange(32) + 0.5, (np.arange(32 // cell) + 0.5) * cell
            wide = np.stack([np.interp(at, known, row) for row in cells])
            expected = np.stack([np.interp(at, known, column) for column in wide.T]).T
            np.testing.assert_allclose(low[0].numpy(), expected, atol=1e-6)

    def test_probabilities(self):
        x = images(1, 1, 32, 32).expand(4000, -1, -1, -1)
        spread = low_resolution(x, generator()).std((1, 2, 3))
        kinds, counts = torch.unique((spread * 1e4).round(), return_counts=True)
        assert len(kinds) == 3  # from the coarsest to the untouched
        assert (counts / 4000).tolist() == pytest.approx([0.5, 0.2, 0.3], abs=0.03)

    def test_small_images_work(self):
        assert low_resolution(images(2, 1, 5, 6), generator()).shape == (2, 1, 5, 6)


class TestTone:
    def test_contrast_range_noise_and_clamp(self):
        flat = tone(torch.ones(500, 1, 8, 8), generator(), noise=0)
        assert flat.std((1, 2, 3)).max() < 1e-6
        assert 0.6 <= flat.min() < 0.62
        assert 1.08 < flat.max() <= 1.1
        noisy = tone(torch.full((500, 1, 32, 32), 0.6), generator(), contrast=(1, 1), noise=0.1)
        spread = noisy.std((1, 2, 3))
        assert spread.max() < 0.11
        assert spread.mean() == pytest.approx(0.05, abs=0.005)
        wild = tone(images(64), generator(), noise=2)
        assert (wild.min(), wild.max()) == (0, pytest.approx(1.2))


class TestCorruptions:
    def test_glyphs_go_from_canvas_to_frame_and_stay_recognisable(self):
        x = dot(256, 40, 40, 6, -6)
        out = corrupt_glyphs(x, generator())
        assert out.shape == (256, 1, 32, 32)
        assert out.min() >= 0
        assert out.max() <= 1.2
        where = centroids((out - 0.4).clamp_min(0) + 1e-9).median(0).values
        assert where[0] > 2
        assert where[1] < -2

    def test_photometric_changes_tone_and_not_place(self):
        x = dot(2000, 24, 24, 5, -3) + 0.3 * dot(2000, 24, 24, -6, 4)
        out = photometric(x, generator())
        assert out.shape == x.shape
        assert out.min() >= 0
        assert out.max() <= 1.2
        a, b = (t.flatten(1) - t.flatten(1).mean(1, keepdim=True) for t in (x, out))
        correlation = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
        assert correlation.abs().min() > 0.15
        assert correlation.abs().median() > 0.6
        assert (correlation < 0).float().mean() == pytest.approx(0.3, abs=0.03)


class TestWarpMild:
    @pytest.mark.parametrize("shape", [(1, 32, 32), (3, 24, 40)])
    def test_normalising_first_or_last_is_the_same(self, shape):
        x = images(6, *shape)
        mean, std = torch.linspace(0.2, 0.5, shape[0]).view(-1, 1, 1), torch.linspace(0.2, 0.3, shape[0]).view(-1, 1, 1)
        first = warp_mild((x - mean) / std, generator(3))
        last = (warp_mild(x, generator(3)) - mean) / std
        torch.testing.assert_close(first, last, atol=1e-4, rtol=0)

    def test_is_the_plain_recipe_on_images_that_fill_the_unit_range(self):
        x = images(6)
        x[:, :, 0, :2] = torch.tensor([0.0, 1.0])
        g = generator(4)
        plain = warp(x, g, rotation=12, shear=0.2, scale=(0.85, 1.1), shift=0.08, elastic=0.06, aspect=0.1)
        plain = plain * (torch.rand(6, 1, 1, 1, generator=g) * (1.1 - 0.8) + 0.8)
        plain = (plain + torch.randn(x.shape, generator=g) * 0.03).clamp(0, 1.2)
        torch.testing.assert_close(warp_mild(x, generator(4)), plain, atol=1e-6, rtol=0)

    def test_flat_channels_stay_flat_and_finite(self):
        x = images(3, 3)
        x[:, 1] = -2.5
        out = warp_mild(x, generator())
        assert out.isfinite().all()
        assert out[:, 1].eq(-2.5).all()

    def test_is_mild(self):
        x = dot(300, 32, 32, 4, 4)
        out = warp_mild(x, generator())
        moved = centroids((out - 0.3).clamp_min(0)) - 4
        assert moved.abs().mean() < 1.5
        assert out.amax((1, 2, 3)).min() > 0.6


class TestCropFlip:
    def test_equals_a_slow_rewrite_for_some_part_of_the_frame(self):
        ramp = torch.linspace(0, 1, 20).expand(1, 1, 16, 20)  # a pixel's value says its column
        down = torch.linspace(0, 1, 16)[:, None].expand(1, 1, 16, 20)
        out = crop_flip(torch.cat([ramp, down], 1).expand(200, 2, 16, 20), generator())
        columns, rows = out[:, 0] * 19, out[:, 1] * 15  # where each pixel was taken from
        assert torch.allclose(columns, columns[:, :1].expand_as(columns), atol=1e-4)
        assert torch.allclose(rows, rows[:, :, :1].expand_as(rows), atol=1e-4)
        step = (columns[:, 0, 12] - columns[:, 0, 8]) / 4  # width of the part / width of the frame, below 0 if mirrored
        height = (rows[:, 10, 0] - rows[:, 6, 0]) / 4
        share, shape = step.abs() * height, step.abs() / height
        assert 0.24 < share.min() < 0.35
        assert 0.9 < share.max() < 1.0001
        assert 0.7 < shape.min() < 0.8 < 1.25 < shape.max() < 1.4
        assert 0.35 < (step < 0).float().mean() < 0.65
        for image in range(3):  # bilinear, written out
            for i, j in ((0, 0), (5, 7), (15, 19)):
                x = columns[image, 0, 10] + (j - 10) * step[image]
                y = rows[image, 8, 0] + (i - 8) * height[image]
                assert abs(float(out[image, 0, i, j]) - float(x.clamp(0, 19)) / 19) < 1e-4
                assert abs(float(out[image, 1, i, j]) - float(y.clamp(0, 15)) / 15) < 1e-4

    def test_the_whole_frame_is_the_image_or_its_mirror(self):
        x = images(20, 3, 16, 20)
        out = crop_flip(x, generator(), area=(1.78, 1.78))  # so large that both sides are cut to the frame
        same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(out, x, strict=True)]
        mirrored = [torch.allclose(a, b.flip(2), atol=1e-5) for a, b in zip(out, x, strict=True)]
        assert all(a != b for a, b in zip(same, mirrored, strict=True))
        assert 3 < sum(same) < 17

    def test_nothing_comes_in_from_outside(self):
        out = crop_flip(images(50) + 5, generator())
        assert out.min() >= 5
        assert torch.allclose(
            crop_flip(images(4) * 3 - 1, generator()), crop_flip(images(4), generator()) * 3 - 1, atol=1e-5
        )


def test_a_crop_may_come_out_smaller():
    assert crop_flip(images(4), generator(), size=(6, 7)).shape[2:] == (6, 7)


def test_mirroring_may_be_left_out():
    ramp = torch.arange(20.0).expand(50, 1, 16, 20)
    assert (crop_flip(ramp, generator(), mirror=0.0).diff(dim=3) >= 0).all()
