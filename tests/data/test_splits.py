import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.labelled import LabelledData
from zoo.data.splits import label_budget, split, split_data
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


def labelled(targets, answer="classification", **named):
    targets = np.asarray(targets)
    count = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
    classes = () if answer == "regression" else tuple(f"c{one}" for one in range(count))
    samples = [str(one) for one in range(len(targets))]
    return LabelledData("data", samples, targets, classes, "digest", inputs="text", answer=answer, **named)


def is_partition(parts, count):
    return sorted(np.concatenate([parts.train, parts.validation, parts.test]).tolist()) == list(range(count))


def test_plain_data_is_split_as_always():
    parts, notes = split_data(labelled(TARGETS), seed=3)
    assert parts.digest == split(TARGETS, test=0.2, validation=0.2, seed=3).digest
    assert notes == ()


def test_the_numbers_of_a_plain_split_never_change():
    """Stored rows depend on them."""
    parts = split(TARGETS, test=0.2, validation=0.2, seed=0)
    assert parts.digest == "a1c6f646d0b1dd944acb4a78afabb1eb6b398434435b3aaec02de93585148aad"


def test_given_parts_are_used_as_they_are():
    given = np.array(["train", "validation", "test", "train"] * 10)
    parts, _ = split_data(labelled(np.arange(40) // 4 % 2, parts=given))
    for name in ("train", "validation", "test"):
        assert (given[getattr(parts, name)] == name).all()
    assert is_partition(parts, 40)


@pytest.mark.parametrize(("given", "made"), [("test", "validation"), ("validation", "test")])
def test_a_part_that_is_not_given_is_made_out_of_train(given, made):
    names = np.array(["train"] * 80 + [given] * 20)
    parts, _ = split_data(labelled(np.arange(100) % 4, parts=names))
    assert getattr(parts, given).tolist() == list(range(80, 100))
    assert np.bincount(getattr(parts, made) % 4).tolist() == [5] * 4  # 20 % of the whole, a quarter of the pool
    assert is_partition(parts, 100)


def test_a_train_part_alone_is_split_in_three():
    parts, _ = split_data(labelled(np.arange(100) % 4, parts=np.array(["train"] * 100)), test=10, validation=0.2)
    assert np.abs(np.array([len(parts.train), len(parts.validation), len(parts.test)]) - (70, 20, 10)).max() <= 2


@pytest.mark.parametrize("parts", [None, np.array(["train"] * 150 + ["test"] * 50)])
def test_groups_stay_together(parts):
    groups = np.array([f"speaker {one}" for one in np.arange(200) // 10])
    targets = np.arange(200) % 5
    found, notes = split_data(labelled(targets, groups=groups, parts=parts))
    sides = [{*groups[part]} for part in (found.train, found.validation, found.test)]
    assert sum(map(len, sides)) == 20
    assert is_partition(found, 200)
    assert any("no group stands on two sides" in note for note in notes)


def test_several_labels_a_sample():
    held = (np.random.default_rng(0).random((300, 6)) < np.linspace(0.02, 0.5, 6)).astype(np.float32)
    parts, notes = split_data(labelled(held, "multi_label"))
    assert is_partition(parts, 300)
    for part, share in ((parts.train, 0.6), (parts.validation, 0.2), (parts.test, 0.2)):
        assert held[part].any(0).all()
        assert np.abs(held[part].sum(0) - share * held.sum(0)).max() < 5
    assert any("iterative stratification" in note for note in notes)


def test_numbers_are_stratified_by_their_size():
    values = np.random.default_rng(0).lognormal(size=200).astype(np.float32)
    parts, notes = split_data(labelled(values, "regression"))
    assert is_partition(parts, 200)
    edges = np.quantile(values, np.linspace(0, 1, 11)[1:-1])
    for part in (parts.validation, parts.test):
        assert np.bincount(np.searchsorted(edges, values[part], side="right")).tolist() == [4] * 10
    assert any("10 ranges" in note for note in notes)


def test_few_numbers_and_equal_numbers():
    assert is_partition(split_data(labelled(np.arange(5.0), "regression"))[0], 5)
    assert is_partition(split_data(labelled(np.array([0.0] * 50 + [1.0] * 3), "regression"))[0], 53)


def test_everything_made_depends_on_the_seed_alone():
    data = labelled(np.arange(60) % 3, groups=np.arange(60) // 2)
    one, same, other = (split_data(data, seed=seed)[0].digest for seed in (1, 1, 2))
    assert one == same != other


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_groups_are_kept_apart_or_refused(draw):
    count = draw.draw(st.integers(6, 40))
    targets = np.array(draw.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    groups = np.array(draw.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
    try:
        parts, _ = split_data(labelled(targets, groups=groups))
    except DataError:
        return
    sides = [{*groups[part].tolist()} for part in (parts.train, parts.validation, parts.test)]
    assert is_partition(parts, count)
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert {*targets[parts.train].tolist()} == {*targets.tolist()}
