import numpy as np
import pytest

from zoo.data.sources.labelled_table import from_table
from zoo.data.tables import Table
from zoo.errors import DataError, UnknownName

TEXT = [f"text {i}" for i in range(8)]
LABEL = ["b", "a"] * 4


def table(**columns):
    return Table("dir/t.csv", {"text": TEXT, "label": LABEL, **columns})


def test_everything_is_laid_out():
    data = from_table(table(speaker=["x", "y"] * 4, split=["train"] * 4 + ["dev"] * 2 + ["test"] * 2))
    assert (data.name, data.kind, len(data)) == ("t.csv", "text_classification", 8)
    assert list(data.samples) == TEXT
    assert data.classes == ("a", "b")
    assert data.targets.tolist() == [1, 0] * 4
    assert data.groups.tolist() == ["x", "y"] * 4
    assert data.parts.tolist() == ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assert data.origin(5) == "row 5 of dir/t.csv"
    assert data.notes == (
        "text is column 'text', label is column 'label' (2 classes), group is column 'speaker', split is column 'split'"
        "; set it with roles={...}",
    )
    assert len(data.digest) == 64


def test_what_was_said_is_not_told_again():
    roles = {"text": "text", "label": "label"}
    assert from_table(table(), roles=roles).notes == ()
    assert "label is column 'label'" in from_table(table(), roles={"text": "text"}).notes[0]


def test_one_part_is_read_alone():
    whole = table(split=["train"] * 4 + ["dev"] * 4)
    data = from_table(whole, split="val")
    assert (list(data.samples), data.parts) == (TEXT[4:], None)
    assert data.origin(0) == "row 4 of dir/t.csv"
    with pytest.raises(UnknownName, match=r"unknown split 'test'. .*has train, validation"):
        from_table(whole, split="test")
    with pytest.raises(UnknownName, match="has no parts"):
        from_table(table(), split="test")


def test_parts_without_labels_or_of_unknown_names_are_told():
    rows = Table(
        "imdb", {"text": TEXT, "label": [0, 1, 0, 1, -1, -1, 0, 1]}, classes={"label": ("neg", "pos")},
        parts=["train"] * 4 + ["test"] * 2 + ["unsupervised"] * 2,
    )  # fmt: skip
    data = from_table(rows)
    assert len(data) == 4
    assert data.classes == ("neg", "pos")
    assert "part 'test' is not read (2 rows): it has no labels" in data.notes
    assert any(note.startswith("part 'unsupervised' is not read (2 rows)") for note in data.notes)
    assert len(from_table(rows, split="unsupervised")) == 2
    with pytest.raises(DataError, match="2 of 2 labels are empty"):
        from_table(rows, split="test")


def test_empty_cells_of_parts_and_groups():
    with pytest.raises(DataError, match=r"1 cells of column 'split' are empty, the first in row 7"):
        from_table(table(split=["train"] * 4 + ["dev"] * 3 + [None]))
    with pytest.raises(DataError, match=r'1 cells of the group column \'user\' are empty.*roles=\{"group": ""\}'):
        from_table(table(user=["x"] * 7 + [None]))
    assert from_table(table(user=["x"] * 7 + [None]), roles={"group": ""}).groups is None


def test_no_rows_and_no_labels():
    with pytest.raises(DataError, match="has no rows"):
        from_table(Table("t", {"text": [], "label": []}))
    with pytest.raises(DataError, match="no column of labels"):
        from_table(Table("t", {"text": TEXT}))


def test_digest_is_of_the_content_and_of_nothing_else():
    data = from_table(table())
    other = Table("elsewhere", {"about": LABEL, "review": TEXT, "id": [*range(8)]}, written=True)
    assert from_table(other, roles={"label": "about"}).digest == data.digest
    assert from_table(Table("t", {"text": TEXT[::-1], "label": LABEL})).digest != data.digest


def test_regression_and_several_labels():
    numbers = Table("t", {"text": TEXT, "score": np.linspace(0, 1, 8).tolist()})
    with pytest.raises(DataError, match="answer='regression'"):
        from_table(numbers)
    data = from_table(numbers, answer="regression")
    assert (data.kind, data.classes) == ("text_regression", ())
    assert "label is column 'score' (numbers)" in data.notes[0]
    flags = Table("t", {"text": TEXT, "x": [0, 1] * 4, "y": [1, 1] * 4})
    data = from_table(flags, roles={"label": "x,y"})
    assert (data.kind, data.targets.shape) == ("text_multi_label", (8, 2))
    assert "label is column 'x', 'y' (2 classes, several at once)" in data.notes[0]
