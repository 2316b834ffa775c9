import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.images import Inputs, digits, image_folder, load_images
from zoo.errors import DataError, UnknownName


def test_digits_are_the_ones_of_scikit_learn():
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    data = digits()
    assert len(data) == 1797
    assert np.array_equal(data.targets, targets)
    restored = np.stack([np.asarray(image) for image in data.images]).reshape(1797, -1).astype(float) * 16 / 255
    assert np.abs(restored - pixels).max() < 0.04  # 17 grey levels survive the 8 bits
    assert data.digest == digits().digest


def test_folder_classes_files_and_digest(photos):
    data = image_folder(photos)
    assert data.classes == ("left", "right")
    assert data.targets.tolist() == [0] * 12 + [1] * 12
    assert data.images[0].size == (12, 12)
    before = data.digest
    Image.new("L", (12, 12)).save(photos / "left" / "0.png")
    assert image_folder(photos).digest != before


def test_unicode_and_nested_paths(photos):
    (photos / "léft ☂" / "deep").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(photos / "léft ☂" / "deep" / "Ä.JPG".lower())
    assert "léft ☂" in image_folder(photos).classes


def test_empty_class_is_named(photos):
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match=r"class 'empty' .* has no image.*Fix"):
        image_folder(photos)


def test_one_class_is_not_enough(photos):
    for file in (photos / "right").iterdir():
        file.unlink()
    (photos / "right").rmdir()
    with pytest.raises(DataError, match="needs at least 2"):
        image_folder(photos)


def test_unreadable_image_is_named(photos):
    (photos / "left" / "0.png").write_bytes(b"not an image")
    data = image_folder(photos)
    with pytest.raises(DataError, match=r"0\.png cannot be read as an image.*Fix"):
        data.images[0]


def test_unknown_data_set_names_the_near_ones(photos):
    with pytest.raises(UnknownName, match="Nearest: digits"):
        load_images("digit")
    with pytest.raises(UnknownName, match="photos"):
        load_images(photos.parent / "photo")


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, images):
        self.calls += len(images)
        return torch.stack([torch.full((1, 2, 2), float(image)) for image in images])


@pytest.mark.parametrize(("keep", "expected_calls"), [(2**30, 3), (0, 6)])
def test_inputs_are_kept_while_they_fit(keep, expected_calls):
    preprocess = Counting()
    inputs = Inputs([5, 6, 7], preprocess, keep_bytes=keep)
    for _ in range(2):
        assert inputs[np.array([2, 0, 1, 2])][:, 0, 0, 0].tolist() == [7, 5, 6, 7]
    assert preprocess.calls == expected_calls
