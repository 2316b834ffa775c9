"""The way in: one call for every kind of source."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.images import DATASETS, load_images
from zoo.data.labelled import INPUTS, LabelledData
from zoo.data.sources.directory import read_folder
from zoo.data.sources.labelled_table import from_table
from zoo.data.sources.parts import only_part
from zoo.data.tables import SUFFIXES, read_table
from zoo.errors import DataError, UnknownName, UsageError
from zoo.io.datasets import DATA, fetch_dataset, parse_data_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_data(
    source: Any,
    *,
    inputs: str = "",
    answer: str = "",
    roles: Mapping[str, str | Sequence[str]] | None = None,
    split: str = "",
) -> LabelledData:
    """Labelled data from wherever a person keeps it.

    | source                                                        | read by                                    |
    |---------------------------------------------------------------|--------------------------------------------|
    | `"digits"`, or another known name                             | `zoo.data.images`                          |
    | a folder                                                      | `zoo.data.sources.directory`               |
    | a .csv, .tsv, .jsonl or .parquet file                         | `zoo.data.sources.labelled_table`          |
    | `"hf-data:NAMESPACE/NAME[/FOLDER][@REVISION]"`                | the hub, then as a folder                  |
    | `Dataset` and `DatasetDict` of Hugging Face                   | `zoo.data.sources.libraries`               |
    | a data frame (pandas, polars), a table of pyarrow             | `zoo.data.sources.memory`                  |
    | `(samples, labels)`                                           | `zoo.data.sources.memory`                  |
    | an object that gives (sample, label, ...) by index            | `zoo.data.sources.mapped`                  |
    | `LabelledData`                                                | itself                                     |

    Roles of columns and the kind of answer are inferred where that is sure; `notes` of the result say what was decided.

    Args:
        source: as above; a known name wins over a folder of that name, `./digits` or a `Path` means the folder.
        inputs: `image`, `text`, `text_pair` or `audio`; empty infers it.
        answer: `classification`, `multi_label` or `regression`; empty infers it. Texts, true and false, and at most 50
            different whole numbers that repeat are classes; of all other numbers it must be said.
        roles: columns by role: text, second, image, audio, label (several: a list, or joined by commas), group, split.
        split: read this part only (train, validation, test); empty reads all, and `parts` tells them.

    Raises:
        UnknownName: no such name, column, role or part.
        UsageError: arguments that do not go together, or a source that zoo does not know.
        DataError: what cannot be decided, or cannot be read; the message says what to write or to mend.
        MissingDependency: a library that the source needs is not installed.

    Example:
        >>> data = read_data((["so good", "so bad", "fine"], ["up", "down", "up"]))
        >>> data.kind, data.classes, len(data)
        ('text_classification', ('down', 'up'), 3)
    """
    if inputs and inputs not in INPUTS:
        raise UnknownName("kind of inputs", inputs, INPUTS, f"Known: {', '.join(INPUTS)}.")
    options: dict[str, Any] = {"inputs": inputs, "answer": answer, "roles": roles, "split": split}
    if isinstance(source, (str, os.PathLike)):
        return _from_place(source, options)
    if isinstance(source, LabelledData):
        return _unchanged(source, options)
    if isinstance(source, tuple) and len(source) == 2:
        from zoo.data.sources.memory import from_pair

        return from_pair(source, **options)
    if type(source).__module__.split(".")[0] == "datasets":
        from zoo.data.sources.libraries import from_datasets

        return from_datasets(source, **options)
    from zoo.data.sources.memory import from_frame, is_frame

    if is_frame(source):
        return from_frame(source, **options)
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not isinstance(source, (dict, bytes)):
        from zoo.data.sources.mapped import from_mapped

        return from_mapped(source, **options)
    raise UsageError(
        f"{type(source).__name__} is no source of labelled data. Fix: give a path, a name, a data frame, an object "
        "with __len__ and __getitem__, or a pair (samples, labels)."
    )


def _from_place(source: str | os.PathLike[str], options: dict[str, Any]) -> LabelledData:
    if isinstance(source, str) and source.startswith(DATA):
        return _from_hub(source, options)
    path = Path(source).expanduser()
    if isinstance(source, str) and source in DATASETS.names():
        return _unchanged(load_images(source), options)
    if os.path.isdir(path):  # noqa: PTH112 - a name too long for a path is simply none
        return read_folder(path, **options)
    if os.path.isfile(path):  # noqa: PTH113
        if path.suffix.lower() in SUFFIXES:
            return from_table(read_table(path), **options)
        raise DataError(f"{path} is no table that zoo reads. Fix: give a folder, or one of {' '.join(SUFFIXES)}.")
    beside = [str(each) for each in path.parent.iterdir()] if os.path.isdir(path.parent) else []  # noqa: PTH112
    raise UnknownName(
        "data set",
        str(source),
        [*DATASETS.names(), *beside],
        f"Give a known name ({', '.join(DATASETS.names())}), a folder, a table, or {DATA}NAMESPACE/NAME.",
    )


def _from_hub(source: str, options: dict[str, Any]) -> LabelledData:
    asked = parse_data_name(source)
    snapshot, base = fetch_dataset(source)
    data = read_folder(snapshot.folder / base if base else snapshot.folder, confined=True, **options)
    name = "/".join(filter(None, (asked.repository, asked.folder)))
    told = (*data.notes, *snapshot.notes, f"{asked.repository} at commit {snapshot.commit}")
    return dataclasses.replace(data, name=name, notes=told)


def _unchanged(data: LabelledData, options: dict[str, Any]) -> LabelledData:
    """Data that say all themselves: what the caller says must agree."""
    if options["roles"]:
        raise UsageError(f"{data.name} has no columns. Fix: leave roles out.")
    for what, has in (("inputs", data.inputs), ("answer", data.answer)):
        if options[what] not in ("", has):
            raise UsageError(f"{what} of {data.name} is {has!r}, not {options[what]!r}. Fix: leave {what} out.")
    return only_part(data, options["split"])
