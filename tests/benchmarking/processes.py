"""For tests of worker processes: run cells, and see which processes are left."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.benchmarking.executors import Executor, Outcome


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
