"""One worker process of `ForkPool`: the driver's handle on it, and what runs in the process itself."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from zoo.errors import IncompatibleError, Interrupted
from zoo.training.threads import pinned_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")

_TRACE_LINES = 5
_PR_SET_PDEATHSIG = 1

Method = Literal["fork", "spawn"]
Answer = tuple[R | None, str | None, float]


def attempt(work: Callable[[T], R], cell: T, threads: int) -> Answer[R]:
    """(value, error, seconds). A cell that calls sys.exit has failed; one that the user stopped has not.

    Raises:
        KeyboardInterrupt, Interrupted: the user stopped it.

    Example:
        >>> value, error, seconds = attempt(lambda cell: 8 // cell, 0, threads=1)
        >>> value, error.splitlines()[0]
        (None, 'ZeroDivisionError: integer division or modulo by zero')
    """
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
    lines += places[1:][-_TRACE_LINES:]  # the first is `attempt`
    return "\n".join(lines).encode(errors="backslashreplace").decode()  # a lone surrogate could not be stored


def _headline(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


class Worker(Generic[T, R]):
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

    def collect(self, timeout: float | None, memory_mb: int | None) -> tuple[T, R | None, str | None, float] | None:
        """(cell, value, error, seconds) once there is one: an answer, a death, or a limit that it has exceeded."""
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
        return self._cells[index], *answer

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
        if memory_mb is not None and (own_megabytes(self._process.pid) or 0) > memory_mb:
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
        return attempt(work, cell, threads)
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


def own_megabytes(pid: int | None) -> float | None:
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
