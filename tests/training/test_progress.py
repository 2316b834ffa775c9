import io
import sys

import pytest

from zoo.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_in_a_log(capsys, monkeypatch):
    monkeypatch.setattr(Progress, "EVERY", 0.0)
    with Progress("fitting", 20) as progress:
        progress.advance(note="loss 0.500")
        progress.advance(19)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fitting: 20 steps to do"
    assert lines[1] == "fitting: 1/20 steps, time left not known yet  loss 0.500"
    assert lines[2] == "fitting: 20/20 steps, 0 s left"
    assert lines[-1].startswith("fitting: done at 20/20 steps after")


def test_a_stopped_run_says_so(capsys):
    with pytest.raises(RuntimeError), Progress("fitting", 3):
        raise RuntimeError
    assert "stopped at 0/3" in capsys.readouterr().err


def test_quiet_is_quiet(capsys):
    with Progress("fitting", 1, quiet=True) as progress:
        progress.advance()
    assert capsys.readouterr() == ("", "")


def test_live_line_on_a_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("fitting", 2) as progress:
        progress.advance(2, note="loss 0.1")
    assert "fitting" in screen.getvalue()
    assert "2/2" in screen.getvalue()


def test_time_left_follows_the_pace(monkeypatch):
    now = iter([0.0, 30.0])
    monkeypatch.setattr("zoo.training.progress.time.monotonic", lambda: next(now))
    progress = Progress("fitting", 40, done=10, quiet=True)
    progress.__enter__()
    progress.done = 20
    assert progress.left() == 60.0  # ten in 30 s, twenty to go


def test_time_left_weighs_units_by_their_work(monkeypatch):
    now = iter([0.0, 30.0])
    monkeypatch.setattr("zoo.training.progress.time.monotonic", lambda: next(now))
    progress = Progress("grid", 10, work=100.0, quiet=True)
    progress.__enter__()
    progress.advance(1, work=50.0)
    progress.add(5, work=50.0)
    assert progress.total == 15
    assert progress.left() == 60.0  # half of the first hundred took 30 s, and as much again was added
