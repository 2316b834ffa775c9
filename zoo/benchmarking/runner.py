"""`zoo.bench`: runs the cells of a suite that its store lacks, and writes the report.

Each cell is stored as soon as it is done, so that a killed run loses at most the cells in flight and a second run does
only what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.arms import Workbench
from zoo.benchmarking.executors import Executor, ForkPool, InProcess
from zoo.benchmarking.forecast import Forecast, forecast, measure_pace
from zoo.benchmarking.grid import Grid, effort
from zoo.benchmarking.report import write_report
from zoo.benchmarking.store import SUITE_FILE, Store
from zoo.benchmarking.suite import Suite, load_suite
from zoo.errors import IncompatibleError
from zoo.training.device import choose_device
from zoo.training.progress import Progress
from zoo.training.threads import pinned_threads, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Outcome:
    """What a call of `bench` did: where the store is, what it ran, and the report files that it wrote.

    `failed` counts reporting cells; a trial that failed shows in the report's search table.
    """

    store: Path
    suite: Suite
    ran: int
    failed: int
    forecast: Forecast
    report: tuple[Path, ...] = ()


def bench(
    suite: str | Path | Suite = "digits",
    out: str | Path = "runs/digits",
    *,
    level: str = "quick",
    workers: int | None = None,
    device: str = "cpu",
    dry_run: bool = False,
    retry_failed: bool = False,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Compare pre-trained with from-scratch as a suite says, and write the report.

    Args:
        suite: the name of a suite that comes with zoo, a TOML file, or a `Suite`.
        out: the store's folder. What it holds is never run again.
        level: which level of the suite.
        workers: processes, one thread each; None takes all cores that this process may use.
        device: `cpu`, `cuda` or `mps`; anything but `cpu` runs in this process.
        dry_run: only forecast.
        retry_failed: run failed cells again; their earlier rows are kept beside the new ones.
        quiet: no progress.
        tell: called with one line of text at a time, such as the forecast.

    Raises:
        UnknownName, InvalidRecord, DataError, WeightsError, IncompatibleError: the suite cannot be run as it stands.
        StoreError: `out` cannot be written, or holds another suite.

    Example:
        >>> bench("digits", "runs/digits").report                                        # doctest: +SKIP
    """
    suite = suite if isinstance(suite, Suite) else load_suite(suite, level)
    store = Store(Path(out).expanduser())
    if workers is not None and workers < 1:
        raise IncompatibleError(f"workers must be 1 or more, received {workers}. Fix: leave it out to use all cores.")
    device = choose_device(device)
    started = (store.folder / SUITE_FILE).exists()
    with pinned_threads(1):
        workbench = Workbench(suite, device)
        if not dry_run or (started and store.keys() | store.failed()):
            store.create(suite)  # a store with rows is only opened, and refused if its suite is another one
        grid = Grid(workbench, store, retry_failed)
        count = (workers or usable_cores()) if device == "cpu" else 1
        executor: Executor = ForkPool(count) if count > 1 else InProcess()
        planned = grid.planned() if started else grid.everything()
        expected = forecast(planned, measure_pace(workbench) if planned else None, count)
        tell(str(expected))
        if dry_run:
            return Outcome(store.folder, suite, 0, 0, expected)
        try:
            cost = sum(effort(job) for job in planned)
            with Progress(f"bench {suite.name}", len(planned), unit="cell", work=cost, quiet=quiet) as progress:
                grid.run(executor, progress)
        finally:
            executor.close()
    paths = write_report(suite, store.rows(), store.folder)
    return Outcome(store.folder, suite, grid.ran, grid.failed, expected, tuple(paths))
