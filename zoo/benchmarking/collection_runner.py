"""Runs the suites of a collection with one forecast and one crew of workers, and writes the report of all of them.

Each member has a store of its own, as `bench` writes it. A member that cannot run (a missing extra, a backbone that is
not there) is shown as failed with its reason; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo.benchmarking.collection import Collection, check_member, collection_file, load_collection, member_suite
from zoo.benchmarking.collection_store import open_collection, store_to_run, write_problems
from zoo.benchmarking.forecast import Forecast
from zoo.benchmarking.grid import run_grids
from zoo.benchmarking.references import check_reference, with_references
from zoo.benchmarking.report.collection_write import write_collection_report
from zoo.benchmarking.runner import Plan, crew, prepare
from zoo.errors import IncompatibleError, Interrupted, StoreError, ZooError
from zoo.providers.loading import load, spec_of
from zoo.training.progress import Progress
from zoo.training.threads import pinned_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zoo.benchmarking.arms import Job
    from zoo.benchmarking.suite import Suite


@dataclass(frozen=True)
class CollectionOutcome:
    """What a call of `bench_collection` did. `problems` says which members could not run, and why."""

    store: Path
    collection: Collection
    ran: int
    failed: int
    forecast: Forecast
    problems: dict[str, str]
    report: tuple[Path, ...] = ()


def bench_collection(
    name: str | Path,
    out: str | Path,
    *,
    level: str = "quick",
    references: Sequence[str] = (),
    workers: int | None = None,
    device: str = "cpu",
    dry_run: bool = False,
    only: Literal["failed"] | None = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> CollectionOutcome:
    """Run what the stores of a collection lack, and write its report. The arguments are those of `bench`.

    The cells of all members share the workers, the longest first, so that none waits for the end of another suite.
    `references` are pre-trained backbones to put beside the members of their modality, each as a frozen probe.

    Raises:
        UnknownName, InvalidRecord: no such collection or level, or its file is not right.
        IncompatibleError, UsageError: a reference without trained weights, or for a modality that no member has; one
            that is named twice, or is an arm of a member already.
        WeightsError, Offline: a reference whose weights are not there.
        StoreError: `out` cannot be written, or holds another collection, or packed rows.
        ZooError: no member at all can run; the reason of the first.

    Example:
        >>> bench_collection("pocket", "runs/pocket").problems                           # doctest: +SKIP
    """
    collection, folder = load_collection(name, level), Path(out).expanduser()
    beside = by_modality(references, {member.modality for member in collection.members})
    for reference in references:
        load(reference, seed=0)  # weights that are not there are refused now, and cost no member its run
    count, device, executor = crew(workers, device, only, timeout, memory_mb)
    problems: dict[str, ZooError] = {}

    def left_out(suite: str, error: ZooError) -> None:
        problems[suite] = error
        tell(f"{suite} cannot run, the others go on: {error}")

    suites: list[Suite] = []
    for member in collection.members:
        try:
            suite = member_suite(collection_file(name) or name, member.suite, level)
            check_member(member, suite)
        except ZooError as error:
            left_out(member.suite, error)
            continue
        named = beside.get(member.modality)  # what is wrong with a reference is refused here, before anything runs
        suites.append(with_references(suite, named) if named else suite)
    stores = [store_to_run(folder, suite.name) for suite in suites]
    if suites and not dry_run:
        open_collection(folder, collection)
    with pinned_threads(1):
        plans: list[Plan] = []
        for suite, store in zip(suites, stores, strict=True):
            try:
                if not dry_run:
                    store.create(suite)  # even if it cannot run: its cells are then counted as missing
                plans.append(prepare(suite, store, device, only, count, dry_run, tell))
            except (Interrupted, StoreError):
                raise
            except ZooError as error:
                left_out(suite.name, error)
        if problems and not plans:
            raise next(iter(problems.values()))
        expected = together([plan.forecast for plan in plans], count)
        for plan in plans:
            tell(f"{plan.suite.name}: {plan.forecast}")
        tell(f"all together: {expected}")
        reasons = {suite: str(error) for suite, error in problems.items()}
        if dry_run:
            return CollectionOutcome(folder, collection, 0, 0, expected, reasons)
        write_problems(folder, reasons)
        for plan in plans:
            plan.read_once(tell)
        work = weigh(plans)
        with Progress(f"bench {collection.name}", expected.cells, unit="cell", work=work, quiet=quiet) as progress:
            run_grids([plan.grid for plan in plans], executor, progress)
    paths = write_collection_report(folder, folder)
    ran, failed = sum(plan.grid.ran for plan in plans), sum(plan.grid.failed for plan in plans)
    return CollectionOutcome(folder, collection, ran, failed, expected, reasons, tuple(paths))


def by_modality(references: Sequence[str], modalities: Iterable[str]) -> dict[str, list[str]]:
    """Backbones by the modality of the members that they stand beside; one for image-text by each of its towers.

    Raises:
        IncompatibleError: one without trained weights, or whose modality none of the members has.

    Example:
        >>> by_modality(["timm/resnet18.a1_in1k"], ["vision", "text"])
        {'vision': ['timm/resnet18.a1_in1k']}
    """
    known = sorted(modalities)
    found: dict[str, list[str]] = {}
    for name in references:
        check_reference(spec := spec_of(name), name)
        fitting = {spec.modality, *(("vision", "text") if spec.modality == "image-text" else ())}
        if not (there := [modality for modality in known if modality in fitting]):
            raise IncompatibleError(
                f"{name} is for {spec.modality}, and the members are for {', '.join(known)}. Fix: leave it out, or "
                "choose a level that has such a member."
            )
        for modality in there:
            found.setdefault(modality, []).append(name)
    return found


def together(parts: Sequence[Forecast], workers: int) -> Forecast:
    """One forecast for suites that run side by side: times add up, and memory is that of the largest.

    How long it takes is not known (0 seconds) as soon as that of one part is not known.

    Example:
        >>> together([Forecast(10, 40.0, 20.0, 900.0, 2), Forecast(5, 60.0, 30.0, 700.0, 2)], 2)
        Forecast(cells=15, cpu_seconds=100.0, seconds=50.0, memory_mb=900.0, workers=2)
    """
    own = [part for part in parts if part.cells]
    known = all(part.cpu_seconds for part in own)
    return Forecast(
        sum(part.cells for part in own),
        sum(part.cpu_seconds for part in own) if known else 0.0,
        sum(part.seconds for part in own) if known else 0.0,
        max((part.memory_mb for part in own), default=0.0),
        workers,
    )


def weigh(plans: Sequence[Plan]) -> float:
    """Let every grid count its cells in seconds, where all paces are known; returns what all planned cells take."""
    if all(plan.paces or not plan.jobs for plan in plans):
        for plan in plans:
            plan.grid.cost = _seconds(plan)
    return sum(plan.grid.cost(job) for plan in plans for job in plan.jobs)


def _seconds(plan: Plan) -> Callable[[Job], float]:
    paces = plan.paces or {}

    def cost(job: Job) -> float:
        pace = paces.get(job.run.arm)
        steps = float(job.run.recipe.get("steps", 0))
        return pace.cell + pace.step * steps if pace else 1.0

    return cost
