from __future__ import annotations

import ctypes
import faulthandler
import gc
import operator
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from zoo.benchmarking.executors import Executor, ForkPool, InProcess, Outcome, pinned_threads, start_method
from zoo.errors import IncompatibleError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked workers and /proc")


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


def outcomes(executor: Executor, cells: list[Any], work: Callable[[Any], Any]) -> dict[Any, Outcome[Any, Any]]:
    try:
        return {outcome.cell: outcome for outcome in executor.run(cells, work)}
    finally:
        executor.close()


def draw(seed: int) -> list[float]:
    rng = random.Random(seed)
    return [rng.random() for _ in range(3)]


# ----------------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize("executor", [InProcess(), ForkPool(1), ForkPool(3), ForkPool(2, method="spawn")], ids=repr)
def test_every_executor_gives_the_same_values(executor: Executor) -> None:
    work = operator.methodcaller("bit_length")  # importable, for spawn
    cells = list(range(20))
    random.Random(0).shuffle(cells)
    got = outcomes(executor, cells, work)
    assert {cell: outcome.value for cell, outcome in got.items()} == {cell: cell.bit_length() for cell in range(20)}
    assert all(outcome.ok and outcome.error is None and outcome.seconds >= 0 for outcome in got.values())


def test_order_does_not_matter() -> None:
    cells = list(range(30))
    forward = outcomes(ForkPool(3), cells, draw)
    backward = outcomes(ForkPool(2), cells[::-1], draw)
    reference = outcomes(InProcess(), cells, draw)
    values = [{cell: outcome.value for cell, outcome in got.items()} for got in (forward, backward, reference)]
    assert values[0] == values[1] == values[2]


def test_no_cells_and_fewer_cells_than_workers() -> None:
    assert outcomes(ForkPool(4), [], draw) == {}
    assert len(outcomes(ForkPool(4), [1], draw)) == 1
    assert outcomes(InProcess(), [], draw) == {}


def test_cells_that_are_equal_none_or_cannot_be_pickled() -> None:
    lock = threading.Lock()
    assert [outcome.value for outcome in ForkPool(1).run([1, 1, None], lambda cell: cell)] == [1, 1, None]
    assert [outcome.value for outcome in ForkPool(1).run([lock], lambda cell: cell.locked())] == [False]


def test_workers_live_for_many_cells_and_see_the_driver_as_it_is() -> None:
    pool, state = ForkPool(2), ["old"]
    first = outcomes(pool, list(range(20)), lambda _: (os.getpid(), state[0]))
    state[0] = "new"
    second = outcomes(pool, list(range(20)), lambda _: (os.getpid(), state[0]))
    values = [[outcome.value or (0, "") for outcome in got.values()] for got in (first, second)]
    assert [len({pid for pid, _ in got}) <= 2 for got in values] == [True, True]
    assert [{word for _, word in got} for got in values] == [{"old"}, {"new"}]


def test_a_large_value() -> None:
    assert outcomes(ForkPool(1), [0], lambda _: b"x" * 20_000_000)[0].value == b"x" * 20_000_000


# ---------------------------------------------------------------------------------------------------------- failures


def fail(cell: int) -> int:
    if cell == 1:
        try:
            return dict[int, int]()[cell]
        except KeyError as error:
            raise ValueError("no such glyph \udc80") from error
    if cell == 2:
        sys.exit("enough")
    return cell


@pytest.mark.parametrize("executor", [InProcess(), ForkPool(2)], ids=repr)
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


def test_every_cell_kills_its_worker() -> None:
    got = outcomes(ForkPool(2), list(range(6)), lambda _: os._exit(3))
    assert len(got) == 6
    assert not any(outcome.ok for outcome in got.values())


def test_a_cell_that_hangs_is_stopped() -> None:
    start = time.monotonic()
    got = outcomes(ForkPool(2, timeout=0.5), list(range(6)), lambda cell: time.sleep(300) if cell == 1 else cell)
    assert time.monotonic() - start < 60
    assert got[1].error == "TimeLimit: the cell ran for more than 0.5 s and was stopped"
    assert got[1].seconds >= 0.5
    assert [got[cell].value for cell in (0, 2, 3, 4, 5)] == [0, 2, 3, 4, 5]


def test_a_cell_that_takes_too_much_memory_is_stopped() -> None:
    shared = bytearray(os.urandom(1)) * 300_000_000  # of the driver: not counted against a worker

    def hog(cell: int) -> int:
        taken = bytearray(b"x") * (400_000_000 if cell == 1 else 1_000)
        time.sleep(300 if cell == 1 else 0.5)  # long enough to be seen by the driver
        return len(taken) + shared[0] - shared[-1]

    got = outcomes(ForkPool(2, memory_mb=150), [0, 1, 2], hog)
    assert got[1].error == "MemoryLimit: the worker took more than 150 MB and was stopped"
    assert [got[cell].value for cell in (0, 2)] == [1_000, 1_000]


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


def test_impossible_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for workers, threads in ((0, 1), (1, 0)):
        with pytest.raises(IncompatibleError, match="must be 1 or more, received 0"):
            ForkPool(workers, threads)
    monkeypatch.setattr("zoo.benchmarking.executors._own_megabytes", lambda pid: None)
    with pytest.raises(IncompatibleError, match="memory_mb=5"):
        ForkPool(1, memory_mb=5)


# ------------------------------------------------------------------------------------------------ threads and methods


@pytest.fixture
def with_threads() -> Iterator[Callable[[int], Any]]:
    """Torch with so many threads in the driver, until the end of the test."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()

    def change(threads: int) -> Any:
        torch.set_num_threads(threads)
        return torch

    yield change
    torch.set_num_threads(before)


def test_threads_are_pinned_and_put_back(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(3)
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    for executor in (InProcess(), ForkPool(1)):
        got = outcomes(executor, [0], lambda _: (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
        assert got[0].value == (1, "1")
    with pinned_threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 3
    assert {name: os.environ.get(name) for name in before} == before


def test_a_cell_cannot_unpin_the_next(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(2)

    def unpin(_: int) -> int:
        found = int(torch.get_num_threads())
        torch.set_num_threads(2)
        return found

    assert [outcome.value for outcome in ForkPool(1).run([0, 1, 2], unpin)] == [1, 1, 1]


def test_a_forked_worker_trains_after_the_driver_has_used_many_threads(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(4)

    def work(seed: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(300, 300, generator=generator, requires_grad=True)
        (x @ x).relu().sum().backward()
        assert x.grad is not None
        return [float(value) for value in x.grad.flatten()[:5]]

    reference = [outcome.value for outcome in InProcess().run([0, 1, 2], work)]
    work(0)  # with four threads
    got = outcomes(ForkPool(2, timeout=60), [0, 1, 2], work)
    assert [got[seed].value for seed in range(3)] == reference


def test_start_method(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        def __init__(self, used: bool) -> None:
            self.cuda = self
            self.is_initialized = lambda: used

    monkeypatch.setitem(sys.modules, "torch", Cuda(False))
    assert (start_method(), start_method(threads=2)) == ("fork", "spawn")
    monkeypatch.setitem(sys.modules, "torch", Cuda(True))
    assert start_method() == "spawn"
    monkeypatch.delitem(sys.modules, "torch")
    assert start_method() == "fork"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert start_method() == "spawn"


def test_no_torch() -> None:
    code = "import sys, zoo.benchmarking.executors; print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# ------------------------------------------------------------------------------------------------- nothing left behind


def test_a_consumer_who_stops_early_leaves_no_workers() -> None:
    pids = []
    for outcome in ForkPool(3).run(list(range(9)), lambda cell: os.getpid() if cell < 2 else time.sleep(300)):
        pids.append(outcome.value)
        if len(pids) == 2:
            break
    gc.collect()
    assert gone([pid for pid in pids if pid])


def test_close_ends_a_run_and_the_pool_can_be_used_again() -> None:
    pool = ForkPool(2)
    run = pool.run([0, 1, 2], lambda cell: os.getpid() if cell == 0 else time.sleep(300))
    pid = next(run).value
    assert pid is not None
    pool.close()
    pool.close()
    assert gone([pid])
    assert list(run) == []
    assert [outcome.value for outcome in pool.run([5], lambda cell: cell)] == [5]


def test_processes_that_a_cell_started_go_with_its_worker(tmp_path: Path) -> None:
    def work(_: int) -> None:
        child = subprocess.Popen(["sleep", "300"])
        (tmp_path / "pid").write_text(str(child.pid))
        time.sleep(300)

    assert not outcomes(ForkPool(1, timeout=2), [0], work)[0].ok
    assert gone([int((tmp_path / "pid").read_text())])


def test_interruption_is_not_a_failed_cell() -> None:
    def interrupt(kind: type[BaseException]) -> None:
        raise kind("stopped")

    for kind in (KeyboardInterrupt, Interrupted):
        with pytest.raises(kind):
            list(InProcess().run([kind], interrupt))
    assert [outcome.ok for outcome in ForkPool(1).run([Interrupted], interrupt)] == [False]


def test_workers_ignore_ctrl_c() -> None:
    assert outcomes(ForkPool(1), [0], lambda _: signal.raise_signal(signal.SIGINT))[0].ok


DRIVER = """
import os, sys, time
from pathlib import Path
from zoo.benchmarking.executors import ForkPool

def work(cell):
    if cell:
        Path(sys.argv[1], f"{os.getpid()}.pid").touch()
        {busy}
    return cell

pool = ForkPool(3)
outcomes = pool.run([0, 1, 2, 3], work)
next(outcomes)
{then}
"""


def driver(folder: Path, busy: str = "time.sleep(300)", then: str = "list(outcomes)") -> Any:
    """A driver in a process group of its own with three busy workers, and their process ids."""
    code = DRIVER.replace("{busy}", busy).replace("{then}", then)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while len(pids := [int(path.stem) for path in folder.glob("*.pid")]) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(pids) == 3
    return process, pids


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


def test_ctrl_c_stops_everything_with_one_traceback(tmp_path: Path) -> None:
    process, pids = driver(tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert gone(pids)
    assert process.returncode != 0
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_a_driver_that_ends_in_the_middle_of_a_run_does_not_wait(tmp_path: Path) -> None:
    wait = "while len(list(Path(sys.argv[1]).glob('*.pid'))) < 3: time.sleep(0.01)"
    process, pids = driver(tmp_path, then=wait)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert gone(pids)
