import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from zoo.errors import DataError, InvalidRecord, UnknownName
from zoo.tasks.weights import LARGEST, class_weights, positive_weights

NAMES = ("a", "b", "c", "d", "e")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_balanced_is_scikit_learns_and_absent_classes_have_none(answers):
    targets = np.array(answers)
    found = class_weights(targets, NAMES, "balanced")
    present = np.unique(targets)
    assert np.allclose(found.values[present], compute_class_weight("balanced", classes=present, y=targets))
    absent = [k for k in range(5) if k not in present]
    assert not found.values[absent].any()
    assert bool(found.notes) == bool(absent)
    assert all(NAMES[k] in found.notes[0] for k in absent)


def test_every_class_has_the_same_sum_of_weights():
    targets = np.repeat(np.arange(3), (50, 7, 3))
    values = class_weights(targets, NAMES[:3], "balanced").values[targets]
    assert np.allclose([values[targets == k].sum() for k in range(3)], 20)


def test_weights_are_bounded_and_it_is_said():
    found = class_weights(np.array([0] * 100_000 + [1]), ("common", "rare"), "balanced")
    assert found.values.tolist() == pytest.approx([100_001 / 200_000, LARGEST])
    assert found.notes == ("1 class has a weight that was cut to between 1/100 and 100: rare",)
    assert found.values.dtype == np.float32


def test_none_and_by_name():
    targets = np.array([0, 1, 1])
    assert class_weights(targets, NAMES[:2]).values is None
    assert class_weights(targets, NAMES[:2], {"b": 3}).values.tolist() == [1, 3]
    assert positive_weights(np.eye(2), NAMES[:2]).values is None
    assert positive_weights(np.eye(2), NAMES[:2], {"a": 0.5}).values.tolist() == [0.5, 1]


@given(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=40))
def test_both_answers_of_a_class_weigh_the_same(rows):
    targets = np.array(rows)
    found = positive_weights(targets, NAMES[:3], "balanced")
    for k in range(3):
        positives = targets[:, k].sum()
        if 0 < positives < len(targets):
            assert found.values[k] * positives == pytest.approx(len(targets) - positives, rel=1e-5)
        else:
            assert found.values[k] == 1
            assert NAMES[k] in found.notes[0]


def test_positive_weights_are_bounded():
    found = positive_weights(np.eye(1, 1000).T, ("rare",), "balanced")
    assert found.values.tolist() == [LARGEST]
    assert "cut" in found.notes[0]


@pytest.mark.parametrize("make", [class_weights, positive_weights])
def test_what_cannot_be_asked(make):
    targets = np.array([0, 1]) if make is class_weights else np.eye(2)
    with pytest.raises(UnknownName, match=r"balance'.* Nearest: balanced"):
        make(targets, NAMES[:2], "balance")
    with pytest.raises(UnknownName, match="unknown class 'z'"):
        make(targets, NAMES[:2], {"z": 1.0})
    for bad in (0, -1, float("nan"), float("inf"), "2", True):
        with pytest.raises(InvalidRecord, match="must be a number above 0"):
            make(targets, NAMES[:2], {"a": bad})
    with pytest.raises(DataError, match="no targets"):
        make(targets[:0], NAMES[:2], "balanced")
