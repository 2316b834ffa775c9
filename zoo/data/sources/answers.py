"""From the cells of a label column to targets: classes, several classes at once, or numbers.

| cells                                              | `answer`, unless it is said                                   |
|----------------------------------------------------|---------------------------------------------------------------|
| texts, true and false, declared classes            | `classification`                                              |
| whole numbers, at most 50 different ones, each     | `classification`                                              |
| twice on average or more                           |                                                               |
| other whole numbers, and all other numbers         | an error: classes or quantities, only the user knows          |
| lists                                              | `multi_label`                                                 |
| texts of CSV with `|` or `;`, if fewer names       | `multi_label`                                                 |
| stand between these than there are different cells |                                                               |
| other texts of CSV with `|` or `;`                 | an error                                                      |
| several columns of 0 and 1                         | `multi_label`, the columns being the classes                  |
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from zoo.data.labelled import ANSWERS
from zoo.data.sources.kinds import Kind, is_empty, is_whole, kind_of
from zoo.errors import DataError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.data.tables import Table

_SEPARATORS = re.compile(r"[|;]")
_FLAGS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}


@dataclass(frozen=True)
class Answers:
    """What `LabelledData` says of the answers: `targets` [N] or [N, classes]."""

    answer: str
    targets: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_answers(table: Table, columns: Sequence[str], rows: np.ndarray, answer: str = "") -> Answers:
    """The targets of `rows` [n] of a table, by its label columns.

    Classes stand in the order that the table declares; else numbers by size, and texts by their characters.

    Raises:
        DataError: an empty cell, cells of several types, one class only, or an answer that only the user knows.
        UnknownName: no such `answer`.

    Example:
        >>> from zoo.data.tables import Table
        >>> found = find_answers(Table("a.csv", {"y": ["no", "yes", "no"]}), ("y",), np.arange(3))
        >>> found.answer, found.targets.tolist(), found.classes
        ('classification', [0, 1, 0], ('no', 'yes'))
    """
    if answer and answer not in ANSWERS:
        raise UnknownName("answer", answer, ANSWERS, f"Known: {', '.join(ANSWERS)}.")
    if len(columns) > 1:
        return _flags(table, columns, rows, answer)
    column = columns[0]
    cells = table.columns[column]
    values = [cells[int(row)] for row in rows]
    kind = kind_of(table, column)
    where = _Where(table, column, rows)
    _check_filled(values, kind, where)
    if kind.name == "mixed":
        raise DataError(
            f"labels of {where.column} are of several types: {', '.join(kind.types)}. Fix: write all of them alike."
        )
    if kind.name not in ("text", "whole", "float", "bool", "list") and not (kind.form == "path" and kind.distinct):
        raise DataError(
            f'{where.column} holds {kind.name}, which is no label. Fix: say another, roles={{"label": ...}}.'
        )
    declared = table.classes.get(column, ())
    answer = answer or _inferred(values, kind, declared, table, where)
    if answer == "regression":
        return _numbers(values, where)
    if answer == "multi_label":
        return _several(values, kind, declared, where)
    if kind.name == "list":
        raise DataError(f"{where.column} holds lists, which are no single class. Fix: answer='multi_label'.")
    return _single(values, kind, declared, where)


@dataclass(frozen=True)
class _Where:
    """What messages say about a cell."""

    table: Table
    name: str
    rows: np.ndarray

    @property
    def column(self) -> str:
        return f"column {self.name!r} of {self.table.name}"

    def cell(self, index: int) -> str:
        return f"column {self.name!r}, {self.table.origin(int(self.rows[index]))}"


def _check_filled(values: Sequence[Any], kind: Kind, where: _Where) -> None:
    declared = where.name in where.table.classes
    numbers = kind.name == "float"  # in which a written nan is no number, as it is a name among names
    empty = [
        at
        for at, value in enumerate(values)
        if is_empty(value) or (numbers and math.isnan(float(value))) or (declared and type(value) is int and value < 0)
    ]
    if empty:
        fix = "fill them, or take these rows out"
        if kind.name == "list" or any(isinstance(value, str) and _SEPARATORS.search(value) for value in values):
            fix += "; a sample of no class has an empty list, or a single |"
        raise DataError(
            f"{len(empty)} of {len(values)} labels are empty, the first at {where.cell(empty[0])}. Fix: {fix}."
        )


def _inferred(values: Sequence[Any], kind: Kind, declared: tuple[str, ...], table: Table, where: _Where) -> str:
    if kind.name == "list":
        return "multi_label"
    if declared or kind.name == "bool":
        return "classification"
    if kind.name in ("whole", "float"):
        few = kind.name == "whole" and Kind("whole", "", len({int(v) for v in values}), len(values)).few()
        if few:
            return "classification"
        raise DataError(
            f"{where.column} holds {len(set(values))} different numbers in {len(values)} rows, which "
            "may be classes or quantities. Fix: answer='classification', or answer='regression' for quantities."
        )
    if table.written and any(_SEPARATORS.search(value) for value in values):
        wholes, pieces = set(values), {piece for value in values for piece in _pieces(value)}
        if len(pieces) < len(wholes):
            return "multi_label"
        raise DataError(
            f"labels of {where.column} hold | or ;, such as {next(v for v in values if _SEPARATORS.search(v))!r}. "
            "Fix: answer='multi_label' between classes, answer='classification' in names."
        )
    return "classification"


def _single(values: Sequence[Any], kind: Kind, declared: tuple[str, ...], where: _Where) -> Answers:
    if declared and not isinstance(values[0], str):
        index, names = _by_declared(declared, where), declared
    else:
        index, names = _by_name(values, kind)
    targets = np.array([index(value, at) for at, value in enumerate(values)], dtype=np.int64)
    present = np.unique(targets)
    if len(present) < 2:
        raise DataError(
            f"{where.column} has one class only, {names[present[0]]!r}, in all {len(values)} rows. "
            "Fix: classification needs samples of at least 2 classes."
        )
    if len(present) < len(names):
        missing = [name for at, name in enumerate(names) if at not in present]
        note = f"{len(missing)} of {len(names)} declared classes have no sample: {', '.join(missing[:6])}"
        return Answers("classification", targets, names, (note,))
    return Answers("classification", targets, names)


def _by_name(values: Sequence[Any], kind: Kind) -> tuple[Callable[[Any, int], int], tuple[str, ...]]:
    if kind.name in ("whole", "float") and not any(map(_is_code, values)):
        numbers = sorted({float(value) if kind.name == "float" else int(value) for value in values})
        place = {number: at for at, number in enumerate(numbers)}
        read = float if kind.name == "float" else int
        return (lambda value, _: place[read(value)]), tuple(
            str(number) if number % 1 else str(int(number)) for number in numbers
        )
    texts = sorted({str(value).strip() for value in values})
    where = {text: at for at, text in enumerate(texts)}
    return (lambda value, _: where[str(value).strip()]), tuple(
        text.lower() if kind.name == "bool" else text for text in texts
    )


def _is_code(value: Any) -> bool:
    """Whether digits stand for a name: `007`, or so many that as a number they would equal their neighbours."""
    return isinstance(value, str) and value.strip().lstrip("+-").isdecimal() and not is_whole(value)


def _by_declared(declared: tuple[str, ...], where: _Where) -> Callable[[Any, int], int]:
    def index(value: Any, at: int) -> int:
        if type(value) is bool or not float(value).is_integer() or not 0 <= int(value) < len(declared):
            raise DataError(
                f"label {value!r} at {where.cell(at)} is none of the {len(declared)} declared classes. "
                f"Fix: write a number from 0 to {len(declared) - 1}."
            )
        return int(value)

    return index


def _several(values: Sequence[Any], kind: Kind, declared: tuple[str, ...], where: _Where) -> Answers:
    lists = [list(value) if kind.name == "list" else _pieces(str(value)) for value in values]
    for at, each in enumerate(lists):
        if len(set(map(str, each))) < len(each):
            raise DataError(
                f"{where.cell(at)} names a class twice. Fix: name each once; flags of 0 and 1 go into columns of their "
                "own, one for each class."
            )
        if bad := next((x for x in each if is_empty(x) or not isinstance(x, (str, int))), None):
            raise DataError(f"{where.cell(at)} holds {bad!r}, which names no class. Fix: write names or whole numbers.")
    members = {member for each in lists for member in each}
    if len({type(member) for member in members}) > 1:
        raise DataError(f"labels of {where.column} are of several types. Fix: write all of them alike.")
    if declared and not any(isinstance(member, str) for member in members):
        index, names = _by_declared(declared, where), declared
    else:
        ordered = sorted(members)
        place = {member: at for at, member in enumerate(ordered)}
        index, names = (lambda value, _: place[value]), tuple(str(member) for member in ordered)
    targets = np.zeros((len(values), len(names)), dtype=np.float32)
    for at, each in enumerate(lists):
        targets[at, [index(member, at) for member in each]] = 1
    return _checked_flags(targets, names, where.column)


def _flags(table: Table, columns: Sequence[str], rows: np.ndarray, answer: str) -> Answers:
    if answer not in ("", "multi_label"):
        raise DataError(
            f"{len(columns)} label columns are multi_label, not {answer}. Fix: name one column, or leave answer out."
        )
    targets = np.zeros((len(rows), len(columns)), dtype=np.float32)
    for place, column in enumerate(columns):
        cells, where = table.columns[column], _Where(table, column, rows)
        for at, row in enumerate(rows):
            value = cells[int(row)]
            flag = _FLAGS.get(str(value).strip().lower())
            if flag is None:
                what = "is empty" if is_empty(value) else f"is {value!r}"
                raise DataError(f"{where.cell(at)}, {what}. Fix: columns of several labels hold 0 and 1 only.")
            targets[at, place] = flag
    return _checked_flags(targets, tuple(columns), f"the columns of {table.name}")


def _checked_flags(targets: np.ndarray, names: tuple[str, ...], what: str) -> Answers:
    if len(names) < 2:
        raise DataError(
            f"{what} names {len(names)} class; several labels need at least 2. Fix: answer='classification'."
        )
    if len(targets) and (targets == targets[0]).all():
        raise DataError(
            f"{what} gives all {len(targets)} samples the same classes: nothing to tell apart. Fix: name another "
            "column; lists name classes, and flags of 0 and 1 go into columns of their own, one for each class."
        )
    never = [name for at, name in enumerate(names) if not targets[:, at].any()]
    notes: tuple[str, ...] = ()
    if never:
        notes = (f"{len(never)} of {len(names)} classes have no sample: {', '.join(never[:6])}",)
    bare = int((~targets.any(axis=1)).sum())
    if bare:
        notes += (f"{bare} of {len(targets)} samples have no class at all",)
    return Answers("multi_label", targets, names, notes)


def _numbers(values: Sequence[Any], where: _Where) -> Answers:
    numbers = np.zeros(len(values), dtype=np.float32)
    for at, value in enumerate(values):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not abs(number) <= float(np.finfo(np.float32).max):
            _no_number(value, where.cell(at))
        numbers[at] = number
    if (numbers == numbers[0]).all():
        raise DataError(
            f"{where.column} holds {numbers[0]:g} in every row: nothing to predict. Fix: name another column."
        )
    return Answers("regression", numbers, ())


def _no_number(value: Any, cell: str) -> NoReturn:
    raise DataError(
        f"{cell}, holds {value!r:.40}, which is no finite number. Fix: write numbers, or answer='classification'."
    )


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in _SEPARATORS.split(text) if piece.strip()]
