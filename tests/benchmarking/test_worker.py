from __future__ import annotations

import ctypes
import faulthandler
import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from processes import alive, driver, gone, outcomes

from zoo.benchmarking.executors import Executor, ForkPool, InProcess
from zoo.errors import IncompatibleError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked workers and /proc")


# ------------------------------------------------------------------------------------------------------------- failures


def fail(cell: int) -> int:
    if cell == 1:
        try:
            return dict[int, int]()[cell]
        except KeyError as error:
            raise ValueError("no such glyph \udc80") from error
    if cell == 2:
        sys.exit("enough")
    return cell


@pytest.mark.parametrize("executor", [InProcess(), ForkPool(2)], ids=["here", "forked"])
def test_a_cell_that_raises_is_an_outcome(executor: Executor) -> None:
    got = outcomes(executor, [0, 1, 2, 3], fail)
    assert [got[cell].value for cell in range(4)] == [0, None, None, 3]
    assert got[1].error is not None
    lines = got[1].error.splitlines()
    assert lines[:2] == ["ValueError: no such glyph \\udc80", "  because of KeyError: 1"]
    assert lines[2].startswith(f"  at {__name__}:")
    assert lines[2].endswith(" in fail")
    assert len(lines) == 3
    assert str(Path(__file__).parent) not in got[1].error
    assert (got[2].error or "").startswith("SystemExit: enough")


def test_all_executors_describe_a_failure_in_the_same_words() -> None:
    one, other = outcomes(InProcess(), [1, 2], fail), outcomes(ForkPool(1), [1, 2], fail)
    assert [one[cell].error for cell in (1, 2)] == [other[cell].error for cell in (1, 2)]


def test_interruption_is_not_a_failed_cell() -> None:
    def interrupt(kind: type[BaseException]) -> None:
        raise kind("stopped")

    for kind in (KeyboardInterrupt, Interrupted):
        with pytest.raises(kind):
            list(InProcess().run([kind], interrupt))
    assert [outcome.ok for outcome in ForkPool(1).run([Interrupted], interrupt)] == [False]


def segfault() -> None:
    faulthandler.disable()  # pytest's, and its report
    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("die", "said"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by SIGKILL, often because the system ran out of memory"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "killed by SIGTERM"),
        (lambda: os._exit(7), "ended with exit code 7"),
        (lambda: os._exit(0), "ended with exit code 0"),
        (segfault, "killed by SIGSEGV"),
        (lambda: os.closerange(3, 200), "WorkerDied"),
    ],
    ids=["SIGKILL", "SIGTERM", "exit 7", "exit 0", "segfault", "closes its pipe"],
)
def test_a_worker_that_dies_is_replaced(die: Callable[[], None], said: str) -> None:
    got = outcomes(ForkPool(2), list(range(8)), lambda cell: die() if cell in (2, 5) else cell)
    assert {cell for cell, outcome in got.items() if not outcome.ok} == {2, 5}
    assert said in (got[2].error or "")
    assert [got[cell].value for cell in (0, 1, 3, 4, 6, 7)] == [0, 1, 3, 4, 6, 7]


def test_a_value_that_cannot_be_sent() -> None:
    class Odd:
        def __reduce__(self) -> Any:
            return operator.truediv, (1, 0)

    got = outcomes(ForkPool(1), [0, 1, 2], lambda cell: [cell, lambda: None, Odd()][cell])
    assert [got[cell].ok for cell in range(3)] == [True, False, False]
    assert "cannot be pickled" in (got[1].error or "")
    assert (got[2].error or "").startswith("ZeroDivisionError")


def test_spawn_needs_an_importable_function() -> None:
    with pytest.raises(IncompatibleError, match="importable"):
        list(ForkPool(1, method="spawn").run([1], lambda cell: cell))


# --------------------------------------------------------------------------------------------------- tied to its driver


def test_workers_ignore_ctrl_c() -> None:
    assert outcomes(ForkPool(1), [0], lambda _: signal.raise_signal(signal.SIGINT))[0].ok


def test_processes_that_a_cell_started_go_with_its_worker(tmp_path: Path) -> None:
    def work(_: int) -> None:
        child = subprocess.Popen(["sleep", "300"])
        (tmp_path / "pid").write_text(str(child.pid))
        time.sleep(300)

    assert not outcomes(ForkPool(1, timeout=2), [0], work)[0].ok
    assert gone([int((tmp_path / "pid").read_text())])


@pytest.mark.parametrize("busy", ["time.sleep(300)", "while True: pass"])
def test_a_killed_driver_leaves_no_workers(tmp_path: Path, busy: str) -> None:
    process, pids = driver(tmp_path, busy)
    assert all(alive(pid) for pid in pids)
    process.kill()
    process.communicate(timeout=30)
    assert gone(pids)


def test_without_a_death_signal_workers_see_the_end_of_their_pipe(tmp_path: Path) -> None:
    process, pids = driver(tmp_path, busy="__import__('ctypes').CDLL(None).prctl(1, 0); time.sleep(1)")
    process.kill()
    process.communicate(timeout=30)
    assert gone(pids)
