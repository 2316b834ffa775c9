import json
import struct
from importlib.util import find_spec

import numpy as np
import pytest

from zoo.data import espeak
from zoo.data.espeak import Utterance, speak
from zoo.errors import DataError, MissingDependency

needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs the extra espeak")

HEAD = json.dumps({"version": "9", "rate": 8000}) + "\n"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A worker of our own in place of the one that needs espeak-ng."""

    def write(code):
        file = tmp_path / "worker.py"
        file.write_text("import os, sys, time\nout = sys.stdout.buffer\nlines = sys.stdin.readlines()\n" + code)
        monkeypatch.setattr(espeak, "WORKER", file)
        monkeypatch.setattr(espeak.importlib.util, "find_spec", lambda name: name)

    return write


def framed(*values):
    sound = np.array(values, dtype=np.int16).tobytes()
    return struct.pack("<I", len(sound)) + sound


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(espeak.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"Fix: pip install 'transfer-zoo\[espeak\]'"):
        speak([Utterance("hello")])


def test_the_sound_of_each_utterance(stand_in):
    stand_in(f"out.write({HEAD.encode() + framed(1, -2) + framed(3)!r})\nassert 'text' in lines[1]")
    spoken = speak([Utterance("a"), Utterance("b")])
    assert (spoken.version, spoken.rate) == ("9", 8000)
    assert [wave.tolist() for wave in spoken.waves] == [[1, -2], [3]]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os.abort()", r"exit code -6 at utterance 0 of 2, Utterance\(text='a'.*it said nothing"),
        ("sys.exit('out of sorts')", r"exit code 1 at utterance 0 of 2.*out of sorts\. Fix"),
        ("print('[]')", "exit code 0 at utterance 0 of 2"),
        ("out.write(b'no line')", "exit code 0 at utterance 0 of 2"),
        (f"out.write({HEAD.encode() + framed(1) + framed(3)[:-1]!r})", r"at utterance 1 of 2, Utterance\(text='b'"),
        (f"out.write({HEAD.encode() + framed(1) + framed(3)[:2]!r})", r"at utterance 1 of 2, Utterance\(text='b'"),
        (
            f"out.write({HEAD.encode() + framed(1) + framed(3)!r}); out.flush(); sys.exit(3)",
            "exit code 3 at utterance 2",
        ),
        (f"out.write({HEAD.encode() + framed(1) + framed(0)!r})", r"no sound of Utterance\(text='b'"),
    ],
)
def test_a_worker_that_dies_or_says_nonsense(stand_in, code, said):
    stand_in(code)
    with pytest.raises(DataError, match=said):
        speak([Utterance("a"), Utterance("b")])


def test_a_worker_that_never_ends(stand_in):
    stand_in("time.sleep(60)")
    with pytest.raises(DataError, match="more than 1 s for 1 utterances"):
        speak([Utterance("a")], seconds=1)


@needs_espeak
def test_the_same_sound_whatever_is_said_beside_it():
    """Within one process espeak-ng says a text otherwise the second time; here it must not."""
    one, other = Utterance("[[x|'@|b|E|f]]", "en-029", "f2"), Utterance("hello", "de", "m3", 300, 90)
    first = speak([one, one, other]).waves
    second = speak([other, one]).waves
    assert first[0].tobytes() == first[1].tobytes() == second[1].tobytes()
    assert first[2].tobytes() == second[0].tobytes() != first[0].tobytes()


@needs_espeak
def test_every_setting_counts():
    asked = [
        Utterance("[[b|'O:]]"),
        Utterance("[[b|'OI]]"),
        Utterance("[[b|'O:]]", voice="en-029"),
        Utterance("[[b|'O:]]", variant="f1"),
        Utterance("[[b|'O:]]", rate=300),
        Utterance("[[b|'O:]]", pitch=90),
    ]
    assert len({wave.tobytes() for wave in speak(asked).waves}) == len(asked)


@needs_espeak
@pytest.mark.parametrize("wrong", [{"voice": "nobody"}, {"variant": "nobody"}])
def test_who_is_unknown_is_named(wrong):
    with pytest.raises(DataError, match=r"at utterance 1 of 2.*espeak-ng has no (voice|variant) 'nobody'"):
        speak([Utterance("a"), Utterance("b", **wrong)])


@needs_espeak
def test_phonemes_that_are_none():
    with pytest.raises(DataError, match="no sound of"):
        speak([Utterance("")])
