import doctest

import numpy as np
from hand_scripts import hand_script

from zoo.data.images import load_images

data = hand_script("data")


def test_nothing_of_the_test_part_is_pre_trained_on():
    parts, train = data.of_vision(3)
    held = {parts.samples[place].tobytes() for name in ("validation", "test") for place in data.places(parts, name)}
    assert len(train) == len(data.places(parts, "train"))
    assert len(train) + len(data.places(parts, "validation")) + len(data.places(parts, "test")) == len(
        load_images("digits")
    )
    assert sum(image.tobytes() in held for image in train.samples) == 0
    assert train.parts is None


def test_texts_of_the_test_part_are_left_out(monkeypatch):
    import zoo

    texts, labels = [f"text {index}" for index in range(40)], ["a", "b"] * 20
    monkeypatch.setattr(data, "texts", lambda: zoo.read_data((texts, labels), inputs="text", answer="classification"))
    monkeypatch.setattr(data, "all_texts", lambda: (*texts, "one more"))
    parts, unlabelled = data.of_text(0)
    held = {parts.samples[place] for name in ("validation", "test") for place in data.places(parts, name)}
    assert "one more" in unlabelled
    assert set(unlabelled) == {*texts, "one more"} - held
    assert len(held) == 16


def test_captions_name_the_label():
    _, pairs = data.of_pairs(0)
    _, train = data.of_vision(0)
    for place in np.random.default_rng(0).integers(len(pairs), size=5):
        assert pairs[place][1] == f"the digit {data.NAMES[int(train.classes[train.targets[place]])]}"


def test_examples_hold():
    assert doctest.testmod(data).failed == 0
