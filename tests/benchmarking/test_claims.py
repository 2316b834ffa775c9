"""Claims: one holder at a time, across processes; nothing stale after a death; said once where locks do not work."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import zoo.benchmarking.claims as module
from zoo.benchmarking.claims import Claims
from zoo.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from zoo.benchmarking.claims import Claims
claims = Claims(Path(sys.argv[1]))
print(claims.take("a"), flush=True)
time.sleep(300)
"""


def test_a_killed_holder_leaves_nothing_stale(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        mine = Claims(tmp_path)
        assert not mine.take("a")
        assert mine.take("b")
        holder.kill()
        holder.wait()
    assert mine.take("a")
    mine.close()
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_outlives_its_driver_holds_nothing(tmp_path: Path) -> None:
    mine, other = Claims(tmp_path), Claims(tmp_path)
    assert mine.take("a")
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        os.write(tell, b"x")
        time.sleep(300)
        os._exit(0)
    try:
        os.read(ready, 1)
        os.close(mine._held.pop("a"))  # what the kernel does when this process dies
        assert other.take("a")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready), os.close(tell)
    other.close()


def test_closing_leaves_the_claims_of_others(tmp_path: Path) -> None:
    mine, other = Claims(tmp_path), Claims(tmp_path)
    assert mine.take("a")
    assert other.take("b")
    mine.close()
    mine.close()
    assert (tmp_path / ".claims" / "b").exists()
    assert not mine.take("b")
    assert mine.take("a")
    mine.close()
    other.close()


def test_many_at_once_never_hold_the_same(tmp_path: Path) -> None:
    """A lock on a file that its last holder has just removed must not count."""
    inside, most = [0], [0]

    def work() -> None:
        claims = Claims(tmp_path)
        for _ in range(300):
            if claims.take("a"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                inside[0] -= 1
                claims.drop("a")
        claims.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_where_nothing_can_be_locked_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    said: list[str] = []
    claims = Claims(tmp_path, said.append)
    assert claims.take("a")
    assert claims.take("b")
    claims.drop("a")
    claims.close()
    assert len(said) == 1
    assert "cells cannot be claimed" in said[0]


def test_without_fcntl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fcntl", None)
    said: list[str] = []
    claims = Claims(tmp_path, said.append)
    assert claims.take("a")
    claims.drop("a")
    claims.close()
    assert ["no flock" in line for line in said] == [True]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be claimed"):
        Claims(tmp_path / "gone").take("a")
