"""A benchmark suite as data: the TOML file that fixes task, arms, budgets, search and margin before any run."""

from __future__ import annotations

import math
import sys
import tomllib
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from zoo.errors import InvalidRecord, UnknownName, nearest
from zoo.specs import Record, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable

ROLES = {
    "S": "from scratch, the architecture's own initialisation",
    "P": "pre-trained, then fine-tuned",
    "F": "pre-trained and frozen, linear probe on its features",
    "C": "classical baseline: logistic regression on raw pixels",
}
TRAINING: dict[str, tuple[str, Callable[[float], bool]]] = {  # what each setting must be, and the test of a number
    "batch_size": ("a whole number from 1 on, such as 32", lambda value: isinstance(value, int) and value >= 1),
    "weight_decay": ("0 or more, such as 0.02", lambda value: value >= 0),
    "label_smoothing": ("at least 0 and below 1, such as 0.1", lambda value: 0 <= value < 1),
    "warmup": ("a share of the steps, at least 0 and below 1, such as 0.15", lambda value: 0 <= value < 1),
    "clip_norm": ("0 (no clipping) or more, such as 3.0", lambda value: value >= 0),
    "head_lr": ("above 0, such as 2e-3", lambda value: value > 0),
}
SET_BY_ZOO = ("lr", "penalty", "steps", "schedule", "adaptation", "threads", "device")
SEEDS = 2**32  # NumPy and scikit-learn take seeds below it
UNEVEN = 1.3  # 1, 3, 10 and 1, 2, 5, 10 count as log-spaced: neighbouring ratios differ by less than this factor


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
    except OSError as error:
        raise InvalidRecord(f"{path} cannot be read: {error.strerror}. Fix: give the path of a suite file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(f"{path} is not valid TOML: {error}.") from error
    try:
        return _suite(data, level, path)
    except UnknownName:
        raise
    except (KeyError, TypeError) as error:
        raise InvalidRecord(f"{path} is not a complete suite: {error}. See benchmarks/suites/digits.toml.") from error
    except InvalidRecord as error:
        raise InvalidRecord(f"{path}: {error}") from error


def _suite(data: dict[str, Any], level: str, path: Path) -> Suite:
    levels = data.pop("levels")
    if level not in levels:
        raise UnknownName("level", level, levels, f"{path} has: {', '.join(levels)}.")
    if (version := data.pop("schema", None)) != Suite.VERSION:
        later = isinstance(version, int) and version > Suite.VERSION
        fix = "update zoo, because a later one wrote this file" if later else f"write schema = {Suite.VERSION}"
        raise InvalidRecord(f"schema must be {Suite.VERSION}, received {version!r}. Fix: {fix}.")
    arms = tuple(Arm.from_json({"schema": Arm.schema(), **arm}) for arm in data.pop("arms"))
    task = TaskSpec.from_json({"schema": TaskSpec.schema(), **data.pop("task")})
    suite = Suite.from_json(
        {"schema": Suite.schema(), **data, **levels[level], "level": level, "arms": arms, "task": task}
    )
    _check(suite)
    return suite


def _check(suite: Suite) -> None:
    _check_arms(suite)
    _check_numbers(suite)
    _check_training(suite)
    for option in sorted({arm.search for arm in suite.arms}):
        _check_grid(option, suite.grids)


def _check_arms(suite: Suite) -> None:
    for arm in suite.arms:
        if arm.role not in ROLES:
            near = ", ".join(nearest(arm.role, ROLES)) or "none"
            raise InvalidRecord(f"arm {arm.id!r} has role {arm.role!r}. Nearest: {near}. Known: {', '.join(ROLES)}.")
        if lacking := [name for name in ("backbone", "adaptation") if arm.role != "C" and not getattr(arm, name)]:
            raise InvalidRecord(f"arm {arm.id!r} (role {arm.role}) lacks {' and '.join(lacking)}. Fix: name it.")
    ids = [arm.id for arm in suite.arms]
    if len(set(ids)) != len(ids):
        raise InvalidRecord(f"arm ids must be unique, received {ids}.")
    if [arm.role for arm in suite.arms].count("S") != 1:
        raise InvalidRecord("a suite needs exactly one arm of role 'S' (from scratch) to compare the others with.")


def _check_numbers(suite: Suite) -> None:
    lowest = {"budgets": 1, "seeds": 0, "tuning_seeds": 0, "longer": 2}
    for name, least in lowest.items():
        values: tuple[int, ...] = getattr(suite, name)
        if (not values and name != "longer") or len(set(values)) != len(values) or min(values, default=least) < least:
            raise InvalidRecord(f"{name} must be different whole numbers from {least} on, received {list(values)}.")
    for name in ("seeds", "tuning_seeds"):
        if large := [seed for seed in getattr(suite, name) if seed >= SEEDS]:
            raise InvalidRecord(f"{name} must lie below 2**32, received {large}. Fix: choose smaller ones.")
    if overlap := sorted(set(suite.seeds) & set(suite.tuning_seeds)):
        raise InvalidRecord(
            f"tuning seeds must never report: seeds and tuning_seeds overlap in {overlap}. Fix: choose other ones."
        )
    if not 0 < suite.margin < math.inf:
        raise InvalidRecord(f"margin must be above 0 points, received {suite.margin}.")
    if not 0 < suite.confidence < 1:
        raise InvalidRecord(f"confidence must lie between 0 and 1, received {suite.confidence}.")
    if suite.steps < 1:
        raise InvalidRecord(f"steps must be 1 or more, received {suite.steps}.")
    if suite.task.classes < 2:
        raise InvalidRecord(f"task.classes must be 2 or more, received {suite.task.classes}.")


def _check_training(suite: Suite) -> None:
    if suite.split.keys() - {"seed"} != {"test", "validation"}:
        raise InvalidRecord(f"split must say test and validation, and may say seed; received {', '.join(suite.split)}.")
    bad = [name for name, value in suite.split.items() if not _number(value) or value < 0]
    if bad or not suite.split["test"] or not suite.split["validation"]:
        raise InvalidRecord(f"split is {suite.split}. Fix: give numbers of samples (797) or shares of the whole (0.2).")
    if not isinstance(seed := suite.split.get("seed", 0), int) or seed >= SEEDS:
        raise InvalidRecord(f"split.seed must be a whole number from 0 to below 2**32, received {seed!r}.")
    needed = (*TRAINING, "augmentation")
    for name in needed:
        if name not in suite.training:
            near = ", ".join(nearest(name, suite.training)) or "none"
            raise InvalidRecord(f"training lacks {name!r}. Nearest: {near}. Needed: {', '.join(needed)}.")
    if taken := [name for name in SET_BY_ZOO if name in suite.training]:
        raise InvalidRecord(
            f"training cannot set {', '.join(taken)}: zoo sets these itself, from grids, steps and arms."
        )
    for name, value in suite.training.items():
        _check_setting(name, value)


def _check_setting(name: str, value: object) -> None:
    if name == "augmentation":
        if not isinstance(value, str) or not value:
            raise InvalidRecord(f'training.augmentation is {value!r}. Fix: name one, such as "warp" or "none".')
        return
    meaning, holds = TRAINING.get(name, TRAINING["head_lr"] if name.endswith("lr") else ("a finite number", _number))
    if not _number(value) or not holds(value):
        raise InvalidRecord(f"training.{name} is {value!r}. Fix: give a number: {meaning}.")


def _check_grid(option: str, grids: dict[str, Any]) -> None:
    if option not in grids:
        near = ", ".join(nearest(option, grids)) or "none"
        raise InvalidRecord(f"grids lacks {option!r}, which the arms search. Nearest: {near}. Fix: list its values.")
    grid = grids[option]
    if not isinstance(grid, list) or len(grid) < 2 or not all(_number(value) and value > 0 for value in grid):
        raise InvalidRecord(f"grids.{option} must list 2 or more numbers above 0, received {grid!r}.")
    ratios = [large / small for small, large in pairwise(grid)]
    if min(ratios) <= 1 or max(ratios) / min(ratios) >= UNEVEN:
        raise InvalidRecord(
            f"grids.{option} must ascend and be log-spaced, received {grid}. Fix: for example [0.001, 0.003, 0.01]."
        )


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _suite_folders() -> list[Path]:
    """Where suites lie: inside an installed package, or in `benchmarks/suites` of a checkout."""
    here = Path(__file__).resolve()
    return [folder for folder in (here.parent / "suites", here.parents[2] / "benchmarks" / "suites") if folder.is_dir()]
