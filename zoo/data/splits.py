"""Splits and label budgets: stratified, seeded, nested, and refused with a reason when the data cannot give them.

`split` divides class indices; `split_data` any labelled data: with parts that its source gives, with groups, with
several labels a sample or with numbers to predict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.data.batches import substream
from zoo.data.grouped import dealt
from zoo.data.labelled import PARTS
from zoo.data.parts import check_answers, check_parts, notes_of, unused
from zoo.errors import DataError, nearest
from zoo.specs import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.labelled import LabelledData

MOST_BINS = 10  # of the values of a regression, with 10 samples or more in each


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


def split(
    targets: np.ndarray, *, test: int | float, validation: int | float, seed: int = 0, names: Sequence[str] = ()
) -> Split:
    """A stratified three-way split; counts are numbers of samples (int) or shares of the whole (float).

    `names` of the classes are for messages.

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
        rarest = _shown(values[counts.argmin()], names)
        raise DataError(
            f"class {rarest} has {int(counts.min())} samples; at least 3 are needed, so that it "
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
                f"class {_shown(absent[0], names)} has {int(counts[values == absent[0]][0])} samples, too few to stand "
                f"in the {name} part ({len(part)} of {total} samples). Fix: add samples to it, or give that part a "
                "larger share."
            )
    return Split(np.sort(train), np.sort(validated), np.sort(tested))


def _shown(value: int, names: Sequence[str]) -> str:
    return repr(names[int(value)]) if names else str(int(value))


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


def split_data(
    data: LabelledData, *, test: int | float = 0.2, validation: int | float = 0.2, seed: int = 0
) -> tuple[Split, tuple[str, ...]]:
    """Train, validation and test of a data set, and sentences on how they were made (none for a plain split).

    Parts that the source gives are used as they are; those that it lacks are taken out of its train part. No group
    stands on two sides of what is made here. Classes are stratified; of several labels a sample the rarest counts
    first (`zoo.data.grouped`); numbers are stratified by quantiles. One class a sample, without groups and parts,
    gives what `split` gives.

    Args:
        data: what to divide.
        test, validation: numbers of samples (int) or shares of the whole (float), met as nearly as classes and
            groups allow; a part that the source gives keeps its own size.
        seed: of all that is random.

    Raises:
        DataError: one class only; a class with too few samples, or in too few groups, to stand in every part; a class
            of a given part that is not in train; no train part; sizes that leave nothing.

    Example:
        >>> from zoo.data.images import load_images
        >>> parts, notes = split_data(load_images("digits"))
        >>> len(parts.train), len(parts.validation), len(parts.test), notes
        (1079, 359, 359, ())
    """
    given = _given(data)
    pool, made = given.get("train", np.arange(len(data))), [name for name in PARTS[1:] if name not in given]
    shares = _shares(data, len(pool), made, {"validation": validation, "test": test})
    held = _held(data, pool)
    check_parts(data, held, given)
    check_answers(data, held, pool, made)
    plain = data.answer == "classification" and data.groups is None and not given
    if plain:
        return split(data.targets, test=test, validation=validation, seed=seed, names=data.classes), tuple(
            unused(data, held)
        )
    found = {name: given.get(name, pool) for name in PARTS}
    if made:
        groups = np.arange(len(pool)) if data.groups is None else data.groups[pool]
        part = dealt(held[pool], groups, shares, seed)
        found |= {name: pool[part == at] for at, name in enumerate(("train", *made))}
    check_parts(data, held, found)
    return Split(*(np.sort(found[name]) for name in PARTS)), tuple(notes_of(data, held, found, made, shares))


def split_validation(data: LabelledData, share: float = 0.2, seed: int = 0) -> tuple[Split, tuple[str, ...]]:
    """Train and validation of data whose test part lies elsewhere, and sentences on them; the test part is empty.

    Answers are spread as `split_data` does; parts and groups that the source gives are not looked at.

    Raises:
        DataError: one answer only, a class of one sample, or a share that leaves nothing.

    Example:
        >>> from zoo.data.images import load_images
        >>> parts, _ = split_validation(load_images("digits"))
        >>> len(parts.train), len(parts.validation), len(parts.test)
        (1438, 359, 0)
    """
    pool = np.arange(len(data))
    held = _held(data, pool)
    check_answers(data, held, pool, ["validation"])
    part = dealt(held, pool, _shares(data, len(data), ["validation"], {"validation": share}), seed)
    found = {"train": pool[part == 0], "validation": pool[part == 1]}
    check_parts(data, held, found)
    return Split(**found, test=pool[:0]), tuple(unused(data, held))


def _given(data: LabelledData) -> dict[str, np.ndarray]:
    """The indices of the parts that the source gives; empty where it gives none."""
    if data.parts is None:
        return {}
    if unknown := sorted({str(name) for name in data.parts} - set(PARTS)):
        near = ", ".join(nearest(unknown[0], PARTS)) or ", ".join(PARTS)
        raise DataError(f"{data.name} has a part {unknown[0]!r}. Nearest: {near}. Fix: name parts {', '.join(PARTS)}.")
    given = {name: np.flatnonzero(np.asarray(data.parts) == name) for name in PARTS}
    if not len(given["train"]):
        held = ", ".join(f"{len(part)} of {name}" for name, part in given.items() if len(part))
        raise DataError(
            f"{data.name} gives parts, but its train part is empty (it has {held or 'no samples'}). "
            "Fix: call the samples to learn from train, or give no parts."
        )
    return {name: part for name, part in given.items() if len(part)}


def _shares(data: LabelledData, total: int, made: list[str], asked: dict[str, int | float]) -> list[float]:
    """What train and each of `made` get of the pool of `total` samples; they sum to 1.

    A share of the whole becomes one of what is left: without a given test part of 20 %, 20 % are a quarter.
    """
    for name in made:
        if not 0 < asked[name] < (1 if isinstance(asked[name], float) else total):
            raise DataError(
                f"{name} is {asked[name]!r} of the {total} samples of {data.name}. "
                "Fix: a share above 0 and below 1, or a number of samples."
            )
    left = 1 - sum(part for name, part in asked.items() if name not in made and isinstance(part, float))
    shares = [asked[name] / (left if isinstance(asked[name], float) else total) for name in made]
    if sum(shares) >= 1:
        raise DataError(
            f"{' and '.join(f'{name} {asked[name]}' for name in made)} leave nothing of the {total} samples of "
            f"{data.name} to learn from. Fix: smaller parts."
        )
    return [1 - sum(shares), *shares]


def _held(data: LabelledData, pool: np.ndarray) -> np.ndarray:
    """Which answers each sample holds [N, K] bool: classes, labels, or bins of equal numbers of samples."""
    if data.answer == "multi_label":
        return np.asarray(data.targets > 0)
    if data.answer == "classification":
        return np.asarray(data.targets[:, None] == np.arange(len(data.classes)))
    bins = int(np.clip(len(pool) // 10, 1, MOST_BINS))
    edges = np.unique(np.quantile(data.targets[pool], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, data.targets, side="right")[:, None] == np.arange(len(edges) + 1))
