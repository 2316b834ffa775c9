"""`zoo.bench`: runs the cells of a suite that its store lacks, and writes the report.

Each cell is stored as soon as it is done, so that a killed run loses at most the cells in flight and a second run does
only what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.collection import collection_file
from zoo.benchmarking.collection_store import is_collection_store
from zoo.benchmarking.executors import Executor, ForkPool, InProcess
from zoo.benchmarking.forecast import Forecast, Pace, forecast, measure_paces
from zoo.benchmarking.grid import Grid
from zoo.benchmarking.report import write_report
from zoo.benchmarking.store import SUITE_FILE, Store
from zoo.benchmarking.suite import Suite, load_suite
from zoo.errors import IncompatibleError, StoreError, UnknownName
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
    only: Literal["failed"] | None = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Compare pre-trained with from-scratch as a suite says, and write the report.

    Any number of calls may share a store at the same time, in as many processes: every cell is run by one of them.

    Args:
        suite: the name of a suite that comes with zoo, a TOML file, or a `Suite`.
        out: the store's folder. What it holds is never run again.
        level: which level of the suite.
        workers: processes, one thread each; None takes all cores that this process may use.
        device: `cpu`, `cuda` or `mps`; anything but `cpu` runs in this process.
        dry_run: only forecast.
        only: "failed" runs the cells that have failed again, and what their search needs then; their earlier rows are
            kept beside the new ones. What was never tried is left to a run without it.
        timeout: seconds after which a cell is stopped; it is stored as failed, and the others go on.
        memory_mb: megabytes (10^6 bytes) of memory of its own above which a cell is stopped in the same way.
        quiet: no progress.
        tell: called with one line of text at a time, such as the forecast.

    Raises:
        UnknownName, InvalidRecord, DataError, WeightsError, IncompatibleError: the suite cannot be run as it stands.
        StoreError: `out` cannot be written, or holds another suite or a collection.

    Example:
        >>> bench("digits", "runs/digits").report                                        # doctest: +SKIP
    """
    if not isinstance(suite, Suite):
        if collection_file(suite):
            raise IncompatibleError(
                f"{suite} is a collection of suites, and `bench` runs one suite. Fix: zoo bench {suite}, or "
                "bench_collection of zoo.benchmarking.collection_runner."
            )
        suite = load_suite(suite, level)
    store = Store(Path(out).expanduser())
    if is_collection_store(store.folder):
        raise StoreError(
            f"{store.folder} is the folder of a collection. Fix: give suite {suite.name!r} another folder with --out."
        )
    count, device, executor = crew(workers, device, only, timeout, memory_mb)
    with pinned_threads(1):
        plan = prepare(suite, store, device, only, count, dry_run, tell)
        tell(str(plan.forecast))
        if dry_run:
            return Outcome(store.folder, suite, 0, 0, plan.forecast)
        plan.read_once(tell)
        grid, cost = plan.grid, sum(map(plan.grid.cost, plan.jobs))
        with Progress(f"bench {suite.name}", len(plan.jobs), unit="cell", work=cost, quiet=quiet) as progress:
            grid.run(executor, progress)
    paths = write_report(suite, store.rows(), store.folder)
    return Outcome(store.folder, suite, grid.ran, grid.failed, plan.forecast, tuple(paths))


@dataclass(frozen=True)
class Plan:
    """A suite that is ready to run: its grid, the cells that are known to be missing, their pace and their forecast."""

    suite: Suite
    store: Store
    grid: Grid
    jobs: tuple[Job, ...]
    paces: dict[str, Pace] | None
    forecast: Forecast
    workbench: Workbench

    def read_once(self, tell: Callable[[str], None]) -> None:
        """Make the inputs and frozen features of the missing cells, which all workers then share."""
        if self.jobs:
            tell(f"{self.suite.name}: reading inputs and frozen features, once for all cells")
            self.workbench.read_once({job.run.arm for job in self.jobs})


def prepare(
    suite: Suite,
    store: Store,
    device: str,
    only: Literal["failed"] | None,
    workers: int,
    dry_run: bool,
    tell: Callable[[str], None],
) -> Plan:
    """Load what the cells of `suite` need, open or make its store (unless `dry_run`), and say what it will cost.

    Raises:
        As `bench`.
    """
    started = (store.folder / SUITE_FILE).exists()
    workbench = Workbench(suite, device)
    if not dry_run or (started and store.keys() | store.failed()):
        store.create(suite)  # a store with rows is only opened, and refused if its suite is another one
    grid = Grid(workbench, store, only, tell)
    jobs = grid.planned() if started else [] if only else grid.everything()
    paces = measure_paces(workbench, {job.run.arm for job in jobs})
    return Plan(suite, store, grid, tuple(jobs), paces, forecast(jobs, paces, workers), workbench)


def crew(
    workers: int | None, device: str, only: str | None, timeout: float | None, memory_mb: int | None
) -> tuple[int, str, Executor]:
    """How many workers, on which device, and what runs the cells, after checking what was asked.

    Raises:
        IncompatibleError, UnknownName: as `bench`.
    """
    if workers is not None and workers < 1:
        raise IncompatibleError(f"workers must be 1 or more, received {workers}. Fix: leave it out to use all cores.")
    if only not in (None, "failed"):
        raise UnknownName("choice of cells for `only`", str(only), ["failed"], "Fix: failed, or leave it out.")
    device = choose_device(device)
    count = (workers or usable_cores()) if device == "cpu" else 1
    return count, device, _executor(count, device, timeout, memory_mb)


def _executor(workers: int, device: str, timeout: float | None, memory_mb: int | None) -> Executor:
    """Worker processes where there are several or a limit must be kept, else this process.

    Raises:
        IncompatibleError: a limit of 0 or less, one that this system cannot keep, or one on another device.
    """
    limits = {name: value for name, value in (("timeout", timeout), ("memory_mb", memory_mb)) if value is not None}
    for name, value in limits.items():
        if not 0 < value < float("inf"):
            raise IncompatibleError(f"{name} must be a number above 0, received {value}. Fix: leave it out for none.")
    if limits and device != "cpu":
        raise IncompatibleError(
            f"{' and '.join(limits)} cannot be kept on {device}: limits need worker processes, and anything but cpu "
            "runs in this process. Fix: leave them out, or use the cpu."
        )
    if workers > 1 or limits:
        return ForkPool(workers, timeout=timeout, memory_mb=memory_mb)
    return InProcess()
