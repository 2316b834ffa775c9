"""Weights of classes in the loss, so that rare ones count: as given, or from how often each occurs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from zoo.contracts import Weights
from zoo.errors import DataError, InvalidRecord, UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence

HOW = ("none", "balanced")
LARGEST = 100.0
"""No class weighs more than so many times, or less than one so-manieth of, what it would without weights."""


def class_weights(targets: np.ndarray, classes: Sequence[str], how: str | Mapping[str, float] = "none") -> Weights:
    """Weights for the cross-entropy of one-answer classification.

    `balanced` is n / (k * n_c) for n samples, k classes that occur, and n_c samples of class c: scikit-learn's rule, by
    which every class has the same sum of weights. A weight stays between 1 / `LARGEST` and `LARGEST`.

    Args:
        targets: [N] class indices, of the train part.
        classes: names, in the order of the indices.
        how: `none`, `balanced`, or a weight above 0 by name; classes that are not named have weight 1.

    Returns:
        A class that does not occur gets weight 0 (with label smoothing it would else be learned as an answer), and a
        note says so.

    Raises:
        DataError: no targets.
        UnknownName: another `how`, or a name that is no class.
        InvalidRecord: a weight that is not above 0 and finite.

    Example:
        >>> class_weights(np.array([0, 0, 1, 1, 1, 1, 1, 1]), ("rare", "common"), "balanced").values.tolist()
        [2.0, 0.6666666865348816]
    """
    counts = np.bincount(_some(targets), minlength=len(classes))
    if how == "none":
        return Weights()
    absent = [name for name, count in zip(classes, counts, strict=True) if not count]
    if how == "balanced":
        raw = len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        values, notes = _bounded(raw, classes, counts > 0)
    else:
        values, notes = _given(how, classes), ()
    values[counts == 0] = 0.0
    return Weights(values, (*notes, *_said(absent, "no sample to learn from and no weight")))


def positive_weights(targets: np.ndarray, classes: Sequence[str], how: str | Mapping[str, float] = "none") -> Weights:
    """Weights of the positive answers in the binary cross-entropy of multi-label classification.

    `balanced` is negatives / positives of each class, by which both answers of a class have the same sum of weights,
    between 1 / `LARGEST` and `LARGEST`.

    Args:
        targets: [N, classes] of 0 and 1, of the train part.
        classes: names, in the order of the columns.
        how: as in `class_weights`.

    Returns:
        A class without a positive (or, where balanced, without a negative) sample has nothing to weigh: it stays at 1,
        and a note says so.

    Raises:
        DataError, UnknownName, InvalidRecord: as `class_weights`.

    Example:
        >>> positive_weights(np.array([[1, 0], [0, 0], [0, 1], [0, 1]]), ("rare", "even"), "balanced").values.tolist()
        [3.0, 1.0]
    """
    positives = _some(targets).sum(0)
    negatives = len(targets) - positives
    if how == "none":
        return Weights()
    one_sided = (positives == 0) | ((negatives == 0) & (how == "balanced"))
    if how == "balanced":
        values, notes = _bounded(negatives / np.maximum(positives, 1), classes, ~one_sided)
    else:
        values, notes = _given(how, classes), ()
    values[one_sided] = 1.0
    same = [name for name, alike in zip(classes, one_sided, strict=True) if alike]
    return Weights(values, (*notes, *_said(same, "one and the same answer in all samples and no weight")))


def _some(targets: np.ndarray) -> np.ndarray:
    if not len(targets):
        raise DataError("there are no targets to weigh. Fix: give at least one labelled sample.")
    return targets


def _bounded(raw: np.ndarray, classes: Sequence[str], counted: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    values = raw.clip(1 / LARGEST, LARGEST)
    cut = [name for name, far in zip(classes, (values != raw) & counted, strict=True) if far]
    return values.astype(np.float32), _said(cut, f"a weight that was cut to between 1/{LARGEST:g} and {LARGEST:g}")


def _given(how: str | Mapping[str, float], classes: Sequence[str]) -> np.ndarray:
    if not isinstance(how, Mapping):
        raise UnknownName("way to weigh classes", str(how), HOW, f"Fix: {' or '.join(HOW)}, or a weight by name.")
    values = np.ones(len(classes), dtype=np.float32)
    for name, weight in how.items():
        if name not in classes:
            raise UnknownName("class", name, classes, f"Known: {', '.join(classes[:10])}.")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < np.inf:
            raise InvalidRecord(
                f"the weight of class {name} must be a number above 0, received {weight!r}. Fix: for example 2.0.",
                ("weights", name),
            )
        values[list(classes).index(name)] = weight
    return values


def _said(names: Sequence[str], what: str) -> tuple[str, ...]:
    if not names:
        return ()
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return (f"{len(names)} {'class has' if len(names) == 1 else 'classes have'} {what}: {shown}",)
