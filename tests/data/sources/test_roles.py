import pytest

from zoo.data.sources.roles import find_roles, said_roles
from zoo.data.tables import Table
from zoo.errors import DataError, UnknownName, UsageError

TEXT = [f"text number {i}" for i in range(12)]
OTHER = [f"another {i}" for i in range(12)]
CLASS = ["a", "b", "c"] * 4
PATH = [f"{i}.png" for i in range(12)]
SOUND = [f"{i}.wav" for i in range(12)]
COUNT = [*range(12)]
WHO = ["x", "y"] * 6
PARTS = ["train", "train", "test"] * 4


def roles(columns, inputs="", classes=None, **given):
    found = find_roles(Table("t.csv", columns, classes=classes or {}), given, inputs)
    return found.inputs, found.samples, found.labels, found.group, found.split


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"text": TEXT, "label": CLASS}, ("text", ("text",), ("label",), "", "")),
        ({"Review": TEXT, "stars": [1, 2, 3] * 4}, ("text", ("Review",), ("stars",), "", "")),
        ({"q": TEXT, "kind": CLASS}, ("text", ("q",), ("kind",), "", "")),
        ({"id": COUNT, "text": TEXT, "author": WHO, "label": CLASS}, ("text", ("text",), ("label",), "author", "")),
        ({"idx": COUNT, "question1": TEXT, "question2": OTHER, "label": CLASS},
         ("text_pair", ("question1", "question2"), ("label",), "", "")),
        ({"premise": TEXT, "hypothesis": OTHER, "label": CLASS},
         ("text_pair", ("premise", "hypothesis"), ("label",), "", "")),
        ({"path": PATH, "class": CLASS}, ("image", ("path",), ("class",), "", "")),
        ({"file": SOUND, "speaker_id": WHO, "target": CLASS, "split": PARTS},
         ("audio", ("file",), ("target",), "speaker_id", "split")),
        ({"image": PATH, "caption": TEXT, "label": CLASS}, ("image", ("image",), ("label",), "", "")),
        ({"text": TEXT, "score": [0.5] * 12}, ("text", ("text",), ("score",), "", "")),
        ({"text": TEXT, "n": [3, *COUNT[:-1]], "mood": CLASS}, None),  # n may be a quantity
        ({"text": TEXT, "mood": CLASS, "row": COUNT}, ("text", ("text",), ("mood",), "", "")),
        ({"text": TEXT, "mood": CLASS, "place": COUNT}, ("text", ("text",), ("mood",), "", "")),  # numbers the rows
        ({"text": TEXT, "Unnamed: 0": COUNT, "mood": CLASS}, ("text", ("text",), ("mood",), "", "")),
        ({"text": TEXT, "document_id": COUNT, "label": CLASS}, ("text", ("text",), ("label",), "", "")),
        ({"text": TEXT, "split": CLASS, "label": CLASS}, ("text", ("text",), ("label",), "", "")),
        ({"text": TEXT, "label": CLASS, "label_text": CLASS}, ("text", ("text",), ("label",), "", "")),
    ],
)  # fmt: skip
def test_inferred(columns, expected):
    if expected is None:
        with pytest.raises(DataError, match="more than one column"):
            roles(columns)
    else:
        assert roles(columns) == expected


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"text": TEXT, "label": CLASS, "target": CLASS},
            r"may be the label: label, target\. Fix: .*roles=\{\"label\": \"label\"\}",
        ),
        (
            {"text": TEXT, "toxic": [0, 1] * 6, "rude": [1, 0] * 6},
            r'or all, as one label of several classes: roles=\{"label": "toxic,rude"\}',
        ),
        ({"title": TEXT, "description": OTHER, "label": CLASS}, "may be the text: title, description"),
        ({"a": TEXT, "b": OTHER, "label": CLASS}, "may be the text: a, b"),
        ({"x": PATH, "y_path": PATH, "label": CLASS}, "may be the sample: x, y_path"),
        (
            {"text": TEXT, "label": CLASS, "user": WHO, "session": WHO},
            r"may be the group: user, session|may be the group: session, user",
        ),
        ({"text": TEXT, "label": CLASS, "split": PARTS, "part": PARTS}, "may be the part of a sample: split, part"),
        (
            {"n": [1.5] * 12, "label": CLASS},
            "no column of texts, images or audio that zoo recognises; it has the columns 'n', 'label'",
        ),
    ],
)
def test_unclear(columns, said):
    with pytest.raises(DataError, match=said):
        roles(columns)


def test_declared_classes_count_as_labels():
    columns = {"img": PATH, "fine": [0, 1, 2] * 4, "coarse": [0, 1] * 6, "n": [5] * 12}
    assert roles(columns, classes={"fine": ("a", "b", "c")})[2] == ("fine",)
    with pytest.raises(DataError, match="may be the label: fine, coarse"):
        roles(columns, classes={"fine": ("a", "b", "c"), "coarse": ("a", "b")})


def test_no_label_is_no_error_here():
    assert roles({"id": COUNT, "text": TEXT})[2] == ()


def test_given_roles_win():
    columns = {"title": TEXT, "description": OTHER, "label": CLASS, "target": CLASS, "user": WHO, "part": PARTS}
    given = {"text": "description", "label": "target", "group": "title", "split": ""}
    assert roles(columns, **given) == ("text", ("description",), ("target",), "title", "")
    assert roles(columns, text="title", second="description", label="label,target", group="")[:4] == (
        "text_pair", ("title", "description"), ("label", "target"), "",
    )  # fmt: skip
    assert roles({"a,b": CLASS, "t": TEXT}, label="a,b")[2] == ("a,b",)
    assert roles({"id": CLASS, "t": TEXT}, label="id")[2] == ("id",)


def test_inputs_narrow_the_choice():
    columns = {"image": PATH, "clip": SOUND, "label": CLASS}
    with pytest.raises(DataError, match="may be the sample: image, clip"):
        roles(columns)
    assert roles(columns, inputs="audio", label="label")[:2] == ("audio", ("clip",))
    assert roles({"a": TEXT, "b": OTHER, "label": CLASS}, inputs="text_pair")[1] == ("a", "b")
    with pytest.raises(DataError, match="no column of image"):
        roles({"text": TEXT, "label": CLASS}, inputs="image")


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"lable": "label"}, UnknownName, "unknown role 'lable'. Nearest: label. Known: text, second"),
        (
            {"label": "lable"},
            UnknownName,
            r"unknown column 'lable'. Nearest: label. t.csv has the columns 'text', 'label'",
        ),
        ({"label": "text", "text": "text"}, UsageError, "column 'text' has two roles"),
        ({"text": "text", "image": "label"}, UsageError, "roles text and image make no sample"),
        ({"second": "text"}, UsageError, "make no sample"),
    ],
)
def test_roles_that_cannot_be(given, error, said):
    with pytest.raises(error, match=said):
        roles({"text": TEXT, "label": CLASS}, **given)


def test_roles_and_inputs_must_agree():
    with pytest.raises(UsageError, match="inputs='image' and the roles text differ"):
        roles({"text": TEXT, "label": CLASS}, inputs="image", text="text")


def test_roles_may_be_lists():
    assert said_roles({"label": ("a", "b"), "text": "t"}) == {"label": "a,b", "text": "t"}
    assert said_roles(None) == {}
    for strange in ({"label": 3}, {3: "label"}, {"label": ["a", 3]}):
        with pytest.raises(UsageError, match="roles are names of columns"):
            said_roles(strange)


def test_a_label_column_that_is_empty_is_still_the_label():
    """So that the message is about its cells, and not that there is no such column."""
    assert roles({"text": TEXT, "label": [None] * 12, "n": [3] * 12})[2] == ("label",)
