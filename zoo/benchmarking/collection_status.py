"""How far a stored collection is: the cells of each member that are finished, failed and missing. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.collection_store import read_collection
from zoo.benchmarking.status import Status, status

if TYPE_CHECKING:
    from pathlib import Path

STATES = ("finished", "failed", "missing")


@dataclass(frozen=True)
class MemberStatus:
    """A member's tallies; None where it has no store yet. `problem` says why it could not run."""

    suite: str
    status: Status | None
    problem: str = ""


@dataclass(frozen=True)
class CollectionStatus:
    """The state of every member, in the order of the collection."""

    store: str
    collection: str
    level: str
    members: tuple[MemberStatus, ...]

    def total(self, state: str) -> int:
        """All cells that are `finished`, `failed` or `missing`, of the members that have a store."""
        return sum(member.status.total(state) for member in self.members if member.status)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files of any member."""
        return tuple(problem for member in self.members if member.status for problem in member.status.problems)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "store": self.store,
            "collection": self.collection,
            "level": self.level,
            **{state: self.total(state) for state in STATES},
            "members": [
                {"suite": m.suite, "status": m.status.to_json() if m.status else None, "problem": m.problem}
                for m in self.members
            ],
        }

    def __str__(self) -> str:
        width = max(6, *(len(member.suite) for member in self.members))
        lines = [f"{'suite':<{width}}  {'finished':>8}  {'failed':>6}  {'missing':>7}"]
        for member in self.members:
            if member.status:
                finished, failed, missing = (member.status.total(state) for state in STATES)
                lines.append(f"{member.suite:<{width}}  {finished:>8}  {failed:>6}  {missing:>7}")
            else:
                lines.append(f"{member.suite:<{width}}  nothing is stored")
            if member.problem:
                lines.append(f"{'':<{width}}  did not run: {member.problem}")
            lines += [
                f"{'':<{width}}  failed {count} times: {reason}"
                for reason, count in (member.status.reasons if member.status else {}).items()
            ]
        lines += ["", f"{self.store}: collection {self.collection}, level {self.level}: {self.total('finished')} cells "
                  f"finished, {self.total('failed')} failed, {self.total('missing')} missing"]  # fmt: skip
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def collection_status(folder: str | Path) -> CollectionStatus:
    """The state of a stored collection.

    Raises:
        StoreError: no collection is there, or its files are damaged.

    Example:
        >>> collection_status("runs/pocket").total("missing")  # doctest: +SKIP
        0
    """
    collection, held = read_collection(folder)
    members = tuple(
        MemberStatus(entry.member.suite, status(entry.store) if entry.store else None, entry.problem) for entry in held
    )
    return CollectionStatus(str(folder), collection.name, collection.level, members)
