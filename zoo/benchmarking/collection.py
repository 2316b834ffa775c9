"""A collection as data: the TOML file that names several suites, which are run and reported together."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.suite import Suite, load_suite, shipped
from zoo.benchmarking.toml_lines import line_of, toml_lines
from zoo.data.labelled import INPUTS, inputs_of
from zoo.errors import InvalidRecord, UnknownName, nearest
from zoo.specs import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = "collection"
MODALITIES = ("vision", "text", "speech", "image-text")
PERFECT = 100.0
"""The reference of a member that says none: a perfect score, so that z is the share of what guessing leaves."""
PLAIN = re.compile(r"\w[\w.-]*")

Field = tuple[str, ...]


@dataclass(frozen=True)
class Member(Record):
    """One suite of a collection: `task` is its short name, `reference` the score in points that counts as z = 1.

    Raises:
        InvalidRecord: `suite` is no plain name. Stores and pages are called by it, and none may lie outside the folder.
    """

    suite: str
    modality: str
    task: str
    reference: float = PERFECT

    def __post_init__(self) -> None:
        if not PLAIN.fullmatch(self.suite):
            raise InvalidRecord(
                f"member {self.suite!r} is no plain name. Fix: the name of a suite without its path and ending, of "
                "letters, digits, _, - and dots."
            )


@dataclass(frozen=True)
class Collection(Record):
    """Several suites at one level. `rows` lists the sources of pre-training of each modality in the report's order."""

    name: str
    version: str
    level: str
    title: str
    about: str
    members: tuple[Member, ...]
    rows: dict[str, Any] = field(default_factory=dict)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities of the members, in their order."""
        return tuple(dict.fromkeys(member.modality for member in self.members))


def load_collection(name: str | Path, level: str = "quick") -> Collection:
    """Read a collection by file path, or by the name of one that comes with zoo. The suites are not read yet.

    Raises:
        UnknownName: no such file, collection or level.
        InvalidRecord: the file does not say what a collection must say; the message names its line.

    Example:
        >>> [member.task for member in load_collection("pocket").members]
        ['digits', 'areas', 'words']
    """
    path = collection_file(name)
    if path is None:
        known = [one for one, file in shipped().items() if _is_collection(file)]
        raise UnknownName("collection", str(name), known, f"Known: {', '.join(known)}; or give the path of a file.")
    text = path.read_text(encoding="utf-8")
    try:
        return _collection(tomllib.loads(text), level, path)
    except InvalidRecord as error:
        line = line_of(toml_lines(text), error.field)
        raise InvalidRecord(f"{path}{f', line {line}' if line else ''}: {error}", error.field) from error


def collection_file(name: str | Path) -> Path | None:
    """The file of a collection, by path or name; None for everything else, such as a suite or a missing file.

    Example:
        >>> collection_file("pocket").name, collection_file("digits")
        ('pocket.toml', None)
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = shipped().get(str(name), path)
    return path if path.suffix == ".toml" and _is_collection(path) else None


def member_suite(collection: str | Path, member: str, level: str) -> Suite:
    """The suite of a member, at the collection's level: the file of that name beside a collection, else a shipped one.

    Raises:
        UnknownName, InvalidRecord: as `load_suite`; or the file of that name holds a suite of another name.
    """
    path = collection_file(collection)
    beside = path.with_name(f"{member}.toml") if path else None
    suite = load_suite(beside if beside is not None and beside.is_file() else member, level)
    if suite.name != member:
        raise InvalidRecord(
            f"member {member!r} is the file of a suite that calls itself {suite.name!r}. Fix: give both one name.",
            ("name",),
        )
    return suite


def check_member(member: Member, suite: Suite) -> None:
    """Refuse a member that its suite contradicts: its scores would stand in the wrong matrix, or have no scale.

    Raises:
        InvalidRecord: another modality than that of the suite's samples, or a reference that guessing reaches.

    Example:
        >>> check_member(Member("digits", "vision", "digits"), load_suite("digits"))
    """
    modality = INPUTS[inputs_of(suite.task.kind)]
    if member.modality not in (modality, "image-text"):
        raise InvalidRecord(
            f"member {member.suite!r} has modality {member.modality!r}, and its suite is for {suite.task.kind}. "
            f'Fix: modality = "{modality}".',
            ("members", member.suite, "modality"),
        )
    if member.reference <= suite.task.chance:
        raise InvalidRecord(
            f"reference of member {member.suite!r} is {member.reference:g} points, and guessing scores "
            f"{suite.task.chance:g}. Fix: a reference above that, or leave it out, which is {PERFECT:g}.",
            ("members", member.suite, "reference"),
        )


def _collection(data: dict[str, Any], level: str, path: Path) -> Collection:
    said = {name: value for name, value in data.items() if name != "kind"}
    if (version := said.pop("schema", None)) != Collection.VERSION:
        later = isinstance(version, int) and version > Collection.VERSION
        fix = "update zoo, because a later one wrote this file" if later else f"write schema = {Collection.VERSION}"
        raise InvalidRecord(f"schema must be {Collection.VERSION}, received {version!r}. Fix: {fix}.", ("schema",))
    if "level" in said:
        raise InvalidRecord(
            "a file has levels, and no level of its own. Fix: leave it out; --level names one.", ("level",)
        )
    levels, known = _table(said, "levels"), _table(said, "members")
    if level not in levels:
        raise UnknownName("level", level, levels, f"{path} has: {', '.join(levels)}.")
    chosen = _named(levels[level], level, known)
    members = tuple(_member(name, known[name]) for name in chosen)
    _check_tasks(members)
    _check_rows(said.get("rows", {}), _modalities(known))
    return Collection.from_json({"schema": Collection.schema(), **said, "level": level, "members": members})


def _table(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.pop(name, None)
    if not isinstance(found, dict) or not found:
        near = ", ".join(nearest(name, data)) or "none"
        raise InvalidRecord(
            f"the collection lacks its section [{name}]. Nearest: {near}. "
            "Fix: write it as benchmarks/suites/pocket.toml does."
        )
    return found


def _named(entry: Any, level: str, known: dict[str, Any]) -> list[str]:
    """The suites of a level: each a member that the file describes, none twice."""
    where: Field = ("levels", level, "suites")
    suites = entry.get("suites") if isinstance(entry, dict) else None
    if not isinstance(suites, list) or not suites or not all(isinstance(name, str) for name in suites):
        raise InvalidRecord(
            f'level {level!r} must list its suites, received {suites!r}. Fix: suites = ["{next(iter(known))}"].', where
        )
    if extra := [name for name in entry if name != "suites"]:
        raise InvalidRecord(
            f"level {level!r} has {extra[0]!r}, which a level of a collection does not take. Fix: leave it out; what a "
            "suite runs at this level is said in its own file.",
            ("levels", level, extra[0]),
        )
    if unknown := [name for name in suites if name not in known]:
        near = ", ".join(nearest(unknown[0], known)) or "none"
        raise InvalidRecord(
            f"level {level!r} names {unknown[0]!r}, which is no member. Nearest: {near}. "
            f"Fix: describe it in [members.{unknown[0]}].",
            where,
        )
    if len(set(suites)) != len(suites):
        raise InvalidRecord(f"level {level!r} names a suite twice, received {suites}. Fix: name each once.", where)
    return suites


def _member(name: str, entry: Any) -> Member:
    where: Field = ("members", name)
    if not isinstance(entry, dict):
        raise InvalidRecord(f"a member must be a table [members.{name}], received {entry!r}.", where)
    if "suite" in entry:
        raise InvalidRecord(
            f"member {name!r} has a suite {entry['suite']!r}, and the name of a member is that of its suite. "
            f"Fix: leave it out, or write [members.{entry['suite']}].",
            (*where, "suite"),
        )
    try:
        member = Member.from_json({"schema": Member.schema(), "suite": name, **entry})
    except InvalidRecord as error:
        raise InvalidRecord(str(error), (*where, *error.field)) from error
    if member.modality not in MODALITIES:
        near = ", ".join(nearest(member.modality, MODALITIES)) or "none"
        raise InvalidRecord(
            f"member {name!r} has modality {member.modality!r}. Nearest: {near}. Known: {', '.join(MODALITIES)}.",
            (*where, "modality"),
        )
    if not member.task:
        raise InvalidRecord(f"member {name!r} has no task label. Fix: name its task in a word or two.", where)
    if not 0 < member.reference <= PERFECT:
        raise InvalidRecord(
            f"reference of member {name!r} must lie above 0 and up to 100 points, received {member.reference}.",
            (*where, "reference"),
        )
    return member


def _check_tasks(members: Sequence[Member]) -> None:
    """Refuse a task label that two members have: they would share a column of the matrix, and one of them be lost."""
    suites: dict[str, str] = {}
    for member in members:
        if other := suites.get(member.task):
            raise InvalidRecord(
                f"members {other!r} and {member.suite!r} both have the task label {member.task!r}. "
                "Fix: a label of its own for each.",
                ("members", member.suite, "task"),
            )
        suites[member.task] = member.suite


def _modalities(known: dict[str, Any]) -> set[str]:
    return {str(entry.get("modality")) for entry in known.values() if isinstance(entry, dict)}


def _check_rows(rows: Any, modalities: set[str]) -> None:
    """Refuse sources of a modality that no member has: their order would never be seen."""
    if not isinstance(rows, dict):
        raise InvalidRecord(f"rows must be a table [rows], received {rows!r}.", ("rows",))
    for modality, names in rows.items():
        if modality not in modalities:
            near = ", ".join(nearest(modality, modalities)) or "none"
            raise InvalidRecord(
                f"rows lists {modality!r}, which no member has as its modality. Nearest: {near}.", ("rows", modality)
            )
        strings = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not strings or len(set(names)) != len(names):
            raise InvalidRecord(
                f'rows.{modality} must list sources, each once, received {names!r}. Fix: {modality} = ["glyphs"].',
                ("rows", modality),
            )


def _is_collection(path: Path) -> bool:
    """Whether a file says that it is a collection; invalid TOML is left to whoever reads it as a suite."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError):
        return False
