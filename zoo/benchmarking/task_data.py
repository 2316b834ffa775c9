"""The data of a suite's task: read, held against what the suite says, and divided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data.labelled import inputs_of
from zoo.data.sources import read_data
from zoo.data.splits import split_data
from zoo.data.tables import SUFFIXES
from zoo.errors import DataError, IncompatibleError
from zoo.specs import TaskSpec, digest_of

if TYPE_CHECKING:
    from zoo.benchmarking.suite import Suite
    from zoo.data.labelled import LabelledData
    from zoo.data.splits import Split


def task_data(suite: Suite) -> tuple[LabelledData, Split, tuple[str, ...]]:
    """The labelled data of a suite, its three parts, and sentences on how these were made.

    A part that the data give is used as it is, and what `split` says of its size counts for nothing (a sentence tells);
    a part that is made comes out of train, stratified, and no group stands on two sides.

    Raises:
        UnknownName, DataError: data that are not there, cannot be read or divided, or have other classes.
        IncompatibleError: samples or answers of another kind than the suite's, or a test part that nobody gives.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> data, parts, notes = task_data(load_suite("digits"))
        >>> data.kind, len(parts.train), len(parts.test), notes
        ('image_classification', 700, 797, ())
    """
    task = suite.task
    data = read_task(task.source, task.kind)
    if data.inputs != inputs_of(task.kind) or data.answer != "classification":
        raise IncompatibleError(
            f"suite {suite.name!r} says {task.kind}, and {task.source} is {data.kind}. "
            "Fix: correct `kind` in the suite file, or name other data."
        )
    if len(data.classes) != task.classes:
        raise DataError(
            f"suite {suite.name!r} says {task.classes} classes, and {task.source} has {len(data.classes)}. "
            "Fix: correct `classes` in the suite file."
        )
    given = set() if data.parts is None else {str(name) for name in data.parts}
    if lacking := [part for part in ("test", "validation") if part not in suite.split and part not in given]:
        raise IncompatibleError(
            f"{task.source} gives no {' and no '.join(lacking)} part, and the suite's split says none. "
            f"Fix: add {lacking[0]} = 0.2 under [split]."
        )
    parts, notes = split_data(data, **suite.split)
    return data, parts, notes


def read_task(source: str, kind: str) -> LabelledData:
    """What `zoo.read_data` makes of a suite's source; a table is told what its columns are to give."""
    path = Path(source).expanduser()
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return read_data(source, inputs=inputs_of(kind), answer="classification")
    return read_data(source)


def as_revised(task: TaskSpec, data: LabelledData, parts: Split) -> TaskSpec:
    """The task with the revision of its data: which samples there are, and which of them are in which part."""
    return TaskSpec(
        task.name, task.kind, task.source, task.classes, task.metric, revision=digest_of([data.digest, parts.digest])
    )
