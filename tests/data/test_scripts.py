import hashlib
import unicodedata

import numpy as np
import pytest

from zoo.benchmarking.suite import load_suite
from zoo.data.duplicates import duplicates
from zoo.data.glyphs import FONTS, draw_glyph, included, open_font, render_glyphs
from zoo.data.images import load_images
from zoo.data.labelled import LabelledData
from zoo.data.scripts import APART, LETTERS, TEST, TEST_FONTS, TRAIN, TRAIN_FONTS, scripts
from zoo.data.splits import split_data


@pytest.fixture(scope="module")
def data() -> LabelledData:
    return scripts()


def half(images) -> np.ndarray:
    """[N, 400] at half resolution, in float64, where sums of pixels are exact."""
    images = np.stack(images)
    return images.reshape(len(images), 20, 2, 20, 2).sum((2, 4), dtype=np.float64).reshape(len(images), -1)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The smallest squared distance of any two, over the smaller squared norm."""
    a, b = (ours**2).sum(1)[:, None], (theirs**2).sum(1)
    return ((a + b - 2 * ours @ theirs.T) / np.minimum(a, b)).min()


def test_parts_and_classes(data):
    assert len(data.classes) == len(set(LETTERS)) == 40
    for part, count in (("train", TRAIN), ("test", TEST)):
        assert np.bincount(data.targets[data.parts == part]).tolist() == [count] * 40
    parts, _ = split_data(data, test=0.2, validation=400)
    assert np.array_equal(parts.test, np.flatnonzero(data.parts == "test"))
    assert np.bincount(data.targets[parts.train]).min() >= 20


def test_fonts_of_train_and_test_differ_in_kind(data):
    for index in range(len(data)):
        font = data.origins[index].split(" of ")[1].split(",")[0]
        assert font in (TRAIN_FONTS if data.parts[index] == "train" else TEST_FONTS)
    assert {*TRAIN_FONTS, *TEST_FONTS} <= set(FONTS)
    assert all(("Serif" in font) == (font in TEST_FONTS) for font in (*TRAIN_FONTS, *TEST_FONTS))


def test_the_digest_is_that_of_pixels_and_targets_and_repeats(data):
    pixels = b"".join(np.asarray(image).tobytes() for image in data.samples)
    assert data.digest == hashlib.sha256(pixels + data.targets.astype("<i8").tobytes()).hexdigest()
    assert load_images("scripts").digest == data.digest


def test_images_are_grey_and_differ(data):
    assert {(image.mode, image.size) for image in data.samples} == {("L", (32, 32))}
    assert len({image.tobytes() for image in data.samples}) == len(data)


def test_no_letter_is_among_the_pre_training_glyphs_nor_drawn_like_one():
    names = [unicodedata.name(letter).split()[0] for letter in LETTERS]
    assert names == ["GEORGIAN"] * 20 + ["ARMENIAN"] * 20
    assert not any(included(ord(letter)) for letter in LETTERS)
    glyphs = render_glyphs()
    assert not {ord(letter) for letter in LETTERS} & set(glyphs.code_points.tolist())
    assert not any(chr(point).isnumeric() for point in np.unique(glyphs.code_points).tolist())
    theirs = half(glyphs.images)
    fonts = [open_font(name) for name in (*TRAIN_FONTS, *TEST_FONTS)]
    drawn = [half([draw_glyph(font, letter) for font in fonts]) for letter in LETTERS]
    for at, ours in enumerate(drawn):
        assert apart(ours, theirs) >= APART, LETTERS[at]
        assert apart(ours, np.concatenate([*drawn[:at], *drawn[at + 1 :]])) >= APART, LETTERS[at]
    twin = half([draw_glyph(font, "ո") for font in fonts])  # why the test is needed: Armenian ո is drawn as n
    assert apart(twin, theirs) == 0


def test_train_and_test_share_no_image(data):
    parts, _ = split_data(data, test=0.2, validation=400)
    assert not duplicates(data, parts).twins


@pytest.mark.parametrize("level", ["quick", "default"])
def test_the_suite_fits_the_data(data, level):
    suite = load_suite("scripts", level)
    assert suite.task.source == data.name
    assert suite.task.classes == len(data.classes)
    assert suite.split["test"] == (data.parts == "test").sum()
    parts, _ = split_data(data, test=suite.split["test"], validation=suite.split["validation"])
    assert np.bincount(data.targets[parts.train]).min() >= max(suite.budgets)
