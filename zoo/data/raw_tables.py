"""Samples in a column of one or several tables: texts, images, sound, and pairs of images and texts."""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.arrow import IN_MEMORY
from zoo.data.lines import cut_texts
from zoo.data.raw import RawData, digest_of_files
from zoo.data.sources.kinds import is_empty, kind_of
from zoo.data.sources.parts import part_of
from zoo.data.sources.samples import Opened, samples_of
from zoo.data.stored import Cells, Pieces, Store
from zoo.data.table_rows import head_of, stored_table, unpacked_size
from zoo.data.tables import read_table
from zoo.errors import DataError, UnknownName

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.data.lines import Most
    from zoo.data.tables import Table

KINDS = {"vision": ("image",), "speech": ("audio",), "text": ("text",), "image-text": ("image", "text")}
"""What the columns hold of which backbones of a modality take samples."""


def from_tables(
    paths: Sequence[Path], modality: str, column: str = "", most: Most = None, root: Path | None = None,
    confined: bool = False,
) -> RawData:  # fmt: skip
    """The samples in tables, one table after the other; rows with an empty cell are left out, and a note counts them.

    Args:
        paths: of the tables; of those that are parts of a data set only the train part is read.
        modality, column, most: as `zoo.data.raw_files.read_raw` takes them.
        root: the folder that they lie in.
        confined: whether their cells may not lead out of it.

    Raises:
        DataError: no column of the right kind, several, or no samples.
        UnknownName: no such column.
    """
    parts = [part_of(path.stem) or (part_of(path.parent.name) if path.parent != root else "") for path in paths]
    notes: list[str] = []
    if "train" in parts and set(parts) != {"train"}:
        others = [path.name for path, part in zip(paths, parts, strict=True) if part != "train"]
        paths = [path for path, part in zip(paths, parts, strict=True) if part == "train"]
        notes.append(f"only the train part is read; left out: {', '.join(others[:6])}{', ...' * (len(others) > 6)}")
    kinds = ("text", "text") if modality == "text" and column.count(",") == 1 else KINDS[modality]
    samples, origins, empty = [], [], 0
    store = Store() if unpacked_size(paths) > IN_MEMORY else None  # of tables that memory may not hold
    for path in paths:
        table = dataclasses.replace(head_of(path) if store else read_table(path), confined=confined)
        names = _columns(table, kinds, column)
        table = stored_table(path, names, store, confined) if store else table
        full = _full_rows(table, names)
        empty += len(table) - len(full)
        samples.append(_samples(table, names, kinds, full))
        origins.append(Opened(len(full), _origin(table, full)))
    if store:
        store.close_writing()
    notes += [f"{empty} rows with an empty cell are left out"] if empty else []
    every, places = Joined(samples), Joined(origins)
    if not len(every):
        raise DataError(f"{', '.join(map(str, paths[:3]))} holds no samples. Fix: give a table with some.")
    root = root or paths[0].parent
    content, told = digest_of_files(paths, root)
    listed = hashlib.sha256(f"{column} {content}".encode()).hexdigest()
    notes += told
    if kinds == ("text",) and store:
        cut = Pieces(every, most)
        whole = len(cut) == len(every)
        return RawData(paths[0].name, cut, listed, places if whole else (), (*notes, *cut.notes))
    if kinds == ("text",):
        texts, told = cut_texts(list(every), most)
        whole = len(texts) == len(every)
        return RawData(paths[0].name, texts, listed, places if whole else (), (*notes, *told))
    return RawData(paths[0].name, every, listed, places, tuple(notes), pairs=kinds == ("text", "text"))


class Joined(Sequence[Any]):
    """Sequences end to end, each item read when it is asked for.

    Example:
        >>> joined = Joined([["a", "b"], [], ["c"]])
        >>> len(joined), joined[2]
        (3, 'c')
    """

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self.parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = bisect.bisect_right(self._ends, index)
        return self.parts[part][index - (self._ends[part - 1] if part else 0)]


def _columns(table: Table, kinds: Sequence[str], asked: str) -> list[str]:
    """The columns of the samples, one for each kind."""
    names = [name.strip() for name in asked.split(",")] if asked else []
    for name in names:
        if name not in table.columns:
            raise UnknownName("column", name, table.columns, f"Columns of {table.name}: {', '.join(table.columns)}.")
    if names and len(names) != len(kinds):
        raise DataError(
            f"column {asked!r} names {len(names)}, and {' and '.join(kinds)} are wanted. Fix: name {len(kinds)}."
        )
    if names:
        return names
    found = {name: kind_of(table, name).name for name in table.columns}
    chosen = []
    for kind in kinds:
        fit = [name for name, held in found.items() if held == kind]
        fit = [name for name in fit if name.lower() == kind] or fit
        if len(fit) != 1:
            what = f"{len(fit)} columns of {kind}: {', '.join(fit)}" if fit else f"no column of {kind}"
            held = ", ".join(f"{name} ({kind})" for name, kind in found.items())
            raise DataError(f"{table.name} has {what} (it has {held}). Fix: name it: column=NAME, --column NAME.")
        chosen += fit
    return chosen


def _full_rows(table: Table, names: Sequence[str]) -> np.ndarray:
    """Rows with something in each of these columns."""
    full = np.ones(len(table), dtype=bool)
    for name in names:
        cells = table.columns[name]
        if isinstance(cells, Cells):
            full &= cells.filled
            continue
        chunks = getattr(cells, "chunks", None)  # of Arrow, which knows without reading the bytes
        full &= chunks.is_valid().to_numpy() if chunks is not None else np.array([not is_empty(cell) for cell in cells])
    return np.flatnonzero(full)


def _samples(table: Table, names: Sequence[str], kinds: Sequence[str], rows: np.ndarray) -> Sequence[Any]:
    read = [_column(table, name, kind, rows) for name, kind in zip(names, kinds, strict=True)]
    if len(read) == 1:
        return read[0]
    return Opened(len(rows), lambda at: tuple(one[at] for one in read))


def _column(table: Table, name: str, kind: str, rows: np.ndarray) -> Sequence[Any]:
    cells = table.columns[name]
    if kind == "text" and isinstance(cells, Cells):  # which are not read before they are drawn
        return Opened(len(rows), lambda at: cells[int(rows[at])])
    return samples_of(table, [name], kind, rows)[0]


def _origin(table: Table, rows: np.ndarray) -> Any:
    return lambda at: table.origin(int(rows[at]))
