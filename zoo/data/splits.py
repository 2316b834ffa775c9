"""Splits and label budgets: stratified, seeded, nested, and refused with a reason when the data cannot give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.data.batches import substream
from zoo.errors import DataError
from zoo.specs import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Split:
    """Indices [N] of the three parts of a data set; disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def digest(self) -> str:
        """SHA-256 of which sample is in which part."""
        return digest_of([self.train.tolist(), self.validation.tolist(), self.test.tolist()])


def split(targets: np.ndarray, *, test: int | float, validation: int | float, seed: int = 0) -> Split:
    """A stratified three-way split; counts are numbers of samples (int) or shares of the whole (float).

    Raises:
        DataError: a class is too small to stand in all three parts, or a part would be empty.

    Example:
        >>> parts = split(np.arange(100) % 4, test=0.2, validation=0.1)
        >>> len(parts.train), len(parts.validation), len(parts.test)
        (70, 10, 20)
    """
    from sklearn.model_selection import train_test_split

    total = len(targets)
    n_test, n_validation = (round(total * part) if isinstance(part, float) else part for part in (test, validation))
    values, counts = np.unique(targets, return_counts=True)
    if counts.min() < 3:
        raise DataError(
            f"class {int(values[counts.argmin()])} has {int(counts.min())} samples; at least 3 are needed, so that it "
            "stands in train, validation and test. Fix: add samples or remove the class."
        )
    classes = len(values)
    if min(n_test, n_validation) < classes or total - n_test - n_validation < classes:
        raise DataError(
            f"{total} samples of {classes} classes cannot be split into {total - n_test - n_validation} train, "
            f"{n_validation} validation and {n_test} test: each part needs at least one sample a class."
        )
    everything = np.arange(total)
    rest, tested = train_test_split(everything, test_size=n_test, stratify=targets, random_state=seed)
    train, validated = train_test_split(rest, test_size=n_validation, stratify=targets[rest], random_state=seed)
    for name, part in (("train", train), ("validation", validated), ("test", tested)):
        if absent := sorted(set(values.tolist()) - set(targets[part].tolist())):
            raise DataError(
                f"class {absent[0]} has {int(counts[values == absent[0]][0])} samples, too few to stand in the {name} "
                f"part ({len(part)} of {total} samples). Fix: add samples to it, or give that part a larger share."
            )
    return Split(np.sort(train), np.sort(validated), np.sort(tested))


def label_budget(
    targets: np.ndarray, pool: np.ndarray, per_class: int, seed: int, names: Sequence[str] = ()
) -> np.ndarray:
    """Indices of `per_class` samples of each class, drawn from `pool`; budgets of one seed are nested.

    Raises:
        DataError: a class has fewer samples in the pool than the budget asks for.

    Example:
        >>> targets = np.arange(100) % 4
        >>> small = label_budget(targets, np.arange(100), 2, seed=0)
        >>> large = label_budget(targets, np.arange(100), 5, seed=0)
        >>> len(large), set(small) <= set(large)
        (20, True)
    """
    chosen = []
    for value in np.unique(targets):
        members = pool[targets[pool] == value]
        if per_class > len(members) or per_class < 1:
            name = names[int(value)] if names else str(int(value))
            raise DataError(
                f"a budget of {per_class} labels a class was asked for, but class {name!r} has {len(members)} to draw "
                f"from. Fix: choose a budget from 1 to {len(members)}, or add samples to that class."
            )
        order = np.random.default_rng([substream(seed, "labels"), int(value)]).permutation(len(members))
        chosen.append(members[order[:per_class]])
    return np.concatenate(chosen)
