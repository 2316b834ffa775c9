"""Tables in Arrow's forms: Parquet files and tables in memory, with the columns that hold bytes read row by row.

A column of images may be larger than the memory. Parquet is compressed, so that one row of it cannot be read alone:
above `IN_MEMORY` bytes such a column is unpacked once, a batch at a time, into a temporary file that is then mapped.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.data.tables import Table
from zoo.errors import DataError, MissingDependency

if TYPE_CHECKING:
    from pathlib import Path

IN_MEMORY = 256_000_000  # bytes
_BATCH = 64  # rows unpacked at once


def read_parquet(path: Path) -> Table:
    """A Parquet file; classes and media that Hugging Face `datasets` declared in it are kept.

    Raises:
        DataError: it cannot be read, or two columns have one name.
        MissingDependency: pyarrow is not installed.
    """
    parquet = import_parquet()
    import pyarrow

    try:
        file = parquet.ParquetFile(path, memory_map=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file that can be read ({error}). Fix: make it again.") from error
    check_names(file.schema_arrow, str(path))
    classes, media = declared(features_of(file.schema_arrow))
    return Table(str(path), ParquetColumns(file, path), path.parent, classes, media)


def arrow_table(table: Any, name: str) -> Table:
    """A table of pyarrow that is in memory, or mapped.

    Raises:
        DataError: two columns have one name.
    """
    check_names(table.schema, name)
    columns = {
        str(column): ArrowColumn(table.column(at)) if _holds_bytes(table.schema.field(at).type) else _listed(table, at)
        for at, column in enumerate(table.schema.names)
    }
    classes, media = declared(features_of(table.schema))
    return Table(name, columns, classes=classes, media=media)


class ParquetColumns(Mapping[str, Sequence[Any]]):
    """The columns of a Parquet file, each read when it is first asked for."""

    def __init__(self, file: Any, path: Path) -> None:
        self.file, self.path = file, path
        self._read: dict[str, Sequence[Any]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.file.schema_arrow.names)

    def __len__(self) -> int:
        return len(self.file.schema_arrow.names)

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._read:
            if name not in self.file.schema_arrow.names:
                raise KeyError(name)
            self._read[name] = self._column(name)
        return self._read[name]

    def _column(self, name: str) -> Sequence[Any]:
        import pyarrow

        try:
            if not _holds_bytes(self.file.schema_arrow.field(name).type):
                values: list[Any] = self.file.read(columns=[name]).column(name).to_pylist()
                return values
            if self._size(name) > IN_MEMORY:
                return ArrowColumn(_mapped(self.file, name))
            return ArrowColumn(self.file.read(columns=[name]).column(name))
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(
                f"column {name!r} of {self.path} cannot be read ({error}). Fix: make the file again."
            ) from error

    def _size(self, name: str) -> int:
        """Bytes of a column when it is unpacked."""
        about = self.file.metadata
        groups = (about.row_group(index) for index in range(about.num_row_groups))
        chunks = (group.column(at) for group in groups for at in range(group.num_columns))
        return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] == name)


class ArrowColumn(Sequence[Any]):
    """A column that stays in Arrow; a cell becomes a Python value when it is asked for."""

    def __init__(self, chunks: Any) -> None:
        self.chunks = chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, index: Any) -> Any:
        return self.chunks[int(index)].as_py()


def declared(features: Any) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Names of classes, and media, by column, of features as `datasets` writes them.

    Example:
        >>> declared({"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "image": {"_type": "Image"}})
        ({'label': ('no', 'yes')}, {'image': 'image'})
    """
    classes: dict[str, tuple[str, ...]] = {}
    media: dict[str, str] = {}
    for name, feature in features.items() if isinstance(features, dict) else ():
        while isinstance(feature, (list, dict)):  # a list of labels: its inner feature
            if isinstance(feature, dict) and feature.get("_type") not in ("Sequence", "List", "LargeList"):
                break
            feature = feature[0] if isinstance(feature, list) and feature else dict(feature).get("feature")
        kind = feature.get("_type") if isinstance(feature, dict) else None
        if kind == "ClassLabel" and isinstance(feature.get("names"), list):
            classes[name] = tuple(str(each) for each in feature["names"])
        elif kind in ("Image", "Audio"):
            media[name] = str(kind).lower()
    return classes, media


def features_of(schema: Any) -> Any:
    """What `datasets` wrote about the columns into a schema of Arrow; nothing where it did not."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}


def import_parquet(extra: str = "data") -> Any:
    """The reader and writer of Parquet in pyarrow, or the error that says how to get it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependency("pyarrow", extra) from error
    return pyarrow.parquet


def check_names(schema: Any, name: str) -> None:
    """Refuse a table with two columns of one name.

    Raises:
        DataError: there are two.
    """
    if twice := sorted({column for column in schema.names if schema.names.count(column) > 1}):
        raise DataError(f"{name} has two columns {twice[0]!r}. Fix: rename one.")


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(_holds_bytes(kind.field(at).type) for at in range(kind.num_fields))
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _listed(table: Any, at: int) -> list[Any]:
    values: list[Any] = table.column(at).to_pylist()
    return values


def _mapped(file: Any, name: str) -> Any:
    """A column as chunks in a mapped file that nobody else sees."""
    import pyarrow

    handle, place = tempfile.mkstemp(suffix=".arrow", prefix="zoo-")
    os.close(handle)
    try:
        schema = pyarrow.schema([file.schema_arrow.field(name)])
        with pyarrow.ipc.new_file(place, schema) as writer:
            for batch in file.iter_batches(batch_size=_BATCH, columns=[name]):
                writer.write_batch(batch)
        return pyarrow.ipc.open_file(pyarrow.memory_map(place)).read_all().column(name)
    finally:
        with contextlib.suppress(OSError):  # Windows removes no mapped file: there it stays until the system clears it
            os.unlink(place)  # noqa: PTH108
