"""Tables of any form, read by name of column: CSV, TSV, JSON lines and Parquet. The one reader of them in zoo.

Columns are read when they are asked for. Those that hold bytes stay in Arrow (see `zoo.data.arrow`); all others are in
memory.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
LARGEST_CELL = 1 << 30  # characters; csv's own limit is 131,072, which long documents exceed


@dataclass(frozen=True)
class Table:
    """N rows of named columns; None where a cell is empty.

    Attributes:
        name: what messages call it.
        columns: N values each, by name.
        folder: where relative paths in its cells start.
        classes: names of classes by column, where the table declares them (`ClassLabel` of Hugging Face).
        media: `image` or `audio` by column, where the table declares it.
        rows: N places to tell the user; none stands for "row R of NAME".
        parts: N names of parts, where the files give them.
        written: whether numbers are written as text (CSV, TSV).
        confined: whether paths may not lead out of `folder` (tables that strangers wrote).
        notes: sentences for the user.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    folder: Path = Path()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[str] = ()
    parts: Sequence[str] = ()
    written: bool = False
    confined: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def origin(self, row: int) -> str:
        """Where a row came from, for a message.

        Example:
            >>> Table("a.csv", {"x": [1, 2]}).origin(1)
            'row 1 of a.csv'
        """
        return self.rows[row] if len(self.rows) else f"row {row} of {self.name}"


def read_table(path: Path) -> Table:
    r"""The table in a file, by its suffix; rows are counted from 0, and empty lines of text are no rows.

    A first row of CSV and TSV names the columns; a line of JSON is an object, and an absent entry is an empty cell.

    Raises:
        DataError: the file cannot be read as what its suffix says, or two columns have one name.
        MissingDependency: Parquet, and pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.csv").write_text("text,label\nfine,1\n")
        ...     dict(read_table(Path(folder, "a.csv")).columns)
        {'text': ['fine'], 'label': ['1']}
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from zoo.data.arrow import read_parquet

        return read_parquet(path)
    if suffix == ".jsonl":
        return Table(str(path), _json_lines(path), path.parent)
    if suffix in (".csv", ".tsv"):
        return Table(str(path), _separated(path, "\t" if suffix == ".tsv" else ","), path.parent, written=True)
    raise DataError(f"{path} is no table that zoo reads. Fix: save it as one of {' '.join(SUFFIXES)}.")


def text_of(path: Path) -> str:
    """The content of a file of UTF-8 text, without a byte-order mark.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Fix: allow reading it.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}). Fix: save it as UTF-8.") from error


def _separated(path: Path, delimiter: str) -> dict[str, list[str | None]]:
    text = text_of(path)
    limit = csv.field_size_limit(LARGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        kind = path.suffix[1:].upper()
        raise DataError(
            f"{path} is no {kind} that can be read ({error}). Fix: save it again as {kind} in UTF-8; a cell with "
            'quotes in it stands in quotes, and these are doubled (""), or write JSONL.'
        ) from error
    finally:
        csv.field_size_limit(limit)
    head, *rows = rows or [[]]
    check_head(path, head)
    rows = [row for row in rows if row]
    if wide := [index for index, row in enumerate(rows) if len(row) > len(head)]:
        raise DataError(
            f"row {wide[0]} of {path} has {len(rows[wide[0]])} cells, and its first row names {len(head)} columns "
            f"({len(wide)} such rows). Fix: put cells that hold a separator in double quotes."
        )
    return {name: [row[at] if at < len(row) else None for row in rows] for at, name in enumerate(head)}


def check_head(path: Path, head: Sequence[str]) -> None:
    """Refuse a first row whose names cannot tell columns apart.

    Raises:
        DataError: one name with a separator in it, or one name twice.
    """
    if len(head) == 1 and (other := next((each for each in ";\t|" if each in head[0]), "")):
        raise DataError(
            f"{path} seems to have {other!r} between its cells. Fix: save it with commas (.csv) or tabs (.tsv) instead."
        )
    if twice := [name for index, name in enumerate(head) if name in head[:index]]:
        raise DataError(f"{path} has two columns {twice[0]!r}. Fix: rename one in its first row.")


def _json_lines(path: Path) -> dict[str, list[Any]]:
    rows = list(objects_of(path, text_of(path).split("\n")))  # not splitlines: JSON may hold its other ends
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def objects_of(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects in lines of JSON, without blank ones.

    Raises:
        DataError: a line that is no object.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"line {number} of {path} is no JSON ({error}). Fix: write one object a line, without line breaks."
            ) from error
        if not isinstance(row, dict):
            raise DataError(
                f"line {number} of {path} must be an object, received {type(row).__name__}. "
                'Fix: write such as {"text": "...", "label": "..."}.'
            )
        yield row
