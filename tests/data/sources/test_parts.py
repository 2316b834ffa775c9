import numpy as np
import pyarrow as pa
import pytest

from zoo.data.arrow import ArrowColumn
from zoo.data.labelled import LabelledData
from zoo.data.sources.parts import joined, only_part, part_of
from zoo.data.tables import Table
from zoo.errors import DataError, UnknownName


@pytest.mark.parametrize(
    ("name", "part"),
    [("train", "train"), ("Training", "train"), ("dev", "validation"), ("valid", "validation"), ("val", "validation"),
     ("validation_matched-00000-of-00001", "validation"), ("test", "test"), ("imdb.test", "test"), ("train_test", ""),
     ("contest", ""), ("", ""), ("unsupervised", "")],
)  # fmt: skip
def test_names(name, part):
    assert part_of(name) == part


def test_tables_below_each_other():
    one = Table(
        "a", {"x": ArrowColumn(pa.chunked_array([[b"1"]])), "y": [1], "z": ["only here"]}, classes={"y": ("n", "m")}
    )
    two = Table("b", {"x": ArrowColumn(pa.chunked_array([[b"2", b"3"]])), "y": (2, 3)}, classes={"y": ("n", "m")})
    whole = joined([one, two], ["train", "test"], "both")
    assert len(whole) == 3
    assert isinstance(whole.columns["x"], ArrowColumn)
    assert list(whole.columns["x"]) == [b"1", b"2", b"3"]
    assert list(whole.columns["y"]) == [1, 2, 3]
    assert list(whole.columns["z"]) == ["only here", None, None]
    assert [whole.origin(row) for row in range(3)] == ["row 0 of a", "row 0 of b", "row 1 of b"]
    assert whole.parts == ["train", "test", "test"]
    assert whole.classes == {"y": ("n", "m")}
    assert joined([one], [""], "a") is one
    with pytest.raises(DataError, match="a and c declare different classes of 'y'"):
        joined([one, Table("c", {"y": [1]}, classes={"y": ("m", "n")})], ["", ""], "both")


def test_one_part():
    data = LabelledData(
        "d", list("abc"), np.array([0, 1, 0]), ("x", "y"), "", inputs="text", parts=np.array(["train", "test", "test"])
    )
    assert only_part(data, "") is data
    test = only_part(data, "test")
    assert (list(test.samples), test.parts) == (["b", "c"], None)
    with pytest.raises(UnknownName, match=r"unknown split 'dev'.*d has train, test"):
        only_part(data, "dev")
    with pytest.raises(UnknownName, match=r"d has no parts\. Fix: leave split out"):
        only_part(test, "test")
