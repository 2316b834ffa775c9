"""A benchmark suite as data: the TOML file that fixes task, arms, budgets, search and margin before any run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from zoo.adaptations import FROZEN, SEARCHED
from zoo.benchmarking.suite_checks import check
from zoo.benchmarking.toml_lines import line_of, toml_lines
from zoo.errors import InvalidRecord, UnknownName, nearest
from zoo.specs import Record, TaskSpec

COMMAND = "made by"
"""The entry of `sources` that says which command made a suite that has no file."""

R = TypeVar("R", bound=Record)

ROLES = {
    "S": "from scratch, the architecture's own initialisation",
    "P": "pre-trained, then fine-tuned",
    "F": "pre-trained and frozen, linear probe or nearest neighbours on its features",
    "M": "random weights with the mean and spread of each pre-trained tensor, then fine-tuned",
    "C": "classical baseline: logistic regression on raw pixels (images), TF-IDF (texts) or MFCC statistics (sound)",
    "R": "reference: pre-trained, of another architecture, which the suite does not train from scratch",
}


@dataclass(frozen=True)
class Arm(Record):
    """One competitor: `id` is unique in the suite, `role` a letter of `ROLES`, `search` the option that is searched.

    `options` are those of the adaptation, such as `{ rank = 4 }` of `lora`. `baseline` is the id of the from-scratch
    arm of the same architecture; needed where a suite has several of them.
    """

    id: str
    role: str
    label: str
    backbone: str = ""
    adaptation: str = ""
    baseline: str = ""
    options: dict[str, Any] = field(default_factory=dict, hash=False)  # a dict has none, and arms are keys

    @property
    def search(self) -> str:
        """`lr` where a network trains; else what its adaptation says, mostly `penalty` (inverse regularisation C)."""
        if self.role in "SPM" or (self.role == "R" and self.adaptation not in FROZEN):
            return "lr"
        return SEARCHED.get(self.adaptation, "penalty")


@dataclass(frozen=True)
class Suite(Record):
    """A suite at one level. `margin` is in points of the metric; `longer` lists longer schedules of S, as multiples."""

    name: str
    version: str
    level: str
    title: str
    about: str
    rests_on: str
    leakage: str
    margin: float
    task: TaskSpec
    arms: tuple[Arm, ...]
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]
    tuning_seeds: tuple[int, ...]
    steps: int
    grids: dict[str, Any]
    training: dict[str, Any]
    longer: tuple[int, ...] = ()
    split: dict[str, Any] = field(default_factory=lambda: {"test": 0.2, "validation": 0.2, "seed": 0})
    confidence: float = 0.95
    sources: dict[str, Any] = field(default_factory=dict)

    @property
    def scratch_arms(self) -> tuple[Arm, ...]:
        """The from-scratch arms, one for each architecture of the suite."""
        return tuple(arm for arm in self.arms if arm.role == "S")

    def baselines(self, arm: Arm) -> tuple[Arm, ...]:
        """What an arm is compared with: scratch of its own architecture; an arm of role C or R with every scratch arm.

        Example:
            >>> suite = load_suite("digits")
            >>> [[scratch.id for scratch in suite.baselines(arm)] for arm in suite.arms][:2]
            [[], ['S']]
        """
        if arm.role == "S":
            return ()
        return tuple(scratch for scratch in self.scratch_arms if arm.baseline in ("", scratch.id))


def load_suite(name: str | Path, level: str = "quick") -> Suite:
    """Read a suite by file path, or by the name of one that comes with zoo.

    Raises:
        UnknownName: no such file, suite or level.
        InvalidRecord: the file does not say what a suite must say; the message names its line.

    Example:
        >>> load_suite("digits").margin
        1.0
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in (known := shipped()):
            raise UnknownName(
                "suite", str(name), known, f"Known: {', '.join(known)}; or give the path of a .toml file."
            )
        path = known[str(name)]
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError as error:
        raise UnknownName("suite file", str(path), [str(p) for p in path.parent.glob("*.toml")]) from error
    except OSError as error:
        raise InvalidRecord(f"{path} cannot be read: {error.strerror}. Fix: give the path of a suite file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(f"{path} is not valid TOML: {error}.") from error
    try:
        return _suite(data, level, path)
    except InvalidRecord as error:
        line = _line(text, data, level, error.field)
        raise InvalidRecord(f"{path}{f', line {line}' if line else ''}: {error}", error.field) from error


def _suite(data: dict[str, Any], level: str, path: Path) -> Suite:
    said = dict(data)
    if (version := said.pop("schema", None)) != Suite.VERSION:
        later = isinstance(version, int) and version > Suite.VERSION
        fix = "update zoo, because a later one wrote this file" if later else f"write schema = {Suite.VERSION}"
        raise InvalidRecord(f"schema must be {Suite.VERSION}, received {version!r}. Fix: {fix}.", ("schema",))
    if "kind" in said or ("members" in said and "arms" not in said):
        raise InvalidRecord(
            f"this is no suite, and as a collection of suites it must say so: kind is {said.get('kind')!r}. "
            'Fix: kind = "collection", and `zoo bench` runs it; or leave out of a suite what belongs to a collection.',
            ("kind",),
        )
    levels = _section(said, "levels", dict)
    if level not in levels:
        raise UnknownName("level", level, levels, f"{path} has: {', '.join(levels)}.")
    if not isinstance(levels[level], dict):
        raise InvalidRecord(f"level {level!r} must be a table, received {levels[level]!r}.", ("levels", level))
    entries = _section(said, "arms", list)
    for index, entry in enumerate(entries):
        _check_levels(entry, index, levels)
    arms = tuple(_arm(entry, index) for index, entry in enumerate(entries) if _at(entry, level))
    task = _record(TaskSpec, _section(said, "task", dict), ("task",))
    suite = _record(Suite, {**said, **levels[level], "level": level, "arms": arms, "task": task}, ())
    check(suite, ROLES)
    return suite


def _section(data: dict[str, Any], name: str, kind: type) -> Any:
    found = data.pop(name, None)
    if not isinstance(found, kind) or not found:
        near = ", ".join(nearest(name, data)) or "none"
        shape = f"[[{name}]]" if kind is list else f"[{name}]"
        fix = "write it as benchmarks/suites/digits.toml does"
        raise InvalidRecord(f"the suite lacks its section {shape}. Nearest: {near}. Fix: {fix}.")
    return found


def _at(entry: Any, level: str) -> bool:
    """Whether an arm takes part at this level: at all, unless it lists some."""
    levels = entry.get("levels") if isinstance(entry, dict) else None
    return not isinstance(levels, list) or level in levels


def _check_levels(entry: Any, index: int, known: dict[str, Any]) -> None:
    """Refuse an arm that lists a level which the suite does not have: it would be left out without a word."""
    if not isinstance(entry, dict) or "levels" not in entry:
        return
    named = entry["levels"]
    if not isinstance(named, list) or not named or any(name not in list(known) for name in named):
        raise InvalidRecord(
            f"arm {entry.get('id')!r} takes part at levels = {named!r}. Fix: a list with some of {', '.join(known)}.",
            ("arms", str(index), "levels"),
        )


def _arm(entry: Any, index: int) -> Arm:
    if not isinstance(entry, dict):
        raise InvalidRecord(f"an arm must be a table [[arms]], received {entry!r}.", ("arms", str(index)))
    return _record(Arm, {name: value for name, value in entry.items() if name != "levels"}, ("arms", str(index)))


def _record(kind: type[R], values: dict[str, Any], where: tuple[str, ...]) -> R:
    try:
        return kind.from_json({"schema": kind.schema(), **values})
    except InvalidRecord as error:
        raise InvalidRecord(str(error), (*where, *error.field)) from error


def _line(text: str, data: dict[str, Any], level: str, field: tuple[str, ...]) -> int | None:
    """The line that an error is about: an arm is found by its id, a field of the suite first in the level's table."""
    arms = entries if isinstance(entries := data.get("arms"), list) else []
    ids = [arm.get("id") if isinstance(arm, dict) and _at(arm, level) else None for arm in arms]
    if field[:1] == ("arms",) and len(field) > 1 and field[1] in ids:
        found = [index for index, name in enumerate(ids) if name == field[1]]
        field = ("arms", str(found[-1 if field[2:] == ("id",) else 0]), *field[2:])  # of two ids, the second is wrong
    lines = toml_lines(text)
    own = ("levels", level, *field)
    return line_of(lines, own if field and own[:3] in lines else field)


def shipped() -> dict[str, Path]:
    """The files of suites and collections that come with zoo, by name: in an installed package, or in a checkout.

    Example:
        >>> shipped()["digits"].name
        'digits.toml'
    """
    here = Path(__file__).resolve()
    folders = (here.parent / "suites", here.parents[2] / "benchmarks" / "suites")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.toml"))}
