from __future__ import annotations

import gc
import operator
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from processes import driver, gone, outcomes

from zoo.benchmarking.executors import Executor, ForkPool, InProcess, start_method
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked workers and /proc")


def draw(seed: int) -> list[float]:
    rng = random.Random(seed)
    return [rng.random() for _ in range(3)]


# -------------------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize(
    "executor",
    [InProcess(), ForkPool(1), ForkPool(3), ForkPool(2, method="spawn")],
    ids=["here", "one", "three", "spawned"],
)
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


@pytest.mark.parametrize("executor", [InProcess(), ForkPool(1), ForkPool(3)], ids=["here", "one", "three"])
def test_a_cell_that_is_not_admitted_is_left_out(executor: Executor) -> None:
    asked: list[int] = []

    def admit(cell: int) -> bool:
        asked.append(cell)
        return cell % 3 == 0

    got = {outcome.cell: outcome.value for outcome in executor.run(list(range(10)), lambda cell: cell * 2, admit)}
    executor.close()
    assert got == {0: 0, 3: 6, 6: 12, 9: 18}
    assert asked == list(range(10))
    assert list(executor.run([1, 2], lambda cell: cell, admit)) == []


def test_cells_are_admitted_when_a_worker_is_free_and_not_before() -> None:
    asked: list[int] = []
    run = ForkPool(2).run(list(range(9)), lambda cell: cell, lambda cell: not asked.append(cell))
    next(run)
    assert len(asked) < 9
    assert len(list(run)) == 8


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


def test_no_torch() -> None:
    code = "import sys, zoo.benchmarking.executors; print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# --------------------------------------------------------------------------------------------------------------- limits


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


def test_impossible_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for workers, threads in ((0, 1), (1, 0)):
        with pytest.raises(IncompatibleError, match="must be 1 or more, received 0"):
            ForkPool(workers, threads)
    monkeypatch.setattr("zoo.benchmarking.executors.own_megabytes", lambda pid: None)
    with pytest.raises(IncompatibleError, match="memory_mb=5"):
        ForkPool(1, memory_mb=5)


# -------------------------------------------------------------------------------------------------- nothing left behind


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


# -------------------------------------------------------------------------------------------------------------- threads


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


def test_every_executor_pins_its_threads(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(3)
    for executor in (InProcess(), ForkPool(1)):
        got = outcomes(executor, [0], lambda _: (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
        assert got[0].value == (1, "1")
    assert torch.get_num_threads() == 3


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
