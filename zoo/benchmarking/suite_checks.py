"""What a suite must say to be run: every refusal names the entry, what was received, and the fix."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

from zoo.errors import InvalidRecord, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zoo.benchmarking.suite import Arm, Suite

TRAINING: dict[str, tuple[str, Callable[[float], bool]]] = {  # what each setting must be, and the test of a number
    "batch_size": ("a whole number from 1 on, such as 32", lambda value: isinstance(value, int) and value >= 1),
    "weight_decay": ("0 or more, such as 0.02", lambda value: value >= 0),
    "label_smoothing": ("at least 0 and below 1, such as 0.1", lambda value: 0 <= value < 1),
    "warmup": ("a share of the steps, at least 0 and below 1, such as 0.15", lambda value: 0 <= value < 1),
    "clip_norm": ("0 (no clipping) or more, such as 3.0", lambda value: value >= 0),
    "head_lr": ("above 0, such as 2e-3", lambda value: value > 0),
}
SET_BY_ZOO = ("lr", "penalty", "k", "steps", "schedule", "adaptation", "threads", "device")
ANOTHER = "another architecture"  # stands in the label of every reference, so that no table can be misread
SEEDS = 2**32  # NumPy and scikit-learn take seeds below it
UNEVEN = 1.3  # 1, 3, 10 and 1, 2, 5, 10 count as log-spaced: neighbouring ratios differ by less than this factor


def check(suite: Suite, roles: Mapping[str, str]) -> None:
    """Refuse a suite that cannot give an honest comparison.

    Raises:
        InvalidRecord: its `field` names the entry; an arm by its id.
    """
    _check_arms(suite, roles)
    _check_numbers(suite)
    _check_training(suite)
    for option in sorted({arm.search for arm in suite.arms}):
        _check_grid(option, suite.grids)


def _check_arms(suite: Suite, roles: Mapping[str, str]) -> None:
    ids = [arm.id for arm in suite.arms]
    for index, arm in enumerate(suite.arms):
        if arm.id in ids[:index]:
            raise InvalidRecord(f"arm ids must be unique, received {ids}.", ("arms", arm.id, "id"))
        if arm.role not in roles:
            near = ", ".join(nearest(arm.role, roles)) or "none"
            raise InvalidRecord(
                f"arm {arm.id!r} has role {arm.role!r}. Nearest: {near}. Known: {', '.join(roles)}.",
                ("arms", arm.id, "role"),
            )
        if lacking := [name for name in ("backbone", "adaptation") if arm.role != "C" and not getattr(arm, name)]:
            raise InvalidRecord(
                f"arm {arm.id!r} (role {arm.role}) lacks {' and '.join(lacking)}. Fix: name it.", ("arms", arm.id)
            )
    if not suite.scratch_arms:
        raise InvalidRecord(
            "a suite needs an arm of role 'S' (from scratch) to compare the others with. Fix: add one.", ("arms",)
        )
    for arm in suite.arms:
        _check_baseline(suite, arm)
        if arm.role == "R" and ANOTHER not in arm.label:
            raise InvalidRecord(
                f"arm {arm.id!r} (role R) is labelled {arm.label!r}, which hides that its network is another one. "
                f"Fix: label = {f'{arm.label}, {ANOTHER}'!r}.",
                ("arms", arm.id, "label"),
            )


def _check_baseline(suite: Suite, arm: Arm) -> None:
    """A network's arm has exactly one scratch arm to be compared with; where there are several it must say which."""
    scratch = [other.id for other in suite.scratch_arms]
    where = ("arms", arm.id, "baseline")
    if arm.baseline and arm.role == "S":
        raise InvalidRecord(f"arm {arm.id!r} is from scratch and has no baseline. Fix: leave `baseline` out.", where)
    if arm.baseline and arm.baseline not in scratch:
        near = ", ".join(nearest(arm.baseline, scratch)) or "none"
        raise InvalidRecord(
            f"arm {arm.id!r} names baseline {arm.baseline!r}, which is no from-scratch arm. Nearest: {near}. "
            f"Known: {', '.join(scratch)}.",
            where,
        )
    if arm.role not in "SCR" and not arm.baseline and len(scratch) > 1:
        raise InvalidRecord(
            f"arm {arm.id!r} must name its baseline, because the suite has {len(scratch)} from-scratch arms. "
            f"Fix: baseline = one of {', '.join(scratch)}: the one of the same architecture.",
            where,
        )


def _check_numbers(suite: Suite) -> None:
    lowest = {"budgets": 1, "seeds": 0, "tuning_seeds": 0, "longer": 2}
    for name, least in lowest.items():
        values: tuple[int, ...] = getattr(suite, name)
        if (not values and name != "longer") or len(set(values)) != len(values) or min(values, default=least) < least:
            raise InvalidRecord(
                f"{name} must be different whole numbers from {least} on, received {list(values)}.", (name,)
            )
    for name in ("seeds", "tuning_seeds"):
        if large := [seed for seed in getattr(suite, name) if seed >= SEEDS]:
            raise InvalidRecord(f"{name} must lie below 2**32, received {large}. Fix: choose smaller ones.", (name,))
    if overlap := sorted(set(suite.seeds) & set(suite.tuning_seeds)):
        raise InvalidRecord(
            f"tuning seeds must never report: seeds and tuning_seeds overlap in {overlap}. Fix: choose other ones.",
            ("tuning_seeds",),
        )
    if not 0 < suite.margin < math.inf:
        raise InvalidRecord(f"margin must be above 0 points, received {suite.margin}.", ("margin",))
    if not 0 < suite.confidence < 1:
        raise InvalidRecord(f"confidence must lie between 0 and 1, received {suite.confidence}.", ("confidence",))
    if suite.steps < 1:
        raise InvalidRecord(f"steps must be 1 or more, received {suite.steps}.", ("steps",))
    if suite.task.kind.endswith(("_multi_label", "_regression")):
        raise InvalidRecord(
            f"task.kind is {suite.task.kind!r}, and verdicts are made from right and wrong answers, one a sample. "
            "Fix: name a kind with one answer, such as text_classification; `zoo finetune` does the others.",
            ("task", "kind"),
        )
    if suite.task.metric == "balanced_accuracy":
        raise InvalidRecord(
            "task.metric is 'balanced_accuracy', and verdicts are made from the share of right answers. "
            "Fix: leave it out, which is accuracy.",
            ("task", "metric"),
        )
    if suite.task.classes < 2:
        raise InvalidRecord(f"task.classes must be 2 or more, received {suite.task.classes}.", ("task", "classes"))


def _check_training(suite: Suite) -> None:
    if not {"validation"} <= suite.split.keys() <= {"test", "validation", "seed"}:
        raise InvalidRecord(
            "split must say validation, and test unless the data give that part themselves, and may say seed; "
            f"received {', '.join(suite.split) or 'nothing'}.",
            ("split",),
        )
    bad = [name for name, value in suite.split.items() if not _number(value) or value < 0]
    if bad or not all(suite.split[name] for name in suite.split if name != "seed"):
        raise InvalidRecord(
            f"split is {suite.split}. Fix: give numbers of samples (797) or shares of the whole (0.2).", ("split", *bad)
        )
    if not isinstance(seed := suite.split.get("seed", 0), int) or seed >= SEEDS:
        raise InvalidRecord(
            f"split.seed must be a whole number from 0 to below 2**32, received {seed!r}.", ("split", "seed")
        )
    needed = (*TRAINING, "augmentation")
    for name in needed:
        if name not in suite.training:
            near = ", ".join(nearest(name, suite.training)) or "none"
            raise InvalidRecord(
                f"training lacks {name!r}. Nearest: {near}. Needed: {', '.join(needed)}.", ("training",)
            )
    if taken := [name for name in SET_BY_ZOO if name in suite.training]:
        raise InvalidRecord(
            f"training cannot set {', '.join(taken)}: zoo sets these itself, from grids, steps and arms.",
            ("training", taken[0]),
        )
    for name, value in suite.training.items():
        _check_setting(name, value)


def _check_setting(name: str, value: object) -> None:
    where = ("training", name)
    if name == "augmentation":
        if not isinstance(value, str) or not value:
            raise InvalidRecord(f'training.augmentation is {value!r}. Fix: name one, such as "warp" or "none".', where)
        return
    meaning, holds = TRAINING.get(name, TRAINING["head_lr"] if name.endswith("lr") else ("a finite number", _number))
    if not _number(value) or not holds(value):
        raise InvalidRecord(f"training.{name} is {value!r}. Fix: give a number: {meaning}.", where)


def _check_grid(option: str, grids: dict[str, Any]) -> None:
    if option not in grids:
        near = ", ".join(nearest(option, grids)) or "none"
        raise InvalidRecord(
            f"grids lacks {option!r}, which the arms search. Nearest: {near}. Fix: list its values.", ("grids",)
        )
    grid, where = grids[option], ("grids", option)
    if not isinstance(grid, list) or len(grid) < 2 or not all(_number(value) and value > 0 for value in grid):
        raise InvalidRecord(f"grids.{option} must list 2 or more numbers above 0, received {grid!r}.", where)
    ratios = [large / small for small, large in pairwise(grid)]
    if min(ratios) <= 1 or max(ratios) / min(ratios) >= UNEVEN:
        raise InvalidRecord(
            f"grids.{option} must ascend and be log-spaced, received {grid}. Fix: for example [0.001, 0.003, 0.01].",
            where,
        )


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
