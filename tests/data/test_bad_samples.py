import json

import numpy as np
import pytest

from zoo.data.bad_samples import BadSample, examine, write_bad_samples
from zoo.data.labelled import LabelledData
from zoo.errors import DataError, StoreError, UsageError


def texts(count=100, bad=(), classes=2):
    data = LabelledData(
        "texts", [f"t{i}" for i in range(count)], np.arange(count) % classes, tuple(map(str, range(classes))), "d",
        inputs="text", notes=("before",),
    )  # fmt: skip

    def prepare(index):
        if index in bad:
            raise DataError(f"t{index} is damaged. Fix: mend it.")
        return data.samples[index]

    return data, prepare


def test_without_bad_samples_nothing_changes():
    data, prepare = texts()
    assert examine(data, prepare) == (data, ())


def test_error_names_the_first_five_and_the_count():
    with pytest.raises(DataError) as caught:
        examine(*texts(bad=range(10, 17)))
    said = str(caught.value)
    assert "7 of 100 samples of texts cannot be read (7 %): sample 10 of texts (t10 is damaged)" in said
    assert "sample 14 of texts" in said
    assert "sample 15" not in said
    assert "and 2 more. Fix:" in said


def test_skip_leaves_out_and_says_so():
    data, prepare = texts(bad=(3, 8))
    kept, bad = examine(data, prepare, "skip")
    assert list(kept.samples) == [f"t{i}" for i in range(100) if i not in (3, 8)]
    assert kept.targets.tolist() == [i % 2 for i in range(100) if i not in (3, 8)]
    assert [each.index for each in bad] == [3, 8]
    assert bad[0] == BadSample(3, "sample 3 of texts", "t3 is damaged. Fix: mend it.")
    assert kept.notes[0] == "before"
    assert kept.notes[1].startswith("2 of 100 samples of texts cannot be read and left out (2 %): sample 3")
    assert kept.digest != data.digest


@pytest.mark.parametrize(
    ("bad", "policy", "passes"), [(5, "cap 5%", True), (6, "cap 5%", False), (1, "cap 0.5%", False)]
)
def test_cap(bad, policy, passes):
    data, prepare = texts(bad=range(bad))
    if passes:
        assert len(examine(data, prepare, policy)[1]) == bad
    else:
        with pytest.raises(DataError, match=rf"more than the {policy[4:-1]} % that are allowed"):
            examine(data, prepare, policy)


@pytest.mark.parametrize("policy", ["", "skp", "cap", "cap 0%", "cap 101%", "cap -1%", "cap five%"])
def test_unknown_policies(policy):
    with pytest.raises(UsageError, match="no policy for bad samples"):
        examine(*texts(), policy)


def test_a_class_that_loses_all_is_an_error():
    data, prepare = texts(9, bad=(1, 4, 7), classes=3)
    with pytest.raises(DataError, match="none left of 1 classes: 1; bad are sample 1"):
        examine(data, prepare, "skip")


def test_several_labels_and_numbers():
    _, prepare = texts(4, bad=(0,))
    several = LabelledData(
        "s", list("abcd"), np.array([[1, 0], [0, 1], [0, 1], [0, 0]], dtype=np.float32), ("x", "y"), "d", inputs="text",
        answer="multi_label",
    )  # fmt: skip
    with pytest.raises(DataError, match="none left of 1 classes: x"):
        examine(several, prepare, "skip")
    numbers = LabelledData("n", list("abcd"), np.ones(4, dtype=np.float32), (), "d", inputs="text", answer="regression")
    assert len(examine(numbers, prepare, "skip")[0]) == 3


def test_nothing_left():
    numbers = LabelledData("n", ["a"], np.ones(1, dtype=np.float32), (), "d", inputs="text", answer="regression")
    with pytest.raises(DataError, match="all 1 samples of n are bad"):
        examine(numbers, texts(1, bad=(0,))[1], "skip")


def test_other_errors_are_not_swallowed():
    def prepare(index):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examine(texts()[0], prepare, "skip")


def test_the_list_as_a_file(tmp_path):
    bad = (BadSample(3, "ä/3.png", "damaged\nhere"), BadSample(8, "t.csv row 8", "x"))
    write_bad_samples(tmp_path / "bad.jsonl", bad)
    rows = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [BadSample(**row) for row in rows] == list(bad)
    with pytest.raises(StoreError):
        write_bad_samples(tmp_path / "absent" / "bad.jsonl", bad)
