"""What split_data refuses, and what it tells; that it divides well is tested in test_splits."""

import numpy as np
import pytest

from zoo.data.labelled import LabelledData
from zoo.data.parts import check_parts
from zoo.data.splits import split_data
from zoo.errors import DataError

CLASSES = ("ant", "bee", "cat")


def labelled(targets, **named):
    targets = np.asarray(targets)
    answer = named.get("answer", "classification")
    classes = () if answer == "regression" else CLASSES[: targets.shape[1] if targets.ndim == 2 else 3]
    for name in ("groups", "parts"):
        if named.get(name) is not None:
            named[name] = np.asarray(named[name])
    return LabelledData("zoo", [str(i) for i in range(len(targets))], targets, classes, "d", inputs="text", **named)


def refused(data, match, **options):
    with pytest.raises(DataError, match=match):
        split_data(data, **options)


def test_one_answer():
    refused(labelled([0] * 9), r"one answer \('ant'\), so there is nothing to tell apart\. Fix")
    refused(labelled(np.ones(9, dtype=np.float32), answer="regression"), "one answer")


def test_a_class_with_one_sample_is_named():
    refused(
        labelled([0] * 9 + [1] * 9 + [2]), r"class 'cat' of zoo has 1 sample; at least 3 are needed.*remove the class"
    )


@pytest.mark.parametrize("groups", [None, np.arange(18)])
def test_a_class_with_no_sample_at_all_is_told(groups):
    _, notes = split_data(labelled([0] * 9 + [1] * 9, groups=groups))
    assert notes[-1] == "1 classes have no sample at all, so they are never the answer: 'cat'"


def test_a_class_with_one_sample_in_the_train_part():
    parts = ["train"] * 17 + ["test"] * 3
    refused(
        labelled([0] * 8 + [1] * 8 + [2] + [0, 1, 2], parts=parts),
        r"'cat' of zoo has 1 sample in its train part; at least 2",
    )


def test_a_class_that_lives_in_one_group():
    targets = np.repeat([0, 1, 2], 8)
    groups = [*"abcdabcd", *"abcdabcd", *"eeeeeeee"]
    refused(
        labelled(targets, groups=groups),
        r"class 'cat' of zoo lives in 1 group \(e\), and no group may stand in two.*Fix",
    )


def test_fewer_groups_than_parts():
    refused(labelled([0, 1, 2] * 5, groups=["a", "b", "b"] * 5), r"2 groups for 3 parts.*Fix")


def test_no_train_part():
    refused(labelled([0, 1, 2], parts=["test"] * 3), r"its train part is empty \(it has 3 of test\)\. Fix")


def test_a_part_with_another_name():
    refused(labelled([0, 1, 2] * 4, parts=["train", "tests", "train"] * 4), r"a part 'tests'\. Nearest: test\.")


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_class_that_training_never_sees(part):
    parts = np.array(["train"] * 12 + ["validation"] * 3 + ["test"] * 3)
    targets = np.array([0, 1] * 6 + [0, 1, 0] * 2)
    targets[np.flatnonzero(parts == part)[0]] = 2
    refused(
        labelled(targets, parts=parts), rf"{part} part of zoo has 1 classes that its train part has not: 'cat'\. Fix"
    )


@pytest.mark.parametrize(("test", "validation"), [(0.0, 0.2), (1.0, 0.2), (0, 0.2), (30, 0.2), (-3, 5)])
def test_sizes_that_make_no_sense(test, validation):
    refused(
        labelled([0, 1, 2] * 10, groups=np.arange(30)),
        "of the 30 samples of zoo. Fix",
        test=test,
        validation=validation,
    )


def test_sizes_that_leave_nothing():
    refused(labelled([0, 1, 2] * 10, groups=np.arange(30)), "leave nothing of the 30 samples", test=0.5, validation=0.5)


def test_an_empty_part_is_refused():
    found = {"train": np.arange(3), "validation": np.array([], dtype=int), "test": np.arange(3)}
    with pytest.raises(DataError, match="the validation part of zoo would be empty"):
        check_parts(labelled([0, 1, 2]), np.eye(3, dtype=bool), found)


def test_notes_say_where_parts_come_from_and_what_they_lack():
    parts = ["train"] * 30 + ["test"] * 10
    _, notes = split_data(labelled([0, 1, 2] * 10 + [0, 1] * 5, parts=parts))
    assert notes == (
        "parts are as the source gives them: train (23), test (10); validation (7) made out of train",
        "1 classes are not in the test part, whose scores say nothing of them: 'cat'",
    )


def test_groups_on_two_given_sides_are_told():
    parts = ["train"] * 12 + ["validation"] * 6 + ["test"] * 6
    groups = ["a", "b", "c"] * 4 + ["d"] * 6 + ["a"] + ["e"] * 5
    _, notes = split_data(labelled([0, 1, 2] * 8, parts=parts, groups=groups))
    assert any(
        note.startswith("1 groups stand in train and in test as the source gives them ('a' is one)") for note in notes
    )
    assert not any("validation and" in note or "two sides" in note for note in notes)


def test_groups_tell_the_shares_that_were_met():
    _, notes = split_data(labelled([0, 1, 2] * 20, groups=np.repeat(np.arange(10), 6)))
    assert notes == (
        "no group stands on two sides: train 6 groups, 60% of the samples (60% asked), validation 2 groups, 20% of the "
        "samples (20% asked), test 2 groups, 20% of the samples (20% asked)",
    )
