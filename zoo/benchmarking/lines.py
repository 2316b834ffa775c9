"""A record as one line of canonical JSON, which is how the result store keeps it. Standard library only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from zoo.errors import InvalidRecord
from zoo.specs import Record, Result, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

R = TypeVar("R", bound=Record)


def to_line(record: Record) -> bytes:
    """The record as one line: sorted keys, so that equal records have equal bytes.

    Raises:
        InvalidRecord: it holds NaN or something else that is not JSON, or a row's status is neither ok nor failed.

    Example:
        >>> from zoo.specs import RunSpec
        >>> run = RunSpec("digits", "1", "digits", "", "S", "S", "pocket/resnet10", "", 5, 0, "final", {"lr": 0.1})
        >>> row = Result(run, {"status": "ok", "score": 91.5})
        >>> from_line(Result, to_line(row)) == row
        True
    """
    if isinstance(record, Result):
        _check_status(record)
    try:
        return f"{canonical(record.to_json())}\n".encode()
    except (TypeError, ValueError) as error:
        bad = [f"{at} = {_short(leaf)}" for at, leaf in _leaves(record.to_json()) if not _is_json(leaf)]
        raise InvalidRecord(
            f"this {type(record).__name__} cannot be stored, because it is not JSON ({error}): {', '.join(bad[:5])}. "
            "Fix: store plain numbers, and a cell without a finite score as a failed one."
        ) from error


def from_line(cls: type[R], data: bytes) -> R:
    """A record from its line. Raises ValueError (InvalidRecord, or what the JSON parser raises)."""
    try:
        record = cls.from_json(json.loads(data, parse_constant=_refuse_constant))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(f"it is not JSON ({error}; {len(data)} bytes).") from error
    if isinstance(record, Result):
        _check_status(record)
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"it holds {name}, which is not JSON.")


def _check_status(result: Result) -> None:
    if (status := result.result.get("status")) not in ("ok", "failed"):
        raise InvalidRecord(f"result.status must be 'ok' or 'failed', received {status!r}.")


def _is_json(leaf: object) -> bool:
    try:
        canonical(leaf).encode()
    except (TypeError, ValueError):
        return False
    return True


def _leaves(data: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every single value within JSON data: `("arms[0].id", "S")`."""
    if isinstance(data, dict) and data:
        for name, value in data.items():
            yield from _leaves(value, f"{at}.{name}".lstrip("."))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _leaves(value, f"{at}[{index}]")
    else:
        yield at, data


def differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """Where two records in JSON differ, in words: the first five places, and how many more.

    Example:
        >>> differences({"margin": 1.0, "arms": [{"id": "S"}]}, {"margin": 2.0, "arms": [{"id": "S"}]})
        ['margin is 1.0 there and 2.0 here']
    """
    old, new = dict(_leaves(stored)), dict(_leaves(asked))
    absent = object()
    paths = [at for at in {**old, **new} if old.get(at, absent) != new.get(at, absent)]
    said = [f"{at} is {_short(old.get(at, '-'))} there and {_short(new.get(at, '-'))} here" for at in paths[:5]]
    return said + ([f"and {len(paths) - 5} more"] if len(paths) > 5 else [])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
