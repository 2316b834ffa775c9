"""Hugging Face `datasets`: its objects, and the folders that it saves. zoo decodes images and audio itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.data.arrow import declared
from zoo.data.sources.labelled_table import from_table
from zoo.data.sources.parts import joined
from zoo.data.sources.samples import Opened
from zoo.data.tables import Table
from zoo.errors import DataError, MissingDependency, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.data.labelled import LabelledData


def from_datasets(source: Any, *, name: str = "", folder: Path | None = None, **options: Any) -> LabelledData:
    """A `Dataset` or a `DatasetDict`; names of classes are kept, and splits become parts.

    Where `folder` is given, paths in cells start in it and may not lead out of it.

    Raises:
        UsageError: a stream, which has no length.
        DataError, UnknownName: as `from_table` says.
    """
    splits: Mapping[str, Any] = source if isinstance(source, Mapping) else {"": source}
    for split in splits.values():
        if not hasattr(split, "features") or not hasattr(split, "__len__"):
            raise UsageError(
                f"{type(split).__name__} is a stream without a length. Fix: load the data set with streaming=False."
            )
    named = name or _name_of(next(iter(splits.values()), None)) or "dataset"
    tables = [_table(split, f"{named} ({part})" if part else named) for part, split in splits.items()]
    if not tables:
        raise DataError(f"{named} has no splits. Fix: give a data set with some.")
    table = joined(tables, list(splits), named)
    if folder is not None:
        table = replace(table, folder=folder, confined=True)
    return from_table(table, name=named, **options)


def from_disk(root: Path, *, confined: bool = False, **options: Any) -> LabelledData:
    """What `save_to_disk` wrote; `confined` when strangers did.

    Raises:
        MissingDependency: `datasets` is not installed.
        DataError: the folder cannot be read.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingDependency("datasets", "data") from error
    try:
        source = datasets.load_from_disk(str(root))
    except Exception as error:  # damaged files raise anything, from KeyError to errors of Arrow
        raise DataError(f"{root} cannot be read as a saved data set ({error}). Fix: save it again.") from error
    return from_datasets(source, name=root.name, folder=root if confined else None, **options)


def _column(source: Any, name: str) -> Sequence[Any]:
    """One column of a data set, read row by row."""
    return Opened(len(source), lambda row: source[row][name])


def _table(source: Any, name: str) -> Table:
    plain = source.with_format(None)
    features = source.features.to_dict()
    classes, media = declared(features)
    columns: dict[str, Sequence[Any]] = {}
    for column, feature in features.items():
        one = plain.select_columns([column])
        if column in media:
            undecoded = type(source.features[column])(decode=False)  # `datasets` decodes audio by torchcodec only
            columns[column] = _column(one.cast_column(column, undecoded), column)
        elif isinstance(feature, dict) and "binary" in str(feature.get("dtype")):
            columns[column] = _column(one, column)
        else:
            columns[column] = list(one[:][column])
    return Table(name, columns, classes=classes, media=media)


def _name_of(split: Any) -> str:
    return str(getattr(getattr(split, "info", None), "dataset_name", None) or "")
