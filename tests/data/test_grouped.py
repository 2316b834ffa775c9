import numpy as np
import pytest

from zoo.data.grouped import dealt

SHARES = (0.6, 0.2, 0.2)


def one_hot(labels, classes):
    return labels[:, None] == np.arange(classes)


@pytest.mark.parametrize("seed", range(3))
def test_no_group_in_two_parts_and_every_class_in_each(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 60)
    groups = np.repeat(np.arange(60), sizes)
    labels = np.repeat(rng.integers(0, 5, 60), sizes)  # groups are pure: the hardest case for the balance
    parts = dealt(one_hot(labels, 5), groups, SHARES, seed)
    assert all(len({*parts[groups == group]}) == 1 for group in range(60))
    met = np.array([[(labels[parts == part] == one).mean() for one in range(5)] for part in range(3)])
    whole = np.bincount(labels) / len(labels)
    assert (met > 0).all()
    assert np.abs(met - whole).max() < 0.12
    assert np.abs(np.bincount(parts) / len(parts) - SHARES).max() < 0.06


def test_single_samples_are_stratified_as_exactly_as_whole_numbers_allow():
    labels = np.repeat(np.arange(4), [10, 20, 30, 40])
    parts = dealt(one_hot(labels, 4), np.arange(100), SHARES)
    for one, count in enumerate((10, 20, 30, 40)):
        assert np.bincount(parts[labels == one]).tolist() == [0.6 * count, 0.2 * count, 0.2 * count]


def test_a_class_of_three_groups_stands_in_all_three_parts():
    labels = np.repeat(np.arange(20), 9)
    groups = np.repeat(np.arange(60), 3)  # three of each class
    parts = dealt(one_hot(labels, 20), groups, SHARES)
    assert all({*parts[labels == one]} == {0, 1, 2} for one in range(20))


def test_several_labels_a_sample_are_balanced_better_than_by_chance():
    rng = np.random.default_rng(0)
    held = rng.random((400, 12)) < np.linspace(0.01, 0.4, 12)
    held[:3, 0] = True

    def off(parts):
        return max(np.abs(held[parts == part].sum(0) / held.sum(0) - share).max() for part, share in enumerate(SHARES))

    chance = np.mean([off(rng.permutation(np.repeat([0, 1, 2], [240, 80, 80]))) for _ in range(20)])
    assert off(dealt(held, np.arange(400), SHARES)) < chance / 2


def test_samples_without_any_label_fill_what_is_missing():
    assert np.bincount(dealt(np.zeros((100, 3), dtype=bool), np.arange(100), SHARES)).tolist() == [60, 20, 20]


def test_the_seed_alone_decides():
    held, groups = one_hot(np.arange(90) % 3, 3), np.arange(90) // 3
    one, same, other = (dealt(held, groups, SHARES, seed) for seed in (4, 4, 5))
    assert (one == same).all()
    assert (one != other).any()


def test_groups_may_have_names_in_any_order():
    names = np.array(["zoe", "al", "bo"] * 5)
    parts = dealt(np.ones((15, 1), dtype=bool), names, (0.5, 0.5))
    assert all(len({*parts[names == name]}) == 1 for name in ("zoe", "al", "bo"))
