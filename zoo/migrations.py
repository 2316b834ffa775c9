"""How records of earlier schema versions are read: one function for each step, applied as they are read.

Stored bytes are never rewritten: an old row stays as it was written, and every reader brings it up to date in memory.
To change a record, raise its `VERSION` and add the step from the version before:

    def _result_1(data):                         # from zoo.Result/1 to zoo.Result/2
        return {**data, "license": "unknown"}

    MIGRATIONS = {("Result", 1): _result_1}

A step gets and gives plain JSON data (without `schema`), and must not change what it was given. Nested records migrate
by their own steps. `RunSpec` never changes its version: its hash is the name of every stored row. What else can change
a result goes into its `recipe`. Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import InvalidRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Step = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[tuple[str, int], Step] = {}
"""(record, version) -> the step from that version to the next."""


def migrated(name: str, version: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """`data`, stored as any version of the record `name`, as this zoo's `version`; without its `schema`.

    Raises:
        InvalidRecord: another record, a later version, or an earlier one that no step leads from.

    Example:
        >>> migrated("TaskSpec", 1, {"schema": "zoo.TaskSpec/1", "name": "digits"})
        {'name': 'digits'}
    """
    expected, received = f"zoo.{name}/{version}", data.get("schema")
    fields = {key: value for key, value in data.items() if key != "schema"}
    if received == expected:
        return fields
    stored = _version(received, f"zoo.{name}/")
    if stored is not None and stored > version:
        raise InvalidRecord(
            f"expected a record of schema {expected!r}, received {received!r}, which a later zoo wrote. "
            "Fix: update zoo (pip install -U transfer-zoo); the file is fine."
        )
    if stored is None or (name, stored) not in MIGRATIONS:
        raise InvalidRecord(
            f"expected a record of schema {expected!r}, received {received!r}. "
            "Fix: read it with the zoo version that wrote it, or write it again with this one."
        )
    for step in range(stored, version):
        fields = MIGRATIONS[name, step](fields)
    return fields


def _version(schema: object, prefix: str) -> int | None:
    """The number in `zoo.Result/1`; None where this is not a schema of that record."""
    number = schema.removeprefix(prefix) if isinstance(schema, str) and schema.startswith(prefix) else ""
    return int(number) if number.isascii() and number.isdigit() else None
