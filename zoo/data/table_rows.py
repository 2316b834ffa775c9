"""Tables that are larger than memory, read row by row: their size, their first rows, and a column at a time."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING, Any

from zoo.data.arrow import check_names, declared, features_of, import_parquet
from zoo.data.sources.kinds import kind_of
from zoo.data.stored import Cells
from zoo.data.tables import LARGEST_CELL, Table, check_head, objects_of
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from zoo.data.stored import Store

HEAD = 1000  # rows that tell what the columns hold
_BATCH = 16_000_000  # bytes of Parquet that are unpacked at once, of all columns together
_BUFFER = 1 << 20  # bytes of Parquet that are read at once: a row group may be as large as the file


def unpacked_size(paths: Sequence[Path]) -> int:
    """Bytes of tables in memory: of Parquet what its footer says, of others their size.

    Raises:
        DataError: a file cannot be read.
    """
    return sum(_size(path) for path in paths)


def stored_table(path: Path, names: Sequence[str], store: Store, confined: bool = False) -> Table:
    """The table in a file with these columns, whose cells go into `store`; names of files stay in memory.

    Raises:
        DataError: the file cannot be read, or cells are neither texts nor bytes.
    """
    first = head_of(path)
    columns: dict[str, Sequence[Any]] = {}
    media = dict(first.media)
    for name in names:
        kind = kind_of(first, name)
        if kind.name in ("image", "audio"):
            media[name] = kind.name  # names in the cells may tell this, and are not kept
        if kind.form == "path":
            columns[name] = list(_column(path, name))
            continue
        cells = Cells(store)
        for row, cell in enumerate(_column(path, name)):
            cells.add(cell, f"row {row} of column {name!r} of {path}")
        columns[name] = cells
    return Table(str(path), columns, path.parent, {}, media, written=first.written, confined=confined)


def head_of(path: Path) -> Table:
    r"""The first rows of the table in a file, which tell what its columns hold.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.jsonl").write_text('{"text": "one"}\n\n{"text": "two", "n": 1}\n')
        ...     dict(head_of(Path(folder, "a.jsonl")).columns)
        {'text': ['one', 'two'], 'n': [None, 1]}
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        schema = _parquet(path).schema_arrow
        check_names(schema, str(path))
        classes, media = declared(features_of(schema))
        names = list(schema.names)
        batch = next(_batches(path, names), None)
        columns = {name: batch.column(name).to_pylist() if batch is not None else [] for name in names}
        return Table(str(path), columns, path.parent, classes, media)
    rows = list(itertools.islice(_rows(path), HEAD))
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Table(str(path), columns, path.parent, written=suffix != ".jsonl")


def _size(path: Path) -> int:
    try:
        if path.suffix.lower() != ".parquet":
            return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Fix: allow reading it.") from error
    about = _parquet(path).metadata
    return sum(about.row_group(index).total_byte_size for index in range(about.num_row_groups))


def _column(path: Path, name: str) -> Iterator[Any]:
    """The cells of a column, one after the other."""
    if path.suffix.lower() == ".parquet":
        for batch in _batches(path, [name]):
            yield from batch.column(name).to_pylist()
        return
    for row in _rows(path):
        yield row.get(name)


def _parquet(path: Path) -> Any:
    import_parquet()
    import pyarrow
    import pyarrow.parquet

    try:  # not mapped: what was read would count as memory in use
        return pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file that can be read ({error}). Fix: make it again.") from error


def _batches(path: Path, names: Sequence[str]) -> Iterator[Any]:
    import pyarrow

    try:
        file = _parquet(path)
        rows = _BATCH * file.metadata.num_rows // max(1, _size(path))
        yield from file.iter_batches(batch_size=max(1, min(rows, HEAD)), columns=list(names))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read ({error}). Fix: make the file again.") from error


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a table of text, as `zoo.data.tables` reads them."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".jsonl":
            with path.open(encoding="utf-8-sig", newline="\n") as file:
                yield from objects_of(path, file)
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from _separated(path, file, "\t" if suffix == ".tsv" else ",")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Fix: allow reading it.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error.reason}). Fix: save it as UTF-8.") from error


def _separated(path: Path, file: Iterable[str], delimiter: str) -> Iterator[dict[str, Any]]:
    limit = csv.field_size_limit(LARGEST_CELL)
    try:
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        head = next(rows, [])
        check_head(path, head)
        for row in rows:
            if len(row) > len(head):
                raise DataError(
                    f"the row in line {rows.line_num} of {path} has {len(row)} cells, and its first row names "
                    f"{len(head)} columns. Fix: put cells that hold a separator in double quotes."
                )
            if row:
                yield dict(zip(head, [*row, *[None] * (len(head) - len(row))], strict=True))
    except csv.Error as error:
        raise DataError(
            f"{path} cannot be read beyond line {rows.line_num} ({error}). Fix: a cell with quotes in it stands in "
            'quotes, and these are doubled (""), or write JSONL.'
        ) from error
    finally:
        csv.field_size_limit(limit)
