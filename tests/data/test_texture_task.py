import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.benchmarking.suite import load_suite
from zoo.data.duplicates import duplicates
from zoo.data.generated import TextureSource
from zoo.data.images import load_images
from zoo.data.labelled import LabelledData
from zoo.data.splits import Split, split_data
from zoo.data.texture_task import TEST, TRAIN, textures_task


@pytest.fixture(scope="module")
def data() -> LabelledData:
    return textures_task()


def test_parts_and_classes(data):
    assert len(data.classes) == 24
    for part, count in (("train", TRAIN), ("test", TEST)):
        assert np.bincount(data.targets[data.parts == part]).tolist() == [count] * 24
    parts, _ = split_data(data, test=0.2, validation=360)
    assert np.array_equal(parts.test, np.flatnonzero(data.parts == "test"))
    assert len(parts.validation) == 360
    assert np.bincount(data.targets[parts.train]).min() >= 20


def test_the_digest_is_that_of_pixels_and_targets_and_repeats(data):
    pixels = b"".join(np.asarray(image).tobytes() for image in data.samples)
    assert data.digest == hashlib.sha256(pixels + data.targets.astype("<i8").tobytes()).hexdigest()
    assert load_images("textures_task").digest == data.digest


def test_images_are_grey_and_differ(data):
    assert {(image.mode, image.size) for image in data.samples} == {("L", (32, 32))}
    assert len({image.tobytes() for image in data.samples}) == len(data)


def test_no_image_is_one_of_the_pre_training_source(data):
    """Exactly or nearly, among ten drawings of each of its 240 classes, half of them as the source corrupts them."""
    source, generator = TextureSource(), torch.Generator().manual_seed(0)
    clean = source.batch(1200, generator).inputs
    views = torch.cat([clean, source.corrupt(source.batch(1200, generator).inputs, generator)])
    theirs = [Image.fromarray(x) for x in (views[:, 0].clamp(0, 1) * 255).round().byte().numpy()]
    both = LabelledData("both", [*theirs, *data.samples], np.zeros(len(theirs) + len(data), np.int64), ("any",), "")
    found = duplicates(both, Split(np.arange(len(theirs)), np.array([], int), np.arange(len(theirs), len(both))))
    assert not found.twins, found.note(both)


def test_train_and_test_share_no_image(data):
    parts, _ = split_data(data, test=0.2, validation=360)
    assert not duplicates(data, parts).twins


@pytest.mark.parametrize("level", ["quick", "default"])
def test_the_suite_fits_the_data(data, level):
    suite = load_suite("textures", level)
    assert suite.task.source == data.name
    assert suite.task.classes == len(data.classes)
    assert suite.split["test"] == (data.parts == "test").sum()
    parts, _ = split_data(data, test=suite.split["test"], validation=suite.split["validation"])
    assert np.bincount(data.targets[parts.train]).min() >= max(suite.budgets)
