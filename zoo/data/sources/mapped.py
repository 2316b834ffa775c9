"""Data sets as torchvision and torchaudio have them: objects with a length that give (sample, label, ...) by index."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.data.sources.kinds import medium_of, suffix_kind
from zoo.data.sources.labelled_table import from_table
from zoo.data.sources.roles import said_roles
from zoo.data.sources.samples import Opened, content_of, opened_cell
from zoo.data.tables import Table
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.data.labelled import LabelledData

_LOWEST_RATE = 4000  # Hz: a whole number from here on, beside a waveform, is its rate


def from_mapped(source: Any, **options: Any) -> LabelledData:
    """Any object with `__len__` and `__getitem__`; all of it is read once for its labels, and once for the digest.

    The places of an item are its columns, "0", "1" and so on, or its keys where an item is a dict. A waveform and the
    rate behind it are one sample, in the place of the waveform. `classes` of the object name whole numbers.

    Raises:
        DataError: items of another kind, or labels that cannot be inferred; `roles` then says the places.

    Example:
        >>> source = [("so good", "up"), ("so bad", "down"), ("fine", "up")]
        >>> from_mapped(source).targets.tolist()
        [1, 0, 1]
    """
    roles = said_roles(options.get("roles"))
    name = type(source).__name__ if type(source).__module__ != "builtins" else "data"
    if not len(source):
        raise DataError(f"{name} has no samples. Fix: give a data set with some.")
    first = _item(source, 0, name)
    media = [key for key, value in first.items() if medium_of(value) or _is_array(value)]
    values: dict[str, list[Any]] = {key: [] for key in first if key not in media}
    for index in range(len(source)):
        item = first if index == 0 else _item(source, index, name)
        if set(item) != set(first):
            raise DataError(
                f"item {index} of {name} has {len(item)} places, and item 0 has {len(first)}. Fix: make all alike."
            )
        for key, column in values.items():
            column.append(_plain(item[key]))
    columns: dict[str, Sequence[Any]] = {
        key: _column(source, key, name) if key in media else values[key] for key in first
    }
    table = Table(
        name,
        columns,
        classes=_classes(source, values, roles),
        rows=Opened(len(source), lambda index: f"item {index} of {name}"),
    )
    unsteady = [key for key in media if _differs(source, key, name, table)]
    if unsteady:
        note = (
            f"{name} gives other samples each time it is read (a random transform), so the digest does not identify "
            "them. Fix: leave its transform out, zoo has its own augmentation"
        )
        table = dataclasses.replace(table, notes=(note,))
    return from_table(table, **{**options, "roles": _by_place(values, first, roles)})


def _column(source: Any, key: str, name: str) -> Sequence[Any]:
    """One place of all items, read when it is asked for."""
    return Opened(len(source), lambda index: _item(source, index, name)[key])


def _by_place(
    values: dict[str, list[Any]], first: dict[str, Any], roles: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Of items (text, text) the second is the label, which nothing but its place could tell."""
    texts = all(isinstance(value, str) for column in values.values() for value in column)
    if not roles and list(values) == list(first) == ["0", "1"] and texts and not suffix_kind(values["0"][0]):
        return {"text": "0", "label": "1"}
    return roles or {}


def _item(source: Any, index: int, name: str) -> dict[str, Any]:
    """The places of an item, by name."""
    item = source[index]
    if isinstance(item, dict):
        return {str(key): value for key, value in item.items()}
    if not isinstance(item, (tuple, list)) or len(item) < 2:
        raise DataError(
            f"item {index} of {name} is {type(item).__name__}, not (sample, label, ...) and not a dict. "
            "Fix: give a data set with labels, or a pair (samples, labels)."
        )
    found = dict(zip(map(str, range(len(item))), item, strict=True))
    for place in range(len(item) - 1):
        if _is_array(item[place]) and type(item[place + 1]) is int and item[place + 1] >= _LOWEST_RATE:
            found[str(place)] = (item[place], found.pop(str(place + 1)))
    return found


def _is_array(value: Any) -> bool:
    """Whether a value is an array with axes: pixels or a waveform, never a label."""
    shape = getattr(value, "shape", None)
    return shape is not None and len(shape) > 0 and not hasattr(value, "getbands") and "float" in str(value.dtype)


def _plain(value: Any) -> Any:
    """A number out of an array or tensor without axes; lists out of those with one (several labels)."""
    if getattr(value, "shape", None) is not None and hasattr(value, "tolist"):
        return value.tolist()
    return value


def _classes(source: Any, values: dict[str, list[Any]], roles: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Names for the column of whole numbers, where there is only one that they fit."""
    names = getattr(source, "classes", None) or getattr(getattr(source, "dataset", None), "classes", None)
    if not isinstance(names, (list, tuple)) or not names:
        return {}
    wanted = [roles["label"]] if roles.get("label") else list(values)
    fit = [
        key
        for key in wanted
        if key in values and all(type(value) is int and 0 <= value < len(names) for value in values[key])
    ]
    return {fit[0]: tuple(str(each) for each in names)} if len(fit) == 1 else {}


def _differs(source: Any, key: str, name: str, table: Table) -> bool:
    """Whether the first item changes between two reads."""
    one, other = (_item(source, 0, name)[key] for _ in range(2))
    if not (medium := medium_of(one)):
        return False
    read = [content_of(opened_cell(value, medium, f"item 0 of {name}", table)) for value in (one, other)]
    return read[0] != read[1]
