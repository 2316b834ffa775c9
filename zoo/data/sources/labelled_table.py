"""A table as labelled data: roles are found, answers read, samples laid out, and everything decided is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.labelled import PARTS, LabelledData
from zoo.data.sources.answers import Answers, find_answers
from zoo.data.sources.kinds import is_empty
from zoo.data.sources.parts import no_such_part, part_of
from zoo.data.sources.roles import Roles, find_roles, said_roles
from zoo.data.sources.samples import Digest, Opened, contents, samples_of
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.data.tables import Table


def from_table(
    table: Table,
    *,
    inputs: str = "",
    answer: str = "",
    roles: Mapping[str, str | Sequence[str]] | None = None,
    split: str = "",
    name: str = "",
) -> LabelledData:
    """The rows of a table as labelled data; what was inferred is told by `notes`.

    Args:
        table: its columns, and what they declare.
        inputs: of `zoo.data.labelled.INPUTS`; empty infers it.
        answer: of `zoo.data.labelled.ANSWERS`; empty infers it, by the rule of `zoo.data.sources.answers`.
        roles: columns by role (see `zoo.data.sources.roles`); those left out are inferred.
        split: the only part to be read; empty reads all that are known.
        name: of the data; empty takes the table's.

    Raises:
        UnknownName: a role, column, part or answer that is none.
        DataError: what cannot be decided, or cannot be read; the message says what to write or to mend.

    Example:
        >>> from zoo.data.tables import Table
        >>> moods = Table("moods", {"text": ["so good", "so bad", "fine"], "label": ["up", "down", "up"]})
        >>> data = from_table(moods)
        >>> data.kind, data.targets.tolist(), data.notes[0][:20]
        ('text_classification', [1, 0, 1], "text is column 'text")
    """
    given = said_roles(roles)
    if not len(table):
        raise DataError(f"{table.name} has no rows. Fix: give a table with some.")
    found = find_roles(table, given, inputs, has_parts=bool(table.parts))
    if not found.labels:
        raise DataError(
            f'{table.name} has no column of labels. Fix: add one, or say which it is: roles={{"label": "COLUMN"}}.'
        )
    parts = _parts(table, found)
    rows, notes = _rows(table, parts, found, split)
    answers = find_answers(table, found.labels, rows, answer)
    samples, told = samples_of(table, found.samples, found.inputs, rows)
    groups = _groups(table, found.group, rows)
    digest = Digest(found.inputs, answers.answer, answers.classes)
    for content, rate in contents(samples, table, found.samples[0], rows, found.inputs):
        digest.add(content, rate)
    kept = None if parts is None or split else parts[rows]
    return LabelledData(
        name or Path(table.name).name,
        samples,
        answers.targets,
        answers.classes,
        digest.end(answers.targets),
        (*_decided(found, given, answers), *table.notes, *notes, *told, *answers.notes, *digest.notes),
        inputs=found.inputs,
        answer=answers.answer,
        groups=groups,
        parts=kept,
        origins=Opened(len(rows), lambda at: table.origin(int(rows[at]))),
    )


def _parts(table: Table, found: Roles) -> np.ndarray | None:
    """[N] names of parts, zoo's own where it knows them; None where the table gives none."""
    names: Sequence[Any] = table.parts
    if found.split:
        names = table.columns[found.split]
        empty = [row for row, value in enumerate(names) if is_empty(value)]
        if empty:
            raise DataError(
                f"{len(empty)} cells of column {found.split!r} are empty, the first in {table.origin(empty[0])}. "
                f"Fix: write one of {', '.join(PARTS)}."
            )
    if not len(names):
        return None
    known = {each: part_of(str(each)) or str(each) for each in dict.fromkeys(names)}
    return np.array([known[each] for each in names])


def _rows(table: Table, parts: np.ndarray | None, found: Roles, split: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rows that are read, and what is left out."""
    everything = np.arange(len(table))
    if parts is None:
        if split:
            raise no_such_part(table.name, split, ())
        return everything, ()
    there = list(dict.fromkeys(parts.tolist()))
    if split:
        wanted = split if split in there else part_of(split)
        if wanted not in there:
            raise no_such_part(table.name, split, there)
        return everything[parts == wanted], ()
    notes, kept = [], []
    for part in there:
        count = int((parts == part).sum())
        if part not in PARTS:
            notes.append(
                f"part {part!r} is not read ({count} rows): zoo knows {', '.join(PARTS)}; split={part!r} reads it"
            )
        elif _unlabelled(table, found, everything[parts == part]):
            notes.append(f"part {part!r} is not read ({count} rows): it has no labels")
        else:
            kept.append(part)
    if not kept:
        raise DataError(f"{table.name} has no labelled part that zoo reads: {'; '.join(notes)}.")
    return everything[np.isin(parts, kept)], tuple(notes)


def _unlabelled(table: Table, found: Roles, rows: np.ndarray) -> bool:
    column = found.labels[0]
    cells, declared = table.columns[column], column in table.classes
    values = (cells[int(row)] for row in rows)
    return all(is_empty(value) or (declared and type(value) is int and value < 0) for value in values)


def _groups(table: Table, column: str, rows: np.ndarray) -> np.ndarray | None:
    if not column:
        return None
    cells = table.columns[column]
    values = [cells[int(row)] for row in rows]
    if empty := [at for at, value in enumerate(values) if is_empty(value)]:
        raise DataError(
            f"{len(empty)} cells of the group column {column!r} are empty, the first in "
            f'{table.origin(int(rows[empty[0]]))}. Fix: fill them, or use no groups: roles={{"group": ""}}.'
        )
    return np.array([str(value) for value in values])


def _decided(found: Roles, given: Mapping[str, str], answers: Answers) -> tuple[str, ...]:
    """What each column was taken for, where the user did not say all of it."""
    roles = ("text", "second text") if found.inputs == "text_pair" else (found.inputs,)
    told = [f"{role} is column {column!r}" for role, column in zip(roles, found.samples, strict=True)]
    what = "numbers" if answers.answer == "regression" else f"{len(answers.classes)} classes"
    several = f"{what}, several at once" if answers.answer == "multi_label" else what
    labels = ", ".join(map(repr, found.labels[:8]))
    told.append(f"label is column {labels} ({several})")
    told += [f"group is column {found.group!r}"] * bool(found.group)
    told += [f"split is column {found.split!r}"] * bool(found.split)
    inferred = {*found.samples, *found.labels, found.group, found.split} - {""}
    said = {name.strip() for column in given.values() for name in (column, *column.split(","))}
    return () if inferred <= said else ("; ".join([", ".join(told), "set it with roles={...}"]),)
