"""What the parts of a split must hold, and what the user is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.data.labelled import PARTS
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.labelled import LabelledData


def check_answers(data: LabelledData, held: np.ndarray, pool: np.ndarray, made: list[str]) -> None:
    """Refuse data that cannot give every part what it needs."""
    sides = 1 + len(made)
    if data.answer != "multi_label" and len(np.unique(data.targets)) < 2:
        only = data.classes[int(data.targets[0])] if len(data.classes) and len(data) else "one value"
        raise DataError(
            f"{data.name} has {len(data)} samples and one answer ({only!r}), so there is nothing to tell apart. "
            "Fix: add samples with another answer."
        )
    groups = None if data.groups is None else data.groups[pool]
    if groups is not None and len(np.unique(groups)) < sides:
        raise DataError(
            f"{data.name} has {len(np.unique(groups))} groups for {sides} parts, and no group may stand in two of "
            "them. Fix: add samples of other groups, or give the parts yourself."
        )
    if data.answer == "regression" and len(pool) < sides:
        raise DataError(f"{data.name} has {len(pool)} samples for {sides} parts. Fix: add samples.")
    if data.answer == "regression":
        return
    place = "" if data.parts is None else " in its train part"
    for index, name in enumerate(data.classes):
        own = pool[held[pool, index]]
        if len(own) < sides and held[:, index].any():
            raise DataError(
                f"class {name!r} of {data.name} has {len(own)} sample{'s' * (len(own) != 1)}{place}; at least {sides} "
                f"are needed, so that it stands in {' and '.join(('train', *made))}. "
                "Fix: add samples of it, or remove the class."
            )
        among = [] if data.groups is None else sorted({str(one) for one in data.groups[own]})
        if among and len(among) < sides:
            raise DataError(
                f"class {name!r} of {data.name} lives in {len(among)} group{'s' * (len(among) != 1)} "
                f"({', '.join(among)}), and no group may stand in two of the {sides} parts. Fix: add samples of it "
                "from other groups, remove the class, or give no groups if its samples do not depend on each other."
            )


def check_parts(data: LabelledData, held: np.ndarray, found: dict[str, np.ndarray]) -> None:
    """Refuse parts with a class that training never sees, or that are empty."""
    for name, part in found.items():
        if not len(part):
            raise DataError(f"the {name} part of {data.name} would be empty. Fix: add samples, or a larger share.")
    if data.answer == "regression":
        return
    learnt = held[found["train"]].any(0) if found else held.any(0)
    for name in (one for one in PARTS[1:] if one in found):
        if len(unseen := np.flatnonzero(held[found[name]].any(0) & ~learnt)):
            named = ", ".join(repr(data.classes[one]) for one in unseen[:5])
            raise DataError(
                f"the {name} part of {data.name} has {len(unseen)} classes that its train part has not: {named}. "
                "Fix: add samples of them to train, or leave them out."
            )


def notes_of(
    data: LabelledData, held: np.ndarray, found: dict[str, np.ndarray], made: list[str], shares: Sequence[float]
) -> list[str]:
    """Sentences on where each part comes from, what it was balanced by, what it lacks, and groups on two sides."""
    notes = []
    kept = [name for name in PARTS if name not in made] if data.parts is not None else []
    if kept:
        from_train = f"; {' and '.join(f'{name} ({len(found[name])})' for name in made)} made out of train"
        told = ", ".join(f"{name} ({len(found[name])})" for name in kept)
        notes.append(f"parts are as the source gives them: {told}{from_train if made else ''}")
    if data.answer == "multi_label" and made:
        notes.append("labels are spread evenly over the parts, the rarest first (iterative stratification)")
    if data.answer == "regression" and made:
        notes.append(
            f"the parts have the same share of each of {held.shape[1]} ranges of the target, as far as it goes"
        )
    if data.groups is not None:
        notes += _group_notes(data.groups, found, made, shares)
    for name in PARTS[1:]:
        if data.answer != "regression" and len(absent := np.flatnonzero(held.any(0) & ~held[found[name]].any(0))):
            named = ", ".join(repr(data.classes[one]) for one in absent[:5])
            notes.append(f"{len(absent)} classes are not in the {name} part, whose scores say nothing of them: {named}")
    return [*notes, *unused(data, held)]


def unused(data: LabelledData, held: np.ndarray) -> list[str]:
    """A sentence on classes that have a name and no sample."""
    if data.answer == "regression" or not len(absent := np.flatnonzero(~held.any(0))):
        return []
    named = ", ".join(repr(data.classes[one]) for one in absent[:5])
    return [f"{len(absent)} classes have no sample at all, so they are never the answer: {named}"]


def _group_notes(
    groups: np.ndarray, found: dict[str, np.ndarray], made: list[str], shares: Sequence[float]
) -> list[str]:
    notes = []
    if made:
        sides = {name: found[name] for name in ("train", *made)}
        total = sum(len(part) for part in sides.values())
        told = ", ".join(
            f"{name} {len(np.unique(groups[part]))} groups, {len(part) / total:.0%} of the samples ({share:.0%} asked)"
            for (name, part), share in zip(sides.items(), shares, strict=True)
        )
        notes.append(f"no group stands on two sides: {told}")
    sets = {name: {str(one) for one in groups[part]} for name, part in found.items()}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if shared := sorted(sets[one] & sets[other]):
            notes.append(
                f"{len(shared)} groups stand in {one} and in {other} as the source gives them ({shared[0]!r} is one), "
                f"so scores on {other} may be too high. Fix: give no parts, and zoo keeps groups apart"
            )
    return notes
