import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.data.labelled import LabelledData
from zoo.data.raw import RawData, from_labelled, from_list
from zoo.errors import DataError


def test_labels_come_along_where_they_are_classes():
    digits = zoo.read_data("digits")
    raw = from_labelled(digits)
    assert raw.classes == digits.classes
    assert raw.targets is digits.targets
    assert (raw.digest, len(raw), raw.origin(3)) == (digits.digest, 1797, "sample 3 of digits")
    numbers = LabelledData("n", ["a"], np.array([0.5], dtype=np.float32), (), "d", inputs="text", answer="regression")
    assert from_labelled(numbers).targets is None
    assert from_labelled(numbers).classes == ()


def test_lists_of_any_kind():
    wave = np.zeros(400, dtype=np.float32)
    assert len(from_list([(wave, 8000), (wave, 8000)], "speech")) == 2
    assert len(from_list([Image.new("L", (4, 4))], "vision")) == 1
    pair = from_list([("a", "b")], "text")
    assert pair.pairs
    assert pair.samples == [("a", "b")]
    assert not from_list([(Image.new("L", (4, 4)), "b")], "image-text").pairs
    texts = from_list(["one two", ""], "text", lambda some: 4)
    assert texts.samples == ["one", "two"]
    assert len(texts.notes) == 2


def test_the_digest_is_of_the_content():
    assert from_list(["a", "b"], "text").digest == from_list(["a", "b"], "text").digest
    assert from_list(["a", "b"], "text").digest != from_list(["ab"], "text").digest


def test_nothing_to_read():
    for texts in ([], [" "]):
        with pytest.raises(DataError, match="no samples"):
            from_list(texts, "text")
    with pytest.raises(DataError, match="1 pairs among 2 texts"):
        from_list(["a", ("b", "c")], "text")


def test_places():
    assert RawData("n", ["a"], "d", ["here"]).origin(0) == "here"
