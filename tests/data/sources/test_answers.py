import numpy as np
import pytest

from zoo.data.sources.answers import find_answers
from zoo.data.tables import Table
from zoo.errors import DataError, UnknownName


def read(values, answer="", written=False, classes=(), rows=None):
    table = Table("t.csv", {"y": values}, written=written, classes={"y": classes} if classes else {})
    return find_answers(table, ("y",), np.arange(len(values)) if rows is None else np.array(rows), answer)


def told(*args, **options):
    found = read(*args, **options)
    return found.answer, found.targets.tolist(), found.classes


def test_classes():
    assert told(["b", "a", " b"]) == ("classification", [1, 0, 1], ("a", "b"))
    assert told([True, False, True]) == ("classification", [1, 0, 1], ("false", "true"))
    assert told([10, 2, 2, 10]) == ("classification", [1, 0, 0, 1], ("2", "10"))  # by size, not by characters
    assert told(["10", "2", "2", "10"], written=True) == ("classification", [1, 0, 0, 1], ("2", "10"))
    assert told(["010", "2", "2"], written=False)[2] == ("010", "2")
    assert told([1.0, 2.5, 1.0], "classification") == ("classification", [0, 1, 0], ("1", "2.5"))
    assert told([0, 2, 0], classes=("x", "y", "z")) == ("classification", [0, 2, 0], ("x", "y", "z"))
    assert "1 of 3 declared classes have no sample: y" in read([0, 2, 0], classes=("x", "y", "z")).notes[0]
    assert told(["a", "b", "c"], rows=[2, 0]) == ("classification", [1, 0], ("a", "c"))
    assert read(["a", "b"]).targets.dtype == np.int64


@pytest.mark.parametrize(
    ("values", "classification"),
    [
        (np.arange(50).repeat(2), True),
        (np.arange(51).repeat(2), False),
        ([1, 2, 3], False),
        ([0.5, 1.5] * 20, False),
        ([1.0, 2.0] * 20, False),
    ],
)
def test_numbers_are_classes_only_if_few_and_repeated(values, classification):
    values = list(np.asarray(values).tolist())
    if classification:
        assert read(values).answer == "classification"
    else:
        with pytest.raises(
            DataError, match=r"different numbers in .* answer='classification', or answer='regression' for quantities"
        ):
            read(values)
    if len(set(values)) < 51:
        assert read(values, "classification").answer == "classification"
    found = read(values, "regression")
    assert (found.targets.dtype, found.classes) == (np.float32, ())
    assert found.targets.tolist() == values


def test_several_classes():
    expected = [[1, 0], [1, 1], [0, 0]]
    assert told([["a"], ["b", "a"], []]) == ("multi_label", expected, ("a", "b"))
    assert told([[10], [2, 10]])[1:] == ([[0, 1], [1, 1]], ("2", "10"))
    assert told([[1], [0, 1]], classes=("x", "y"))[1:] == ([[0, 1], [1, 1]], ("x", "y"))
    assert told(["a", "b; a", "|"], "multi_label", written=True) == ("multi_label", expected, ("a", "b"))
    assert told(["a", "b", "a|b"], written=True)[0] == "multi_label"  # fewer names than cells
    assert "1 of 3 samples have no class at all" in read([["a"], ["b", "a"], []]).notes
    with pytest.raises(DataError, match=r"hold \| or ;, such as 'TV; radio'.*answer='multi_label'"):
        read(["TV; radio", "books"], written=True)
    assert told(["TV; radio", "books"], "classification", written=True)[2] == ("TV; radio", "books")


def test_columns_of_flags():
    table = Table("t.csv", {"x": ["0", "1", "1.0"], "y": [True, False, True], "z": [0, 0, 0]})
    found = find_answers(table, ("x", "y", "z"), np.arange(3))
    assert found.answer == "multi_label"
    assert found.targets.tolist() == [[0, 1, 0], [1, 0, 0], [1, 1, 0]]
    assert found.classes == ("x", "y", "z")
    assert found.notes == ("1 of 3 classes have no sample: z",)
    with pytest.raises(DataError, match=r"column 'x', row 1 of t, is '2'\. Fix: .* 0 and 1 only"):
        find_answers(Table("t", {"x": [0, "2"], "y": [0, 1]}), ("x", "y"), np.arange(2))
    with pytest.raises(DataError, match="column 'y', row 0 of t, is empty"):
        find_answers(Table("t", {"x": [0, 1], "y": [None, 1]}), ("x", "y"), np.arange(2))
    with pytest.raises(DataError, match="are multi_label, not regression"):
        find_answers(table, ("x", "y"), np.arange(3), "regression")


@pytest.mark.parametrize(
    ("values", "answer", "said"),
    [
        (["a", None, "b", ""], "", r"2 of 4 labels are empty, the first at column 'y', row 1 of t.csv\. Fix: fill"),
        ([1.0, float("nan")], "regression", "1 of 2 labels are empty"),
        (["a|b", ""], "", r"a single \|"),
        (["a", 1], "", "of several types: int, str"),
        ([["a"], [1]], "", "of several types"),
        ([["a", "a"], ["b"]], "", "row 0 of t.csv names a class twice"),
        ([[0.5], [1.5]], "", "holds 0.5, which names no class"),
        ([["a"], ["a"]], "", "names 1 class"),
        ([["a", "b"], ["b", "a"]], "", "gives all 2 samples the same classes: nothing to tell apart"),
        ([["a"], ["b"]], "classification", "holds lists, which are no single class"),
        (["a", "a", "a"], "", "one class only, 'a', in all 3 rows"),
        (["a", "b"], "regression", "row 0 of t.csv, holds 'a', which is no finite number"),
        ([1.0, float("inf")], "regression", "holds inf, which is no finite number"),
        ([1.0, 1e300], "regression", "no finite number"),
        ([2.0, 2.0], "regression", "holds 2 in every row"),
        ([{"a": 1}], "", "holds other, which is no label"),
    ],
)
def test_what_is_refused(values, answer, said):
    with pytest.raises(DataError, match=said):
        read(values, answer)


def test_declared_classes_have_their_numbers():
    with pytest.raises(DataError, match=r"label 3 at column 'y', row 1 of t.csv is none of the 2 declared classes"):
        read([0, 3], classes=("x", "y"))
    with pytest.raises(DataError, match="1 of 3 labels are empty"):
        read([0, 1, -1], classes=("x", "y"))  # how `datasets` writes that there is none


def test_unknown_answer():
    with pytest.raises(UnknownName, match=r"unknown answer 'regress'. Nearest: regression"):
        read(["a", "b"], "regress")


def test_digits_that_stand_for_a_name_are_not_merged():
    long = ["12345678901234567890", "12345678901234567891", "12345678901234567890"]
    assert told(long, "classification", written=True) == ("classification", [0, 1, 0], (long[0], long[1]))
    assert told(["007", "7", "007"], "classification", written=True) == ("classification", [0, 1, 0], ("007", "7"))
    assert told([0.1, 0.2, 0.1], "classification")[2] == ("0.1", "0.2")


@pytest.mark.parametrize("answer", ["", "classification", "regression"])
def test_a_written_nan_among_numbers_is_an_empty_label(answer):
    with pytest.raises(DataError, match=r"1 of 3 labels are empty, the first at column 'y', row 1 of t\.csv"):
        read(["1", "nan", "2.5"], answer, written=True)


def test_a_number_beyond_all_floats_is_told():
    with pytest.raises(DataError, match="2 different numbers in 2 rows"):
        read([10**400, 1])
