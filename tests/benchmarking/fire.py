"""For tests of grids under fire: a workbench whose cells take 10 ms and tell an append-only log when they start.

Also a driver, for a process of its own: `main` with the arguments STORE LOG WORKERS.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.executors import ForkPool, InProcess
from zoo.benchmarking.grid import Grid
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.specs import canonical
from zoo.training.progress import Progress

SECONDS = 0.01


def suite() -> Any:
    """210 cells and what extensions add: three arms, two budgets, 15 trials and 20 reporting cells each."""
    found = load_suite("digits")
    arms = tuple(arm for arm in found.arms if arm.id in ("S", "P:glyphs", "C"))
    return dataclasses.replace(found, arms=arms, seeds=tuple(range(20)), tuning_seeds=tuple(range(50, 55)), longer=())


class Bench:
    """A workbench without data or networks. `victims` are reporting seeds that hang when they are first run."""

    run_spec = Workbench.run_spec

    def __init__(self, log: Path, victims: tuple[int, ...] = ()) -> None:
        self.suite, self.task, self.device = suite(), suite().task, "cpu"
        self.digests = dict.fromkeys((arm.id for arm in self.suite.arms), "d")
        self.log, self.victims = log, victims

    def run(self, job: Job) -> dict[str, Any]:
        key = job.run.key()
        with self.log.open("ab", buffering=0) as file:  # one write to a file that is only appended to
            file.write(f"{key} {os.getpid()}\n".encode())
        if job.run.phase == "final" and job.run.arm == "C" and job.run.seed in self.victims:
            marker = self.log.with_name(f"victim-{key}")
            if not marker.exists():
                marker.write_text(str(os.getpid()))
                time.sleep(300)
        time.sleep(SECONDS)
        share = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 16**8
        return {"status": "ok", "score": 100 * share, "loss": 1 - share, "text": "x" * 3000, **job.search}


def drive(folder: Path, log: Path, executor: Any = None, **options: Any) -> Grid:
    """Run the grid to its end, or to what stops it."""
    bench = Bench(log, options.pop("victims", ()))
    store = Store(folder)
    store.create(bench.suite)
    grid = Grid(bench, store, **options)  # type: ignore[arg-type]
    with Progress("fire", 0, quiet=True) as progress:
        grid.run(executor or InProcess(), progress)
    return grid


def results(folder: Path) -> dict[str, str]:
    """All that must be the same, whoever ran the cells."""
    return {row.key: canonical([row.run.to_json(), row.result]) for row in Store(folder).rows()}


def stored(folder: Path) -> dict[str, bytes]:
    """The bytes of all rows."""
    return {path.name: path.read_bytes() for path in folder.glob("rows/[0-9a-f]*.json")}


def starts(log: Path) -> list[str]:
    """The keys of the cells that were started, once for each start."""
    return [line.split()[0] for line in log.read_text().splitlines()]


def main() -> None:
    count = int(sys.argv[3])
    drive(Path(sys.argv[1]), Path(sys.argv[2]), ForkPool(count) if count > 1 else InProcess())
