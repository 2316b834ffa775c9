import numpy as np
import pytest

from zoo.data.splits import label_budget, split
from zoo.errors import DataError

TARGETS = np.repeat(np.arange(5), 40)


def test_split_is_a_stratified_partition():
    parts = split(TARGETS, test=50, validation=25, seed=3)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(200))
    assert np.bincount(TARGETS[parts.test]).tolist() == [10] * 5
    assert np.bincount(TARGETS[parts.validation]).tolist() == [5] * 5


def test_split_depends_on_the_seed_alone():
    one, same, other = (split(TARGETS, test=0.2, validation=0.2, seed=seed) for seed in (0, 0, 1))
    assert one.digest == same.digest != other.digest


def test_budgets_are_nested_and_differ_by_seed():
    pool = np.arange(200)
    sets = [set(label_budget(TARGETS, pool, k, seed=4).tolist()) for k in (1, 5, 20)]
    assert sets[0] < sets[1] < sets[2]
    assert set(label_budget(TARGETS, pool, 5, seed=5).tolist()) != sets[1]
    assert np.bincount(TARGETS[list(sets[1])]).tolist() == [5] * 5


def test_budget_never_leaves_the_pool():
    pool = np.arange(0, 200, 2)
    assert set(label_budget(TARGETS, pool, 20, seed=0)) == set(pool.tolist())


@pytest.mark.parametrize("budget", [0, 41])
def test_budget_beyond_the_class_names_it(budget):
    with pytest.raises(DataError, match=rf"budget of {budget} labels.*class 'ant' has 40.*1 to 40"):
        label_budget(TARGETS, np.arange(200), budget, 0, ["ant", "bee", "cat", "dog", "eel"])


def test_tiny_class_is_refused():
    with pytest.raises(DataError, match="class 1 has 2 samples; at least 3"):
        split(np.array([0] * 20 + [1] * 2), test=0.2, validation=0.2)


def test_parts_smaller_than_the_classes_are_refused():
    with pytest.raises(DataError, match="each part needs at least one sample a class"):
        split(TARGETS, test=3, validation=20)


def test_a_class_that_would_be_missing_from_a_part_is_named():
    with pytest.raises(
        DataError, match=r"class \d has 3 samples, too few to stand in the (train|validation|test) part"
    ):
        split(np.repeat([0, 1, 2, 3], [3, 3, 3, 90]), test=0.2, validation=0.2)
