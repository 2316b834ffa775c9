"""What `zoo embed` and `zoo predict` read: files, folders, lines of text and tables, in one fixed order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.audio import SUFFIXES as AUDIO
from zoo.data.images import SUFFIXES as IMAGES
from zoo.data.images import open_image
from zoo.data.tables import SUFFIXES, read_table, text_of
from zoo.errors import DataError, UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINES, TABLES = (".txt",), SUFFIXES
TAKES = {  # by modality: files that are samples, and whether lines and cells are texts (else cells are paths)
    "vision": (IMAGES, False),
    "speech": (AUDIO, False),
    "text": ((), True),
    "image-text": (IMAGES, True),
}


@dataclass(frozen=True)
class Item:
    """One input: a file of its own (`row` is None), or row `row` (from 0) of the file at `path`, which holds `cell`."""

    path: str
    row: int | None
    kind: str  # image, audio or text
    cell: str | None = None

    def read(self) -> Any:
        """The raw sample, as `Backbone.preprocess` takes it.

        Raises:
            DataError: the file cannot be read, or the cell is empty.
        """
        if self.row is not None and self.cell is None:
            raise DataError(f"row {self.row} of {self.path} is empty. Fix: fill it, or leave it out.")
        if self.kind == "text":
            return self.cell
        place = self.path if self.cell is None else os.path.join(os.path.dirname(self.path), self.cell)  # noqa: PTH118, PTH120
        return open_image(place) if self.kind == "image" else place


def find_items(paths: Sequence[str | Path], modality: str, column: str = "") -> list[Item]:
    """All inputs, in the order of `paths`; of a folder, sorted by name, all files below it that such a backbone takes.

    | backbone   | files                  | .txt             | a table                                             |
    |------------|------------------------|------------------|-----------------------------------------------------|
    | vision     | images                 |                  | `column` holds paths, from the table's folder on    |
    | speech     | audio                  |                  | the same                                            |
    | text       |                        | a text each line | `column` holds texts                                |
    | image-text | images                 | a text each line | `column` holds texts; images and texts do not mix   |

    Empty lines are inputs too: row numbers stay those of the file, and the backbone says whether it takes them.

    Raises:
        DataError: no such path, nothing to read in it, or a table that cannot be read.
        UsageError: a file that such a backbone does not take, or a table without `column`.
        UnknownName: the table has no such column.
        MissingDependency: Parquet, and pyarrow is not installed.
    """
    if modality not in TAKES:
        raise UsageError(f"no inputs of the modality {modality!r} can be read. Known: {', '.join(TAKES)}.")
    items = [item for path in paths for item in _items(Path(path), modality, column)]
    if not items:
        raise DataError(f"nothing to read in {', '.join(map(str, paths))}. Fix: name files, or a folder with some.")
    if len(kinds := {item.kind for item in items}) > 1:
        raise UsageError(f"inputs are {' and '.join(sorted(kinds))}. Fix: give one kind at a time.")
    return items


def _items(path: Path, modality: str, column: str) -> Iterator[Item]:
    samples, texts = TAKES[modality]
    kind = "text" if texts else "audio" if modality == "speech" else "image"
    if path.is_dir():
        wanted = samples or LINES
        for file in _below(path, wanted):
            yield from _items(file, modality, column)
        return
    suffix = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"{path} does not exist, or is no file. Fix: check the path.")
    if suffix in samples:
        yield Item(str(path), None, "audio" if modality == "speech" else "image")
    elif suffix in TABLES:
        if not column:
            raise UsageError(f"{path} is a table. Fix: name the column that holds the inputs: --column NAME.")
        yield from (Item(str(path), row, kind, cell) for row, cell in enumerate(_cells(path, column)))
    elif suffix in LINES and texts:
        lines = text_of(path).split("\n")
        yield from (Item(str(path), row, kind, line.rstrip("\r")) for row, line in enumerate(_without_end(lines)))
    else:
        known = " ".join((*samples, *(LINES if texts else ()), *TABLES))
        raise UsageError(f"{path} is no input of a backbone for {modality}. Fix: give one of {known}.")


def _below(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        named = (Path(place, name) for name in files if not name.startswith("."))
        found += [file for file in named if file.suffix.lower() in suffixes and file.is_file()]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be read ({error.strerror}). Fix: allow reading it.") from error


def _without_end(lines: list[str]) -> list[str]:
    """The end of the last line begins no new one."""
    return lines[:-1] if lines[-1] == "" else lines


def _cells(path: Path, column: str) -> Sequence[str | None]:
    """The values of one column; None where a cell is empty."""
    columns = read_table(path).columns
    if column not in columns:
        raise UnknownName("column", column, columns, f"{path} has the columns {', '.join(map(repr, columns))}.")
    values = columns[column]
    if other := next((value for value in values if not isinstance(value, (str, type(None)))), None):
        raise DataError(
            f"column {column!r} of {path} must hold texts, received {type(other).__name__}. Fix: name another column."
        )
    return values
