"""Labelled data: what it refuses, and subsets."""

import numpy as np
import pytest

from zoo.data.labelled import LabelledData
from zoo.errors import InvalidRecord


def some(**more):
    return LabelledData("moods", ["a", "b", "c"], np.array([0, 1, 0]), ("down", "up"), "d", inputs="text", **more)


def test_unknown_kinds_and_wrong_lengths_are_refused():
    with pytest.raises(InvalidRecord, match="Nearest: multi_label"):
        some(answer="multilabel")
    with pytest.raises(InvalidRecord, match="3 targets and 2 groups"):
        some(groups=np.array(["x", "y"]))


def test_a_subset_keeps_everything_aligned():
    data = some(groups=np.array(["x", "y", "z"]), origins=["t.csv row 0", "t.csv row 1", "t.csv row 2"])
    part = data.taken(np.array([2, 0]))
    assert list(part.samples) == ["c", "a"]
    assert part.targets.tolist() == [0, 0]
    assert part.groups.tolist() == ["z", "x"]
    assert part.origin(0) == "t.csv row 2"
    assert part.digest not in (data.digest, data.taken(np.array([0, 2])).digest)
    assert (part.kind, part.modality) == ("text_classification", "text")
