"""A benchmark suite as data: the TOML file that fixes task, arms, budgets, search and margin before any run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import InvalidRecord, UnknownName, nearest
from zoo.specs import Record, TaskSpec

ROLES = {
    "S": "from scratch, the architecture's own initialisation",
    "P": "pre-trained, then fine-tuned",
    "F": "pre-trained and frozen, linear probe on its features",
    "C": "classical baseline: logistic regression on raw pixels",
}


@dataclass(frozen=True)
class Arm(Record):
    """One competitor: `id` is unique in the suite, `role` a letter of `ROLES`, `search` the option that is searched."""

    id: str
    role: str
    label: str
    backbone: str = ""
    adaptation: str = ""

    @property
    def search(self) -> str:
        """`lr` where a network trains, `penalty` (inverse regularisation C) where a solver fits a linear model."""
        return "lr" if self.role in "SP" else "penalty"


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
    def baseline(self) -> Arm:
        """The from-scratch arm that all others are compared with."""
        return next(arm for arm in self.arms if arm.role == "S")


def load_suite(name: str | Path, level: str = "quick") -> Suite:
    """Read a suite by file path, or by the name of one that comes with zoo.

    Raises:
        UnknownName: no such file, suite or level.
        InvalidRecord: the file does not say what a suite must say.

    Example:
        >>> load_suite("digits").margin
        1.0
    """
    path = Path(name)
    if path.suffix != ".toml":
        known = {file.stem: file for folder in _suite_folders() for file in sorted(folder.glob("*.toml"))}
        if str(name) not in known:
            raise UnknownName(
                "suite", str(name), known, f"Known: {', '.join(known)}; or give the path of a .toml file."
            )
        path = known[str(name)]
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnknownName("suite file", str(path), [str(p) for p in path.parent.glob("*.toml")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(f"{path} is not valid TOML: {error}.") from error
    try:
        return _suite(data, level)
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"{path} is not a complete suite: {error}. See benchmarks/suites/digits.toml.") from error
    except InvalidRecord as error:
        raise InvalidRecord(f"{path}: {error}") from error


def _suite(data: dict[str, Any], level: str) -> Suite:
    levels = data.pop("levels")
    if level not in levels:
        raise UnknownName("level", level, levels, f"This suite has: {', '.join(levels)}.")
    if data.pop("schema", None) != Suite.VERSION:
        raise InvalidRecord(f"schema must be {Suite.VERSION}.")
    arms = tuple(Arm.from_json({"schema": Arm.schema(), **arm}) for arm in data.pop("arms"))
    task = TaskSpec.from_json({"schema": TaskSpec.schema(), **data.pop("task")})
    suite = Suite.from_json(
        {"schema": Suite.schema(), **data, **levels[level], "level": level, "arms": arms, "task": task}
    )
    _check(suite)
    return suite


def _check(suite: Suite) -> None:
    for arm in suite.arms:
        if arm.role not in ROLES:
            raise InvalidRecord(
                f"arm {arm.id!r} has role {arm.role!r}; nearest: {nearest(arm.role, ROLES)}, known: {', '.join(ROLES)}."
            )
    ids = [arm.id for arm in suite.arms]
    if len(set(ids)) != len(ids):
        raise InvalidRecord(f"arm ids must be unique, received {ids}.")
    if [arm.role for arm in suite.arms].count("S") != 1:
        raise InvalidRecord("a suite needs exactly one arm of role 'S' (from scratch) to compare the others with.")
    if set(suite.seeds) & set(suite.tuning_seeds):
        raise InvalidRecord("tuning seeds must never report: seeds and tuning_seeds overlap.")
    if suite.margin <= 0:
        raise InvalidRecord(f"margin must be above 0 points, received {suite.margin}.")


def _suite_folders() -> list[Path]:
    """Where suites lie: inside an installed package, or in `benchmarks/suites` of a checkout."""
    here = Path(__file__).resolve()
    return [folder for folder in (here.parent / "suites", here.parents[2] / "benchmarks" / "suites") if folder.is_dir()]
