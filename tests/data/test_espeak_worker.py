import json
import os
import signal
import struct
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from zoo.data import espeak_worker
from zoo.data.espeak import WORKER
from zoo.data.espeak_worker import apart

needs_espeak = pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs the extra espeak")

HELLO = {"voice": "en", "variant": "m1", "rate": 175, "pitch": 50, "text": "hello"}


def worker(*lines):
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    return subprocess.run([sys.executable, "-P", str(WORKER)], input=text.encode(), capture_output=True, check=False)


def test_work_apart_leaves_nothing_behind():
    kept = []
    assert apart(lambda: bytes([len(kept), kept.append("state") or len(kept)])) == b"\x00\x01"
    assert apart(lambda: bytes([len(kept)])) == b"\x00"


def test_much_sound_comes_whole():
    assert apart(lambda: bytes(3_000_000)) == bytes(3_000_000)


def test_work_that_raises(capfd):
    with pytest.raises(RuntimeError, match="reason above"):
        apart(lambda: {}["voice"])
    assert capfd.readouterr().err.startswith("KeyError: 'voice'")


def test_work_that_is_killed():
    with pytest.raises(RuntimeError, match="killed by SIGKILL"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL) or b"")


def test_work_that_takes_too_long():
    with pytest.raises(RuntimeError, match="took more than 1 s"):
        apart(lambda: time.sleep(60) or b"", seconds=1)


def test_the_time_limit_holds_where_the_signal_was_ignored():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with pytest.raises(RuntimeError, match="took more than 1 s"):
            apart(lambda: time.sleep(60) or b"", seconds=1)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_only_the_worker_loads_the_library():
    """It is under GPL-3: importing any room of zoo must not bring it in."""
    rooms = [path for path in WORKER.parents[1].rglob("*.py") if "import espeakng_loader" in path.read_text()]
    assert rooms == [WORKER]
    assert "espeakng_loader" not in sys.modules
    assert "    import espeakng_loader" in WORKER.read_text()  # within a function
    assert espeak_worker.SECONDS > 0


@needs_espeak
def test_the_answer_is_a_line_and_the_sound_of_each_request():
    ran = worker(HELLO, {**HELLO, "rate": 300})
    assert ran.returncode == 0, ran.stderr
    head, _, rest = ran.stdout.partition(b"\n")
    assert json.loads(head)["rate"] == 22_050
    assert json.loads(head)["version"]
    (first,) = struct.unpack("<I", rest[:4])
    (second,) = struct.unpack("<I", rest[4 + first : 8 + first])
    assert len(rest) == 8 + first + second
    assert 5_000 < second < first < 60_000


@needs_espeak
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"voice": "nobody"}, "LookupError: espeak-ng has no voice 'nobody'"),
        ({"variant": "nobody"}, "LookupError: espeak-ng has no variant 'nobody'"),
    ],
)
def test_who_is_unknown_is_named(change, said):
    ran = worker(HELLO, {**HELLO, **change}, HELLO)
    assert ran.returncode == 1
    assert said in ran.stderr.decode()
    assert len(ran.stdout) > 5_000  # what was said before


@needs_espeak
def test_a_line_that_is_none():
    ran = worker("{\n")
    assert ran.returncode == 1
    assert "JSONDecodeError" in ran.stderr.decode()
