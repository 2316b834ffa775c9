"""What a suite's data must be, and that parts and groups which the data give are honoured."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from trained import texts

from zoo.benchmarking.suite import load_suite
from zoo.benchmarking.task_data import as_revised, task_data
from zoo.data.splits import split
from zoo.errors import DataError, IncompatibleError, UnknownName
from zoo.specs import TaskSpec, digest_of


def suite(source, kind="text_classification", classes=2, **parts):
    task = TaskSpec("moods", kind, str(source), classes)
    return dataclasses.replace(load_suite("digits"), task=task, split=parts or {"test": 0.2, "validation": 0.2})


def test_digits_are_divided_as_ever():
    digits = load_suite("digits")
    data, parts, notes = task_data(digits)
    old = split(data.targets, **digits.split)
    assert (parts.digest, notes) == (old.digest, ())
    assert as_revised(digits.task, data, parts).revision == digest_of([data.digest, old.digest])


def test_the_test_part_that_the_data_give(tmp_path):
    where = ["test" if index % 3 == 0 else "train" for index in range(60)]
    path = texts(tmp_path / "t.csv", split=where)
    for sizes in ({"validation": 0.25, "seed": 3}, {"test": 0.5, "validation": 0.25, "seed": 3}):
        data, parts, notes = task_data(suite(path, **sizes))
        assert parts.test.tolist() == list(range(0, 60, 3))
        assert sorted([*parts.train, *parts.validation]) == [i for i in range(60) if i % 3]
        assert sorted(data.targets[parts.validation]).count(0) == len(parts.validation) // 2  # stratified
        assert any("test (20)" in note for note in notes)


def test_groups_stand_on_one_side(tmp_path):
    data, parts, _ = task_data(suite(texts(tmp_path / "t.csv", group=[f"g{i // 4}" for i in range(60)])))
    sides = [set(data.groups[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 15


def test_a_table_with_numbers_as_classes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"word{i},{i % 2}.5\n" for i in range(40)))
    assert task_data(suite(path))[0].answer == "classification"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"kind": "audio_classification"}, (IncompatibleError, DataError, UnknownName), "audio"),
        ({"classes": 3}, DataError, "says 3 classes, and .* has 2"),
        ({"validation": 0.2}, IncompatibleError, "gives no test part.* Fix: add test = 0.2"),
    ],
)
def test_refused(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        task_data(suite(texts(tmp_path / "t.csv"), **changes))


def test_images_for_a_task_of_texts():
    with pytest.raises(IncompatibleError, match="says text_classification, and digits is image_classification"):
        task_data(suite("digits", classes=10))


def test_budgets_are_stratified_and_nested_within_the_train_part(tmp_path):
    from zoo.data.splits import label_budget

    data, parts, _ = task_data(suite(texts(tmp_path / "t.csv", group=[f"g{i // 4}" for i in range(60)])))
    small, large = (label_budget(data.targets, parts.train, budget, 0) for budget in (2, 5))
    assert set(small) <= set(large) <= set(parts.train)
    assert np.bincount(data.targets[large]).tolist() == [5, 5]
