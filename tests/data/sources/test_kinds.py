import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from zoo.data.sources.kinds import Kind, is_empty, is_whole, kind_of, medium_of, suffix_kind
from zoo.data.tables import Table


def png(suffix="PNG"):
    data = io.BytesIO()
    Image.new("RGB", (4, 4)).save(data, suffix)
    return data.getvalue()


def wav(form="WAV"):
    data = io.BytesIO()
    soundfile.write(data, np.zeros(800, dtype=np.float32), 8000, format=form)
    return data.getvalue()


@pytest.mark.parametrize(
    ("values", "written", "name", "form"),
    [
        (["a.png", "ä b/c.JPG", None], False, "image", "path"),
        (["a.wav", "b.flac"], True, "audio", "path"),
        (["a.wav", "b.png"], False, "text", ""),
        (["so good", "bad.png"], False, "text", ""),
        (["1", "-2", ""], True, "whole", ""),
        (["1", "2"], False, "text", ""),
        (["007", "008"], True, "float", ""),
        (["1.5", "nan"], True, "float", ""),
        ([1, 2], False, "whole", ""),
        ([1, 2.5, float("nan")], False, "float", ""),
        ([True, False], False, "bool", ""),
        ([True, 2], False, "mixed", ""),
        (["a", 1], False, "mixed", ""),
        ([["a"], []], False, "list", ""),
        ([["a"], "b"], False, "mixed", ""),
        ([None, float("nan"), " "], False, "empty", ""),
        ([{"x": 1}], False, "other", ""),
        ([png(), png("JPEG")], False, "image", "bytes"),
        ([wav()], False, "audio", "bytes"),
        ([wav("FLAC")], False, "audio", "bytes"),
        ([png("WEBP")], False, "image", "bytes"),  # RIFF, as WAV
        ([{"bytes": None, "path": "a.mp3"}], False, "audio", "bytes"),
        ([Image.new("L", (2, 2))], False, "image", "object"),
        ([(np.zeros(5, dtype=np.float32), 8000)], False, "audio", "object"),
    ],
)
def test_kinds(values, written, name, form):
    kind = kind_of(Table("t", {"x": values}, written=written), "x")
    assert (kind.name, kind.form) == (name, form)


def test_what_is_declared_wins():
    assert kind_of(Table("t", {"x": [png()]}, media={"x": "audio"}), "x").name == "audio"


def test_few():
    assert Kind("whole", distinct=50, filled=100).few()
    assert not Kind("whole", distinct=51, filled=1000).few()
    assert not Kind("whole", distinct=3, filled=5).few()
    assert kind_of(Table("t", {"x": ["a", "b", "a", "", None]}), "x") == Kind("text", "", 2, 3, ("str",))


def test_small_questions():
    assert [is_empty(x) for x in (None, "", " \n", float("nan"), np.float32("nan"), 0, "0", [], False)] == [
        True
    ] * 5 + [False] * 4
    assert [is_whole(x) for x in ("0", "-5", "+3", "05", "1.0", "1e3", "", "9" * 30)] == [True] * 3 + [False] * 5
    assert (suffix_kind("a/b.PNG "), suffix_kind("b.mp3"), suffix_kind("png")) == ("image", "audio", "")
    assert medium_of({"array": [0.0], "sampling_rate": 8000}) == "audio"
    assert medium_of(np.zeros((4, 4), dtype=np.float32)) == medium_of(("a", "b")) == medium_of(3) == ""
