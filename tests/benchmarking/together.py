"""A collection of two synthetic digits suites, as stores in a folder: seeded, fast, torch-free."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from synthetic import digits, digits_rows

from zoo.benchmarking.collection import Collection, Member
from zoo.benchmarking.collection_store import open_collection
from zoo.benchmarking.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.benchmarking.suite import Suite
    from zoo.specs import Result


def collection(*extra: Member) -> Collection:
    """Two tasks of vision; further members as given."""
    members = (Member("digits", "vision", "digits"), Member("letters", "vision", "letters", 90.0), *extra)
    return Collection("two", "1", "quick", "Two tasks", "Synthetic rows.", members, {"vision": ["textures", "glyphs"]})


def suite_of(name: str) -> Suite:
    return dataclasses.replace(digits(), name=name)


def rows_of(name: str) -> list[Result]:
    return digits_rows(suite_of(name))


def stored(folder: Path, made: Collection | None = None, without: tuple[str, ...] = (), lost: int = 0) -> Path:
    """A folder with the stores of a collection; `without` have none, and of letters `lost` rows are missing."""
    made = made or collection()
    open_collection(folder, made)
    for member in made.members:
        if member.suite in without:
            continue
        store = Store(folder / member.suite)
        store.create(suite_of(member.suite))
        rows = rows_of(member.suite)
        for row in rows[lost:] if member.suite == "letters" else rows:
            store.write(row)
    return folder
