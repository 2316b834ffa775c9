import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from PIL import Image

from zoo.data.sources.memory import from_frame, from_pair, is_frame
from zoo.errors import DataError, UsageError

Y = [0, 1, 0, 1]
PIXELS = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)


@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (PIXELS, "image"),
        (PIXELS[..., 0], "image"),
        (torch.from_numpy(PIXELS).permute(0, 3, 1, 2), "image"),
        ([*PIXELS], "image"),
        ([Image.new("RGB", (3 + i, 4)) for i in range(4)], "image"),
        ([(np.zeros(10 + i, dtype=np.float32), 8000) for i in range(4)], "audio"),
        (["a", "b", "c", "d"], "text"),
        (np.array(["a", "b", "c", "d"]), "text"),
        (pd.Series(["a", "b", "c", "d"]), "text"),
        ([("a", "b")] * 3 + [["c", "d"]], "text_pair"),
    ],
)
@pytest.mark.parametrize("labels", [Y, np.array(Y), torch.tensor(Y), pd.Series(Y), [np.int64(y) for y in Y]])
def test_pairs(samples, kind, labels):
    data = from_pair((samples, labels))
    assert (data.inputs, data.answer, data.classes, data.targets.tolist()) == (kind, "classification", ("0", "1"), Y)
    assert data.notes == ()
    assert data.origin(2) == "sample 2"
    assert len(list(data.samples)) == 4


def test_samples_are_what_was_given():
    assert np.array_equal(from_pair((PIXELS, Y)).samples[2], PIXELS[2])
    first = torch.from_numpy(PIXELS).permute(0, 3, 1, 2)
    assert np.array_equal(from_pair((first, Y)).samples[2], PIXELS[2])
    assert from_pair((first, Y)).digest == from_pair((PIXELS, Y)).digest
    assert from_pair(([("a", "b"), ["c", "d"]], ["x", "y"])).samples[1] == ("c", "d")


def test_labels_of_all_kinds():
    texts = ["a", "b", "c", "d"]
    assert from_pair((texts, np.array([[0, 1], [1, 1], [1, 0], [0, 0]]))).targets.tolist()[1] == [1, 1]
    assert from_pair((texts, [["x"], ["x", "y"], [], ["y"]])).answer == "multi_label"
    assert from_pair((texts, np.linspace(0, 1, 4)), answer="regression").targets.dtype == np.float32
    assert from_pair((texts, np.array(["u", "v", "u", "v"]))).classes == ("u", "v")


def test_paths_are_said(photos):
    paths = [str(photos / side / "0.png") for side in ("left", "right")]
    with pytest.raises(DataError, match=r"may be texts or paths. Fix: inputs='text', or inputs='image'"):
        from_pair((paths, ["l", "r"]))
    assert from_pair((paths, ["l", "r"]), inputs="image").samples[0].size == (12, 12)
    assert from_pair((paths, ["l", "r"]), inputs="text").samples[0] == paths[0]


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((["a"], [1, 2]), "1 samples and 2 labels"),
        (([], []), "no samples"),
        ((np.zeros((4, 5, 6, 3)), Y), r"uint8|8 bits \[N, H, W\].*received float64 \[4, 5, 6, 3\]"),
        ((["a", 1, "b", "c"], Y), "samples are int, str"),
        (("abcd", Y), "must be lists or arrays, received str"),
        ((["a", "b"], np.array(3)), "must be lists or arrays, received ndarray"),
        ((["a", "b"], [np.array([0, 0, 1]), np.array([0, 1, 0])]), "flags of 0 and 1 go into columns of their own"),
        ((["a", "b"], [np.array([0, 1]), np.array([1, 0])]), "gives all 2 samples the same classes"),
    ],
)
def test_pairs_that_cannot_be(pair, said):
    with pytest.raises(DataError, match=said):
        from_pair(pair)


def test_pairs_have_no_roles():
    with pytest.raises(UsageError, match="has no columns"):
        from_pair((["a", "b"], Y[:2]), roles={"label": "x"})


class Capsule:
    """A frame of a library that zoo does not know (polars, say): all it has is Arrow's own interface."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


COLUMNS = {"review": ["so good", "so bad", "fine", "poor"], "stars": [5, 1, 5, 1]}


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, lambda columns: Capsule(pa.table(columns))])
def test_frames(make):
    frame = make(COLUMNS)
    assert is_frame(frame)
    data = from_frame(frame)
    assert list(data.samples) == COLUMNS["review"]
    assert (data.classes, data.targets.tolist()) == (("1", "5"), [1, 0, 1, 0])
    assert "text is column 'review', label is column 'stars' (2 classes)" in data.notes[0]
    assert data.digest == from_frame(pa.table(COLUMNS)).digest


def test_pandas_has_its_own_ways():
    frame = pd.DataFrame(COLUMNS, index=["i", "j", "k", "l"])
    frame["stars"] = frame["stars"].astype("category")
    assert from_frame(frame).classes == ("1", "5")
    frame.loc["k", "stars"] = None
    with pytest.raises(DataError, match="1 of 4 labels are empty, the first at column 'stars', row 2 of DataFrame"):
        from_frame(frame)
    with pytest.raises(DataError, match="the DataFrame cannot be read by Arrow"):
        from_frame(pd.DataFrame({"text": ["a", "b"], "label": [1, "x"]}))


def test_images_in_a_frame():
    import io

    file = io.BytesIO()
    Image.new("L", (3, 2), 7).save(file, "PNG")
    data = from_frame(pd.DataFrame({"png": [file.getvalue()] * 2, "label": ["x", "y"]}))
    assert data.samples[1].getpixel((0, 0)) == 7
