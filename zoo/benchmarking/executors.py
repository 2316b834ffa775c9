"""Where the cells of a grid run: in this process, or in a crew of worker processes on this machine.

An executor takes cells and one function, and gives an outcome for every cell, as they finish. A cell that raises, dies,
hangs or takes too much memory is an outcome with an error; it never stops the grid. As long as `work` takes everything
it needs (its random seeds too) from its cell, all executors give the same values in whatever order: they also pin the
number of threads, on which the last bits of a sum depend.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
import warnings
import weakref
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from zoo.errors import IncompatibleError, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")
Method = Literal["fork", "spawn"]

_POLL_SECONDS = 0.2  # how often limits are checked, and deaths that no pipe reports
_TRACE_LINES = 5
_PR_SET_PDEATHSIG = 1
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


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


class Executor(Protocol):
    """Runs cells. `close` stops what still runs; the executor can be used again afterwards."""

    def run(self, cells: Sequence[T], work: Callable[[T], R]) -> Iterator[Outcome[T, R]]: ...

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

    def run(self, cells: Sequence[T], work: Callable[[T], R]) -> Iterator[Outcome[T, R]]:
        """One outcome a cell, in order. Ctrl-C (KeyboardInterrupt, Interrupted) is raised, not taken for a failure."""
        for cell in cells:
            value, error, seconds = _attempt(work, cell, self.threads)
            yield Outcome(cell, value, error, seconds)

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
        if memory_mb is not None and _own_megabytes(os.getpid()) is None:
            raise IncompatibleError(
                f"memory_mb={memory_mb} cannot be kept: it needs /proc/<pid>/smaps_rollup (Linux 4.14 or later), which "
                "this system does not have. Fix: leave memory_mb out and use fewer workers."
            )
        # Weak, so that a consumer who drops the iterator ends it there and then.
        self._runs: weakref.WeakSet[Generator[Any, None, None]] = weakref.WeakSet()

    def run(self, cells: Sequence[T], work: Callable[[T], R]) -> Iterator[Outcome[T, R]]:
        """One outcome a cell, as they finish. Workers live until the last outcome, or until the iterator is dropped.

        Raises:
            IncompatibleError: workers are spawned here, and `work` or a cell cannot be pickled.
        """
        outcomes = self._outcomes(tuple(cells), work)
        self._runs.add(outcomes)
        return outcomes

    def close(self) -> None:
        """Stop the workers of every run that has not ended; what they were doing is lost."""
        for outcomes in list(self._runs):
            outcomes.close()

    def _outcomes(self, cells: tuple[T, ...], work: Callable[[T], R]) -> Generator[Outcome[T, R], None, None]:
        queue = deque(range(len(cells)))
        crew: list[_Worker[T, R]] = []
        method = self.method or start_method(self.threads)

        def hire() -> _Worker[T, R]:
            return _Worker(cells, work, self.threads, method, [worker.pipe for worker in crew if worker.alive])

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
            while len(crew) < min(self.workers, len(cells)):
                crew.append(hire())
                crew[-1].give(queue.popleft())
            while any(worker.busy for worker in crew):
                wait([worker.pipe for worker in crew if worker.busy], _POLL_SECONDS)
                done = []
                for place, worker in enumerate(crew):
                    if (outcome := worker.collect(self.timeout, self.memory_mb)) is None:
                        continue
                    done.append(outcome)
                    if queue:
                        crew[place] = worker if worker.alive else hire()
                        crew[place].give(queue.popleft())
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


@contextlib.contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """Limit OpenMP, BLAS and torch to `threads` within the block, for libraries that are loaded now or in the block.

    Example:
        >>> with pinned_threads(1):
        ...     os.environ["OMP_NUM_THREADS"]
        '1'
    """
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    try:
        with contextlib.ExitStack() as limits:
            if "numpy" in sys.modules:  # its BLAS read the variables when it was loaded
                with contextlib.suppress(ImportError):
                    limits.enter_context(importlib.import_module("threadpoolctl").threadpool_limits(limits=threads))
            if (torch := sys.modules.get("torch")) is not None:
                limits.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(threads)
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


Answer = tuple[R | None, str | None, float]


def _attempt(work: Callable[[T], R], cell: T, threads: int) -> Answer[R]:
    """(value, error, seconds). A cell that calls sys.exit has failed; one that the user stopped has not."""
    with pinned_threads(threads):
        start = time.perf_counter()
        try:
            return work(cell), None, time.perf_counter() - start
        except Interrupted:
            raise
        except (Exception, SystemExit) as error:
            return None, _describe(error), time.perf_counter() - start


def _describe(error: BaseException) -> str:
    """Type, message, cause and innermost places: modules, not file paths, so that any machine gives the same text."""
    lines = [_headline(error)]
    if error.__cause__ is not None:
        lines.append(f"  because of {_headline(error.__cause__)}")
    places, trace = [], error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        places.append(f"  at {frame.f_globals.get('__name__')}:{trace.tb_lineno} in {frame.f_code.co_name}")
        trace = trace.tb_next
    lines += places[1:][-_TRACE_LINES:]  # the first is `_attempt`
    return "\n".join(lines).encode(errors="backslashreplace").decode()  # a lone surrogate could not be stored


def _headline(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


class _Worker(Generic[T, R]):
    """The driver's side of one worker process."""

    def __init__(
        self, cells: tuple[T, ...], work: Callable[[T], R], threads: int, method: Method, others: list[Connection]
    ) -> None:
        context: Any = multiprocessing.get_context(method)  # the type of all contexts has no Process
        self.pipe, theirs = context.Pipe()
        self._driver = os.getpid()
        self._cells = cells
        self._job: tuple[int, float] | None = None
        # A forked worker holds copies of the driver's ends of all pipes. It must close them, or no worker would see
        # the end of its pipe when the driver dies.
        surplus = [self.pipe, *others] if method == "fork" else []
        # Not daemonic: daemonic processes may have no children, and a cell may use a data loader that has.
        self._process = context.Process(target=_serve, args=(theirs, surplus, cells, work, threads, self._driver))
        try:
            with _starting():
                self._process.start()
        except Exception as error:
            self.pipe.close()
            raise IncompatibleError(
                f"a worker cannot be started by {method!r}: {error}. Fix: with 'spawn', work must be a function at the "
                "top of an importable module, and the cells plain records; or run with InProcess()."
            ) from error
        finally:
            theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.exitcode is None

    @property
    def busy(self) -> bool:
        return self._job is not None

    def give(self, index: int) -> None:
        self._job = (index, time.monotonic())
        with contextlib.suppress(OSError):  # it is dead, and `collect` will say how
            self.pipe.send(index)

    def collect(self, timeout: float | None, memory_mb: int | None) -> Outcome[T, R] | None:
        """The outcome of its cell once there is one: an answer, a death, or a limit that it has exceeded."""
        if self._job is None:
            return None
        index, since = self._job
        seconds = time.monotonic() - since
        died = not self.alive  # asked first: an answer may have come just before the death
        answer = self._answer(seconds)
        if answer is None and died:
            answer = None, self._death(), seconds
        if answer is None and (excess := self._excess(seconds, timeout, memory_mb)):
            self._kill()
            answer = None, excess, seconds
        if answer is None:
            return None
        self._job = None
        return Outcome(self._cells[index], *answer)

    def release(self) -> None:
        """Let an idle worker go by itself: it sees the end of its pipe."""
        if not self.busy:
            self.pipe.close()

    def stop(self) -> None:
        """End the process: an idle one gets a second to go by itself, a busy one is killed."""
        if self.pipe.closed:
            self._process.join(1)
        if self._process.exitcode != 0:
            self._kill()
        self.pipe.close()

    def _answer(self, seconds: float) -> Answer[R] | None:
        if not self.pipe.poll():
            return None
        try:
            data = self.pipe.recv_bytes()
        except (EOFError, OSError):
            self._process.join(1)
            return None, self._death(), seconds
        try:
            answer: Answer[R] = pickle.loads(data)
        except Exception as error:
            return None, f"{_headline(error)} (while unpickling the value of this cell)", seconds
        return answer

    def _excess(self, seconds: float, timeout: float | None, memory_mb: int | None) -> str:
        if timeout is not None and seconds > timeout:
            return f"TimeLimit: the cell ran for more than {timeout:g} s and was stopped"
        if memory_mb is not None and (_own_megabytes(self._process.pid) or 0) > memory_mb:
            return f"MemoryLimit: the worker took more than {memory_mb} MB and was stopped"
        return ""

    def _death(self) -> str:
        code = self._process.exitcode
        self._kill()  # what it had started itself
        if code is None:
            return "WorkerDied: the worker process closed its connection"
        if code >= 0:
            return f"WorkerDied: the worker process ended with exit code {code}"
        names = {int(known): known.name for known in signal.Signals}
        hint = ", often because the system ran out of memory" if names.get(-code) == "SIGKILL" else ""
        return f"WorkerDied: the worker process was killed by {names.get(-code, f'signal {-code}')}{hint}"

    def _kill(self) -> None:
        if sys.platform != "win32" and self._process.pid is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)  # the processes that its cell has started, too
        self._process.kill()
        self._process.join(10)


def _serve(
    pipe: Connection,
    surplus: list[Connection],
    cells: tuple[T, ...],
    work: Callable[[T], R],
    threads: int,
    driver: int,
) -> None:
    """The life of a worker process: one cell after another, until the driver closes the pipe or is gone."""
    _settle(driver)
    for other in surplus:
        other.close()
    with contextlib.suppress(EOFError, OSError):
        while True:
            answer = _guarded(work, cells[pipe.recv()], threads)
            # Plain pickle: with multiprocessing's, torch would send tensors as handles to memory of this process.
            try:
                data = pickle.dumps(answer)
            except Exception as error:
                reason = f"{_headline(error)} (the value of this cell cannot be pickled, and so not sent)"
                data = pickle.dumps((None, reason, answer[2]))
            pipe.send_bytes(data)


def _guarded(work: Callable[[T], R], cell: T, threads: int) -> Answer[R]:
    try:
        return _attempt(work, cell, threads)
    except Interrupted as error:  # nobody can interrupt a worker by hand, so this is a failure of its cell
        return None, _describe(error), 0.0


def _settle(driver: int) -> None:
    """Tie this worker to its driver: not to the keyboard, and not beyond the driver's death."""
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return
    os.setsid()  # a group of its own, so that `_kill` reaches all that a cell has started, and Ctrl-C does not
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the driver's handler
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        # Killed when the driver's thread that started it ends, in whatever way. Elsewhere a worker notices at the end
        # of its cell, when it finds the pipe closed.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != driver:  # it died before that
        os._exit(1)


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Around the start of a worker, so that Ctrl-C cannot hit it before it ignores Ctrl-C."""
    with warnings.catch_warnings():
        # Python 3.12 warns of every fork of a process with threads. A worker here is safe from what that is about: it
        # uses no lock that another thread of the driver may hold, and no team of OpenMP threads.
        warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)
        if sys.platform == "win32":
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _own_megabytes(pid: int | None) -> float | None:
    """Memory that a process does not share with its driver, in MB (10^6 bytes); None where it cannot be known.

    Measured and not limited by the kernel (`RLIMIT_AS`), because torch and CUDA map many times the memory that they
    use: a limit on addresses would refuse harmless cells. And private pages only, because a forked worker starts with
    all pages of the driver, which cost nothing until it changes them. The price: a cell can overshoot for a moment.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / 1e6


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise IncompatibleError(f"{name} must be 1 or more, received {value}.")
    return value
