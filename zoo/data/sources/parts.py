"""Parts of a data set (train, validation, test): what sources call them, and tables of several parts as one."""

from __future__ import annotations

import bisect
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.arrow import ArrowColumn
from zoo.data.labelled import PARTS
from zoo.data.sources.samples import Opened
from zoo.data.tables import Table
from zoo.errors import DataError, UnknownName
from zoo.io.datasets import PARTS as WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.labelled import LabelledData


def part_of(name: str) -> str:
    """The part that a name speaks of; empty if of none, or of two.

    Example:
        >>> part_of("val"), part_of("train-00000-of-00001"), part_of("imdb_test"), part_of("latest")
        ('validation', 'train', 'test', '')
    """
    found = {WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in WORDS}
    return found.pop() if len(found) == 1 else ""


def only_part(data: LabelledData, split: str) -> LabelledData:
    """The samples of one part, which then are divided no further; all if `split` is empty.

    Raises:
        UnknownName: the data have no such part.
    """
    if not split:
        return data
    import dataclasses

    known = [] if data.parts is None else [part for part in PARTS if (data.parts == part).any()]
    wanted = part_of(split) or split
    if data.parts is None or wanted not in known:
        raise no_such_part(data.name, split, known)
    return dataclasses.replace(data.taken(np.flatnonzero(data.parts == wanted)), parts=None)


def no_such_part(name: str, split: str, known: Sequence[str]) -> UnknownName:
    """The error for a part that the data do not have."""
    has = f"{name} has {', '.join(known)}." if known else f"{name} has no parts. Fix: leave split out."
    return UnknownName("split", split, known, has)


def joined(tables: Sequence[Table], parts: Sequence[str], name: str) -> Table:
    """Tables one below the other; a column that one of them lacks is empty there.

    Args:
        tables: with the same declared classes, if any.
        parts: what each is called; all empty where they are no parts.
        name: of the whole.

    Raises:
        DataError: the tables declare different classes.

    Example:
        >>> whole = joined([Table("a", {"x": [1]}), Table("b", {"x": [2, 3]})], ["train", "test"], "ab")
        >>> whole.columns["x"], whole.parts, whole.origin(2)
        ([1, 2, 3], ['train', 'test', 'test'], 'row 1 of b')
    """
    if len(tables) == 1 and not parts[0]:
        return tables[0]
    names = dict.fromkeys(column for table in tables for column in table.columns)
    classes: dict[str, tuple[str, ...]] = {}
    for table in tables:
        for column, declared in table.classes.items():
            if classes.setdefault(column, declared) != declared:
                raise DataError(
                    f"{tables[0].name} and {table.name} declare different classes of {column!r}. "
                    "Fix: read one of them, or make both alike."
                )
    media = {column: medium for table in tables for column, medium in table.media.items()}
    told = [part for table, part in zip(tables, parts, strict=True) for _ in range(len(table))] if any(parts) else []
    return Table(
        name,
        {column: _stacked([table.columns.get(column) or [None] * len(table) for table in tables]) for column in names},
        tables[0].folder,
        classes,
        media,
        _joined([Opened(len(table), table.origin) for table in tables]),
        told,
        written=all(table.written for table in tables),
        confined=any(table.confined for table in tables),
    )


def _joined(pieces: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Sequences one after the other, each read when it is asked for."""
    ends = list(accumulate(len(piece) for piece in pieces))

    def read(index: int) -> Any:
        at = bisect.bisect_right(ends, index)
        return pieces[at][index - (ends[at - 1] if at else 0)]

    return Opened(ends[-1], read)


def _stacked(pieces: Sequence[Sequence[Any]]) -> Sequence[Any]:
    if all(isinstance(piece, list) for piece in pieces):
        return [value for piece in pieces for value in piece]
    chunks = [piece.chunks for piece in pieces if isinstance(piece, ArrowColumn)]
    if len(chunks) == len(pieces) and len({str(chunk.type) for chunk in chunks}) == 1:
        import pyarrow

        return ArrowColumn(pyarrow.chunked_array([chunk for column in chunks for chunk in column.chunks]))
    return _joined(pieces)
