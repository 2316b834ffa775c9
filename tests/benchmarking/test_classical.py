"""Raw pixels of the classical baseline, against values written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from zoo.benchmarking.classical import SIDE, pixel_features
from zoo.data.images import load_images


def test_small_images_are_their_own_pixels():
    pixels = np.array([[0, 51], [102, 255]], dtype=np.uint8)
    features = pixel_features([Image.fromarray(pixels)], np.array([0]))
    assert features.tolist() == [[0.0, 0.2, 0.4, 1.0]]
    assert features.dtype == np.float64


def test_rows_are_in_the_order_of_the_indices():
    images = [Image.new("L", (3, 3), value) for value in (0, 51, 255)]
    assert pixel_features(images, np.array([2, 0, 2]))[:, 0].tolist() == [1.0, 0.0, 1.0]


def test_large_images_are_averaged_over_areas():
    pixels = np.random.default_rng(0).integers(0, 256, (4 * SIDE, 2 * SIDE), dtype=np.uint8)
    features = pixel_features([Image.fromarray(pixels)], np.array([0])).reshape(SIDE, SIDE)
    blocks = [[pixels[4 * i : 4 * i + 4, 2 * j : 2 * j + 2].mean() / 255 for j in range(SIDE)] for i in range(SIDE)]
    assert features == pytest.approx(np.array(blocks), abs=1.01 / 255)  # pillow rounds twice, to whole grey levels


def test_all_images_take_the_size_of_the_first():
    images = [Image.new("L", (4, 2), 255), Image.new("L", (40, 30), 51)]
    features = pixel_features(images, np.array([1]))
    assert features.tolist() == [[0.2] * 8]


@pytest.mark.parametrize(("mode", "colour", "grey"), [("RGB", (255, 0, 0), 76), ("1", 1, 255), ("RGBA", (0,) * 4, 255)])
def test_colours_become_grey(mode, colour, grey):
    assert pixel_features([Image.new(mode, (1, 1), colour)], np.array([0])) == pytest.approx(grey / 255)


def test_digits_keep_all_their_grey_levels():
    data = load_images("digits")
    features = pixel_features(data.samples, np.arange(50))
    assert features == pytest.approx(np.stack([np.asarray(i).ravel() for i in data.samples[:50]]) / 255)
    assert len(np.unique(features)) == 17


def test_depth_alpha_and_orientation_are_those_that_networks_see():
    turned = Image.new("L", (4, 2), 51)
    turned.getexif()[0x0112] = 6
    deep = Image.fromarray(np.full((4, 2), 102 * 257, dtype=np.uint16))
    images = [turned, deep, Image.new("LA", (2, 4), (0, 0)), np.full((4, 2), 204, dtype=np.uint8)]
    features = pixel_features(images, np.arange(4))
    assert features.tolist() == [[0.2] * 8, [0.4] * 8, [1.0] * 8, [0.8] * 8]
