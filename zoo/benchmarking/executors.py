"""Where the cells of a grid run: in this process, or in a crew of worker processes on this machine.

An executor takes cells and one function, and gives an outcome for every cell, as they finish. A cell that raises, dies,
hangs or takes too much memory is an outcome with an error; it never stops the grid. As long as `work` takes everything
it needs (its random seeds too) from its cell, all executors give the same values in whatever order: they also pin the
number of threads, on which the last bits of a sum depend.
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from zoo.benchmarking.worker import Worker, attempt, own_megabytes
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from zoo.benchmarking.worker import Method

T = TypeVar("T")
R = TypeVar("R")

_POLL_SECONDS = 0.2  # how often limits are checked, and deaths that no pipe reports


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of one cell: its `value`, or the `error` as text, and the seconds that it took."""

    cell: T
    value: R | None
    error: str | None
    seconds: float

    @property
    def ok(self) -> bool:
        return self.error is None


def everyone(_: object) -> bool:
    """Admits every cell."""
    return True


class Executor(Protocol):
    """Runs cells. `close` stops what still runs; the executor can be used again afterwards.

    `admit` is asked in this process just before a cell starts; a cell that it refuses is left out, without an outcome.
    """

    def run(
        self, cells: Sequence[T], work: Callable[[T], R], admit: Callable[[T], bool] = ...
    ) -> Iterator[Outcome[T, R]]: ...

    def close(self) -> None: ...


class InProcess:
    """One cell after another in this process: for debuggers, small grids and as the reference for other executors.

    Example:
        >>> for outcome in InProcess().run([4, 0], lambda cell: 8 // cell):
        ...     outcome.value if outcome.ok else outcome.error.splitlines()[0]
        2
        'ZeroDivisionError: integer division or modulo by zero'
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = _at_least_one("threads", threads)

    def run(
        self, cells: Sequence[T], work: Callable[[T], R], admit: Callable[[T], bool] = everyone
    ) -> Iterator[Outcome[T, R]]:
        """One outcome a cell, in order. Ctrl-C (KeyboardInterrupt, Interrupted) is raised, not taken for a failure."""
        for cell in cells:
            if admit(cell):
                yield Outcome(cell, *attempt(work, cell, self.threads))

    def close(self) -> None:
        """Nothing to stop."""


class ForkPool:
    """Up to `workers` worker processes, each running one cell after another.

    Every `run` starts its own workers, so that they see `work`, the cells and everything that is loaded as they are at
    that moment, and share its memory. With "fork" nothing of it needs pickling (closures work), only values do.

    Args:
        workers: Processes at a time.
        threads: Threads of each worker (OpenMP, BLAS, torch).
        timeout: Seconds after which a cell is stopped; None for no limit.
        memory_mb: Megabytes (10^6 bytes) of memory of its own above which a worker is stopped; Linux only.
        method: "fork" or "spawn"; by default what `start_method` says.

    Raises:
        IncompatibleError: a number below 1, or a memory limit where it cannot be kept.

    Example:
        >>> pool = ForkPool(workers=2)
        >>> sorted(outcome.value for outcome in pool.run([1, 2, 3], lambda cell: cell * 10))
        [10, 20, 30]
        >>> pool.close()
    """

    def __init__(
        self,
        workers: int,
        threads: int = 1,
        timeout: float | None = None,
        memory_mb: int | None = None,
        method: Method | None = None,
    ) -> None:
        self.workers = _at_least_one("workers", workers)
        self.threads = _at_least_one("threads", threads)
        self.timeout = timeout
        self.memory_mb = memory_mb
        self.method = method
        if memory_mb is not None and own_megabytes(os.getpid()) is None:
            raise IncompatibleError(
                f"memory_mb={memory_mb} cannot be kept: it needs /proc/<pid>/smaps_rollup (Linux 4.14 or later), which "
                "this system does not have. Fix: leave memory_mb out and use fewer workers."
            )
        # Weak, so that a consumer who drops the iterator ends it there and then.
        self._runs: weakref.WeakSet[Generator[Any, None, None]] = weakref.WeakSet()

    def run(
        self, cells: Sequence[T], work: Callable[[T], R], admit: Callable[[T], bool] = everyone
    ) -> Iterator[Outcome[T, R]]:
        """One outcome a cell, as they finish. Workers live until the last outcome, or until the iterator is dropped.

        Raises:
            IncompatibleError: workers are spawned here, and `work` or a cell cannot be pickled.
        """
        outcomes = self._outcomes(tuple(cells), work, admit)
        self._runs.add(outcomes)
        return outcomes

    def close(self) -> None:
        """Stop the workers of every run that has not ended; what they were doing is lost."""
        for outcomes in list(self._runs):
            outcomes.close()

    def _outcomes(
        self, cells: tuple[T, ...], work: Callable[[T], R], admit: Callable[[T], bool]
    ) -> Generator[Outcome[T, R], None, None]:
        queue = (index for index, cell in enumerate(cells) if admit(cell))  # lazy: asked when a worker is free
        crew: list[Worker[T, R]] = []
        method = self.method or start_method(self.threads)

        def hire() -> Worker[T, R]:
            return Worker(cells, work, self.threads, method, [worker.pipe for worker in crew if worker.alive])

        driver = os.getpid()

        def stop() -> None:
            if os.getpid() != driver:  # a child that the driver has forked for something else
                return
            for worker in crew:
                worker.release()
            for worker in crew:
                worker.stop()

        # Registered after multiprocessing's own exit handler and thus run before it, which would wait for workers that
        # wait for this process.
        atexit.register(stop)
        try:
            for index in islice(queue, self.workers):
                crew.append(hire())
                crew[-1].give(index)
            while any(worker.busy for worker in crew):
                wait([worker.pipe for worker in crew if worker.busy], _POLL_SECONDS)
                done = []
                for place, worker in enumerate(crew):
                    if (collected := worker.collect(self.timeout, self.memory_mb)) is None:
                        continue
                    done.append(Outcome(*collected))
                    for index in islice(queue, 1):
                        crew[place] = worker if worker.alive else hire()
                        crew[place].give(index)
                yield from done  # only now, so that workers have work while the consumer is busy
        finally:
            stop()
            atexit.unregister(stop)


def start_method(threads: int = 1) -> Method:
    """How to start workers here: "fork" is instant and shares memory, "spawn" is right where forking is not.

    That is outside Linux (system libraries of macOS do not survive a fork), once CUDA is initialised in this process (a
    child cannot use it), and for workers with several threads: the OpenMP runtime that torch and scikit-learn use hangs
    in a child that wants a team of threads when the parent has had one.

    Example:
        >>> start_method(threads=2)
        'spawn'
    """
    if sys.platform != "linux" or threads > 1:
        return "spawn"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "spawn"
    return "fork"


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise IncompatibleError(f"{name} must be 1 or more, received {value}.")
    return value
