import numpy as np
import pytest
from PIL import Image

from zoo.data.duplicates import Duplicates, duplicates
from zoo.data.images import load_images
from zoo.data.labelled import LabelledData
from zoo.data.splits import Split, split_data


def parted(samples, inputs, targets=None, train=None, **named):
    """The first samples are train, the next validation, the last test."""
    count = len(samples)
    train = count // 2 if train is None else train
    edge = train + (count - train) // 2
    targets = np.zeros(count, dtype=np.int64) if targets is None else np.asarray(targets)
    data = LabelledData("data", samples, targets, ("a", "b"), "d", inputs=inputs, **named)
    return data, Split(np.arange(train), np.arange(train, edge), np.arange(edge, count))


def noise(seed, size=48):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)


def prose(seed, words=80):
    rng = np.random.default_rng(seed)
    return " ".join("".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(words))


def found(data, split):
    return {(twin.sample, twin.twin, twin.exact) for twin in duplicates(data, split).twins}


def test_random_images_do_not_match():
    assert duplicates(*parted([noise(seed) for seed in range(120)], "image")).twins == ()


def test_copies_of_images():
    images = [noise(seed) for seed in range(8)]
    brighter = Image.fromarray((np.asarray(images[1]) * 0.9 + 20).astype(np.uint8))
    data, split = parted([*images, images[0].copy(), noise(9), brighter, noise(10)], "image", train=8)
    assert found(data, split) == {(8, 0, True), (10, 1, False)}


def test_white_images_are_the_same_only_when_their_pixels_are():
    white = [Image.new("RGB", size, "white") for size in ((64, 64), (64, 64), (64, 65), (65, 64))]
    assert found(*parted(white, "image", train=1)) == {(1, 0, True)}


def test_handwriting_samples_are_no_copies_of_each_other():
    data = load_images("digits")
    assert duplicates(data, split_data(data)[0]).twins == ()


def test_short_texts_match_only_when_equal():
    texts = ["good film", "good films", "a good film", "Good  film ", "bad", "bad!"]
    assert found(*parted(texts, "text", train=2)) == {(3, 0, True)}


def test_long_texts_with_a_changed_word():
    texts = [prose(seed) for seed in range(40)]
    changed = texts[3].split()
    changed[40] = "changed"
    data, split = parted([*texts, " ".join(changed), prose(99)], "text", train=40)
    assert found(data, split) == {(40, 3, False)}


def test_different_texts_of_one_author_do_not_match():
    rng = np.random.default_rng(0)
    vocabulary = prose(0, 200).split()
    texts = [" ".join(rng.choice(vocabulary, 120)) for _ in range(100)]
    assert duplicates(*parted(texts, "text")).twins == ()


def test_a_formula_in_all_texts_is_no_copy():
    formula = prose(0, 20)
    texts = [f"{formula} {prose(seed, 60)}" for seed in range(1, 300)]
    assert duplicates(*parted(texts, "text")).twins == ()


def test_pairs_and_sounds_match_exactly():
    assert found(*parted([("a", "b"), ("a", "c"), ("A ", "b")], "text_pair", train=2)) == {(2, 0, True)}
    waves = [np.random.default_rng(seed).normal(size=50) for seed in (0, 1, 0)]
    assert found(*parted([(wave, 8000) for wave in waves], "audio", train=2)) == {(2, 0, True)}


def test_samples_within_one_part_do_not_count():
    assert duplicates(*parted(["x", "x", "y", "z"], "text")).twins == ()


def test_conflicts_are_found_among_all_twins():
    data, split = parted(["x", "x", "y", "x"], "text", [0, 1, 0, 0], train=2)
    (twin,) = duplicates(data, split).twins
    assert (twin.sample, twin.twin, twin.parts, twin.conflict) == (3, 1, ("test", "train"), True)


def test_labels_of_several_and_numbers_conflict_too():
    samples = ["x", "y", "x", "y"]
    several = np.array([[1, 0], [0, 1], [1, 1], [0, 1]], dtype=np.float32)
    for targets, answer in ((several, "multi_label"), (np.array([1.0, 2.0, 1.5, 2.0]), "regression")):
        told = duplicates(*parted(samples, "text", targets, answer=answer))
        assert [twin.sample for twin in told.conflicts] == [2]
        assert len(told.twins) == 2


def test_counts_and_the_sentence():
    texts = ["one", "two", "three", "one", "four", "one", "two", "five"]
    data, split = parted(texts, "text", [0, 0, 0, 1, 0, 0, 0, 0], train=3, origins=[f"t.csv row {i}" for i in range(8)])
    told = duplicates(data, split)
    assert told.counts() == {("validation", "train"): (1, 0), ("test", "train"): (2, 0), ("test", "validation"): (1, 0)}
    assert told.note(data) == (
        "1 of 2 validation samples stand in train too (1 the same, 0 nearly); 2 of 3 test samples stand in train too "
        "(2 the same, 0 nearly); 1 of 3 test samples stand in validation too (1 the same, 0 nearly), 2 of them with "
        "another answer there; such as t.csv row 3 and t.csv row 0. Scores on them may be too high. Fix: remove "
        "copies, or put them into one group"
    )


def test_nothing_found_says_nothing():
    data, split = parted(["a", "b", "c", "d"], "text")
    assert duplicates(data, split) == Duplicates((), {"train": 2, "validation": 1, "test": 1})
    assert duplicates(data, split).note(data) == ""


@pytest.mark.parametrize("inputs", ["image", "text"])
def test_very_many_copies_stay_cheap(inputs):
    """All of 300 are the same, or nearly: each is found, though no more than a few of its twins are looked at."""
    samples = [
        Image.fromarray(np.asarray(noise(0)) ^ np.uint8(seed % 2)) if inputs == "image" else f"{prose(0)} {seed}"
        for seed in range(300)
    ]
    assert len(duplicates(*parted(samples, inputs)).twins) == 75 + 75 + 75
