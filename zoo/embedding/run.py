"""`zoo.embed`: the pooled features of many files, resumable, with a list of what could not be read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.embedding.inputs import find_items
from zoo.embedding.parts import Part, Parts, started
from zoo.embedding.results import check_format, write_result
from zoo.errors import DataError, UsageError
from zoo.io.atomic import explained, replace
from zoo.providers.batching import encode_prepared, prepare
from zoo.providers.loading import load, spec_of
from zoo.specs import digest_of
from zoo.training.device import choose_device
from zoo.training.progress import Progress
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo.contracts import Backbone, Features
    from zoo.embedding.inputs import Item

BATCHES = 16  # a part: what a killed run loses at most


@dataclass(frozen=True)
class Embedded:
    """What `embed` made: `rows` features of width `width` in the file `out`; `unreadable` inputs, each with a reason.

    `notes` are the backbone's: what it does to inputs without being asked.
    """

    out: Path
    rows: int
    width: int
    unreadable: list[tuple[Item, str]]
    notes: tuple[str, ...] = ()


def embed(
    name: str,
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    column: str = "",
    pretrained: bool = True,
    seed: int = 0,
    batch_size: int = 32,
    device: str = "auto",
    allow_pickle: str = "",
    quiet: bool = False,
) -> Embedded:
    """Features of images, sounds or texts, in the order of the inputs, each as if it had been encoded alone.

    A run that was stopped goes on where it was, if it is asked for the same once more. Inputs that cannot be read are
    left out, and listed in the result and in `OUT.unreadable.jsonl`.

    Args:
        name: what `zoo.load` takes.
        paths: files, folders, .txt (a text each line), .csv and .parquet (`column`); see `zoo.embedding.inputs`.
        out: a .parquet or .safetensors file; see `zoo.embedding.results` for what is in it.
        column: of a table, the one that holds the inputs.
        pretrained: False takes the architecture's own initialisation, by `seed`.
        seed: of that initialisation.
        batch_size: inputs that go through the network together.
        device: auto, cpu, cuda or mps.
        allow_pickle: the file name of the weights, if they are a pickle that you trust.
        quiet: no progress on stderr.

    Raises:
        UsageError: `out` exists, has another suffix or belongs to another run; inputs of the wrong kind.
        DataError: nothing to read, or nothing that could be read.
        StoreError: the result cannot be written.
        UnknownName, WeightsError, Offline, MissingDependency, DeviceError: as `zoo.load` says.

    Example:
        >>> embed("pocket/resnet10.glyphs", ["photos/"], "features.parquet").rows  # doctest: +SKIP
        24
    """
    out, spec = Path(out).expanduser(), spec_of(name)
    check_format(out)
    if batch_size < 1:
        raise UsageError(f"a batch holds at least 1 input, received --batch-size {batch_size}.")
    if out.exists() and not started(out):
        raise UsageError(f"{out} exists. Fix: remove it, or choose another --out.")
    device = choose_device(device)
    items = find_items(paths, spec.modality, column)
    backbone = load(name, pretrained=pretrained, seed=seed, allow_pickle=allow_pickle)
    backbone.module.to(device)
    plan = {
        "backbone": backbone.spec.to_json(brief=True),
        "pretrained": pretrained,
        "seed": None if pretrained else seed,
        "inputs": digest_of([[*_identity(item), item.cell] for item in items]),
        "batch size": batch_size,
        "zoo": __version__,
    }
    parts, step = Parts(out, plan), batch_size * BATCHES
    starts = range(0, len(items), step)
    missing = [index for index in range(len(starts)) if not parts.has(index)]
    todo = sum(min(step, len(items) - starts[index]) for index in missing)
    with Progress("embedding", len(items), unit="input", done=len(items) - todo, quiet=quiet) as progress:
        for index in missing:
            parts.write(index, _part(backbone, items, range(starts[index], min(starts[index] + step, len(items))),
                                     batch_size, progress))  # fmt: skip
    made = [parts.read(index) for index in range(len(starts))]
    unreadable = [(items[row], reason) for part in made for row, reason in part.unreadable.items()]
    features = _stacked(made, unreadable)
    _list_unreadable(out, unreadable)
    about = {"backbone": name, "pretrained": str(pretrained).lower(), "zoo": __version__}
    about |= {"revision": backbone.spec.revision} if backbone.spec.revision else {}
    write_result(out, [items[row] for part in made for row in part.rows], features, about)
    parts.clear()
    return Embedded(out, len(features), features.shape[1], unreadable, backbone.notes)


def _part(backbone: Backbone, items: Sequence[Item], rows: range, batch_size: int, progress: Progress) -> Part:
    """Features of one stretch of the inputs."""
    ready, prepared, unreadable = [], [], {}
    for row in rows:
        try:
            prepared.append(prepare(backbone, items[row].read()))
            ready.append(row)
        except DataError as error:
            unreadable[row] = str(error)
    vectors: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
    if prepared:
        found = encode_prepared(backbone, prepared, batch_size)
        vectors = only(found).pooled.float().numpy()
    progress.advance(len(rows), note=f"{len(unreadable)} unreadable" if unreadable else "")
    return Part(np.array(ready, dtype=np.int64), vectors, unreadable)


def only(found: dict[str, Features]) -> Features:
    """The features of the one modality that is there.

    Raises:
        UsageError: there are two.
    """
    if len(found) != 1:
        raise UsageError(f"samples have features of {' and '.join(sorted(found))}. Fix: give images, or texts.")
    return next(iter(found.values()))


def _stacked(parts: Sequence[Part], unreadable: Sequence[tuple[Item, str]]) -> NDArray[np.float32]:
    vectors = [part.features for part in parts if len(part.rows)]
    if not vectors:
        raise DataError(f"none of the {len(unreadable)} inputs could be read. The first: {unreadable[0][1]}")
    return np.concatenate(vectors)


def _identity(item: Item) -> tuple[Any, ...]:
    """What tells whether an input is still the same: its place, and size and time of its file."""
    try:
        state = os.stat(item.path)  # noqa: PTH116
    except OSError:
        return item.path, item.row
    return item.path, item.row, state.st_size, state.st_mtime_ns


def _list_unreadable(out: Path, unreadable: Sequence[tuple[Item, str]]) -> None:
    """`OUT.unreadable.jsonl`: one line each; none if all could be read."""
    path = out.with_name(f"{out.name}.unreadable.jsonl")
    lines = [json.dumps({"path": item.path, "row": item.row, "reason": reason}) for item, reason in unreadable]
    with explained(f"{path} cannot be written"):
        if lines:
            replace(path, "".join(f"{line}\n" for line in lines).encode())
        else:
            path.unlink(missing_ok=True)
