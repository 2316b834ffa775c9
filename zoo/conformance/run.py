"""`zoo.conform`: check backbones in worker processes, store a row for each, go on where an earlier run stopped."""

from __future__ import annotations

import time
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.environment import environment
from zoo.benchmarking.executors import ForkPool, InProcess
from zoo.conformance.rows import Conformance, file_name, read, write
from zoo.errors import Offline, ZooError
from zoo.providers.loading import spec_of
from zoo.training.progress import Progress
from zoo.training.threads import pinned_threads, usable_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.benchmarking.executors import Executor
    from zoo.specs import BackboneSpec

DECLARED = {
    "batching": {
        "timm/regnetv_064": "rounding alone: float32 is 3e-4 from float64, where a batch changes 1e-13",
    },
    "gradient": {
        "open_clip/coca_ViT-B-32": "its text decoder writes captions, which features do not need",
        "open_clip/coca_ViT-L-14": "its text decoder writes captions, which features do not need",
        "transformers/clap": "its text tower serves texts, and the samples are clips",
        "transformers/deepseek_v4": "its compressor and indexer choose tokens; no gradient passes a choice",
        "transformers/hy_v4": "its indexer chooses tokens; no gradient passes a choice",
        "transformers/longformer": "its global-attention weights serve tokens that a task marks as global",
        "transformers/luke": "its entity embeddings serve entities, which plain text does not name",
        "transformers/neomme": "its patch embeddings serve images",
        "transformers/reformer": "transformers computes its gradient in training mode only",
        "transformers/roc_bert": "its sound and shape embeddings serve inputs that plain text does not have",
        "transformers/t5gemma2": "its vision tower serves images",
    },
}
"""What is known not to hold, and why that is no fault: by check, then provider/architecture."""
LIMITS = ("TimeLimit", "MemoryLimit")
LARGEST = 150_000_000  # parameters; with gradients and a second build, 2 GB of memory a worker


def conform(
    names: Sequence[str],
    out: str | Path = "runs/conformance",
    *,
    workers: int | None = None,
    largest: int = LARGEST,
    timeout: float = 600.0,
    memory_mb: int | None = 6000,
    again: bool = False,
    quiet: bool = False,
) -> list[Conformance]:
    """Check every backbone in `names` against the contract, from scratch: no weights are downloaded.

    Args:
        names: backbones, as `zoo.load` takes them.
        out: folder of the rows. What it holds is not checked again, unless `again`.
        workers: processes of one thread each; None takes all usable cores.
        largest: parameters above which a backbone is not built: what stands for it is named in its row.
        timeout: seconds after which a backbone has failed.
        memory_mb: megabytes of memory above which it has failed; None for no limit.
        again: check also what has a row.
        quiet: no progress.

    Raises:
        UnknownName: no such backbone.
        StoreError: `out` cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as out:
        ...     [row.state for row in conform(["pocket/resnet10"], out, workers=1, quiet=True)]
        ['conforms']
    """
    folder = Path(out).expanduser()
    specs = [spec_of(name) for name in dict.fromkeys(names)]
    todo = [spec for spec in specs if again or not (folder / file_name(spec.name)).is_file()]
    executor: Executor = ForkPool(workers or usable_cores(), timeout=timeout, memory_mb=memory_mb) if (
        workers is None or workers > 1) else InProcess()  # fmt: skip
    ordered = sorted(todo, key=lambda spec: -min(spec.parameters or 0, largest))
    try:
        with pinned_threads(1), Progress("conformance", len(ordered), unit="backbone", quiet=quiet) as progress:
            for outcome in executor.run(ordered, partial(examine, largest=largest)):
                row = outcome.value
                if row is None:
                    reason = (outcome.error or "").splitlines()[0]
                    state = "not checked" if reason.startswith(LIMITS) else "fails"
                    row = _row(outcome.cell, state, reason)
                write(folder, row)
                progress.advance(note=f"{row.name} {row.state}")
    finally:
        executor.close()
    wanted = {spec.name for spec in specs}
    return [row for row in read(folder) if row.name in wanted]


def examine(spec: BackboneSpec, largest: int = LARGEST) -> Conformance:
    """Build one backbone, or what stands for it, and run all checks; what goes wrong in one of them is its finding."""
    from zoo.conformance.checks import CHECKS, Finding, prepare
    from zoo.conformance.reduced import REDUCED, TOWER, stand_in

    began = time.perf_counter()
    try:
        built, through = stand_in(spec, largest)
    except Exception as error:  # what a library makes of a small configuration
        return _row(spec, "not checked", f"{REDUCED}: {_told(error)}", began, through=REDUCED)
    if built is None:
        reason = f"{(spec.parameters or 0) / 1e6:.0f} M parameters; at most {largest / 1e6:.0f} M are built"
        return _row(spec, "not checked", reason, began)
    try:
        try:
            subject = prepare(built)
        except Offline:
            if spec.modality != "image-text":
                raise
            subject, through = prepare(built, "vision"), through or TOWER
    except Exception as error:  # an upstream library may fail in any way
        said = str(error) if isinstance(error, ZooError) else _told(error)
        state = "not checked" if through == REDUCED else "refused" if isinstance(error, ZooError) else "fails"
        return _row(spec, state, said, began, through=through)
    found = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check(subject)
        except Exception as error:
            found[name] = Finding("fails", _told(error))
    failing = [name for name, finding in found.items() if finding.state == "fails"]
    reasons = [DECLARED.get(name, {}).get(f"{spec.provider}/{spec.arch}", "") for name in failing]
    state = "conforms" if not failing else "declared" if all(reasons) else "fails"
    own = subject.backbone.spec
    facts = {"padding": own.padding, "parameters": spec.parameters or own.parameters, "through": through}
    checks = {name: finding.to_json() for name, finding in found.items()}
    return _row(spec, state, "; ".join(filter(None, reasons)), began, checks=checks, **facts)


def _told(error: Exception) -> str:
    """The error in a line, and the place in whose code it arose."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:300]} ({Path(last.filename).name}:{last.lineno})"


def _row(spec: BackboneSpec, state: str, reason: str, began: float | None = None, **more: Any) -> Conformance:
    seconds = {} if began is None else {"seconds": round(time.perf_counter() - began, 2)}
    facts = {"padding": spec.padding, "parameters": spec.parameters, "measured": {**seconds, **environment()}, **more}
    return Conformance(spec.name, spec.provider, spec.family or spec.arch, spec.modality, state, reason, **facts)


def worse(rows: Sequence[Conformance], before: Sequence[Conformance]) -> list[Conformance]:
    """Rows that fail now and did not fail in an earlier run; one that it does not know must not fail either.

    Example:
        >>> now = [Conformance(name, "x", "x", "vision", "fails") for name in ("x/a", "x/b")]
        >>> [row.name for row in worse(now, [now[0]])]
        ['x/b']
    """
    known = {row.name for row in before if row.state == "fails"}
    return [row for row in rows if row.state == "fails" and row.name not in known]
