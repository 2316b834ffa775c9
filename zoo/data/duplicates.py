"""Samples that stand in two parts of a split: a model that learnt them is not tested by them.

What counts as the same and as nearly the same is told in `zoo.data.fingerprints`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.fingerprints import audio_digest, image_marks, pair_digest, resemblance, text_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zoo.data.labelled import LabelledData
    from zoo.data.splits import Split

BITS, CORRELATION = 6, 0.989  # of images that are nearly the same
RESEMBLANCE = 0.6  # of texts
COMMON = 100  # texts with one run of characters in common that are looked at; a formula may stand in all
TRIED = 16  # of the likeliest twins of a sample, so that the cost is bounded
SIDES = (("validation", "train"), ("test", "train"), ("test", "validation"))


@dataclass(frozen=True)
class Twin:
    """Sample `sample` of the part `parts[0]` is that of index `twin` in `parts[1]`, exactly or nearly.

    Of several twins in that part one is named: one with another answer if there is any.
    """

    sample: int
    twin: int
    parts: tuple[str, str]
    exact: bool
    conflict: bool


@dataclass(frozen=True)
class Duplicates:
    """Samples of one part that stand in another one too; `sizes` of the parts."""

    twins: tuple[Twin, ...]
    sizes: dict[str, int]

    def counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        """How many samples of the first part stand in the second: exactly, and nearly; pairs of parts without any lack.

        Example:
            >>> Duplicates((Twin(7, 2, ("test", "train"), True, False),), {"test": 5}).counts()
            {('test', 'train'): (1, 0)}
        """
        found = {parts: [twin.exact for twin in self.twins if twin.parts == parts] for parts in SIDES}
        return {parts: (sum(exact), len(exact) - sum(exact)) for parts, exact in found.items() if exact}

    @property
    def conflicts(self) -> tuple[Twin, ...]:
        """Those with another answer in the other part."""
        return tuple(twin for twin in self.twins if twin.conflict)

    def note(self, data: LabelledData) -> str:
        """A sentence for the user; empty when nothing was found."""
        if not self.twins:
            return ""
        told = "; ".join(
            f"{exact + near} of {self.sizes[part]} {part} samples stand in {other} too "
            f"({exact} the same, {near} nearly)"
            for (part, other), (exact, near) in self.counts().items()
        )
        first = (self.conflicts or self.twins)[0]
        shown = f"{data.origin(first.sample)} and {data.origin(first.twin)}"
        conflicts = f", {len(self.conflicts)} of them with another answer there" if self.conflicts else ""
        return (
            f"{told}{conflicts}; such as {shown}. Scores on them may be too high. "
            "Fix: remove copies, or put them into one group"
        )


def duplicates(data: LabelledData, split: Split) -> Duplicates:
    """Samples that stand in two parts of `split`; every sample is read once.

    Raises:
        DataError: a sample that cannot be read.
        MissingDependency: soundfile is needed for audio files.

    Example:
        >>> from zoo.data.labelled import LabelledData
        >>> from zoo.data.splits import Split
        >>> texts = ["Fine, thanks.", "no", "fine,  thanks."]
        >>> data = LabelledData("moods", texts, np.array([1, 0, 0]), ("down", "up"), "", inputs="text")
        >>> found = duplicates(data, Split(np.array([0, 1]), np.array([], dtype=int), np.array([2])))
        >>> found.counts(), found.conflicts[0].twin
        ({('test', 'train'): (1, 0)}, 0)
    """
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    read = np.concatenate(list(parts.values()))
    marks = {int(index): _marks(data.inputs, data.samples[int(index)]) for index in read}
    twins = []
    for own, other in SIDES:
        exact = list(_same(marks, parts[own], parts[other]))
        known = {sample for sample, _ in exact}
        rest = [int(index) for index in parts[own] if int(index) not in known]
        near = _NEAR[data.inputs](marks, rest, [int(i) for i in parts[other]]) if data.inputs in _NEAR else ()
        for sample, others in (*exact, *near):
            unlike = [twin for twin in others if not np.array_equal(data.targets[twin], data.targets[sample])]
            named = (unlike or others)[0]
            twins.append(Twin(sample, named, (own, other), sample in known, bool(unlike)))
    return Duplicates(tuple(twins), {name: len(part) for name, part in parts.items()})


def _marks(inputs: str, sample: Any) -> tuple[bytes, Any]:
    if inputs == "image":
        return image_marks(sample)
    if inputs == "text":
        return text_marks(sample)
    return (pair_digest if inputs == "text_pair" else audio_digest)(sample), None


def _same(
    marks: dict[int, tuple[bytes, Any]], own: Iterable[Any], other: Iterable[Any]
) -> Iterator[tuple[int, list[int]]]:
    """Each sample of `own` with those of `other` that have its digest."""
    there = defaultdict(list)
    for index in other:
        there[marks[int(index)][0]].append(int(index))
    for index in own:
        if found := there.get(marks[int(index)][0]):
            yield int(index), found


def _near_images(
    marks: dict[int, tuple[bytes, Any]], own: Sequence[int], other: Sequence[int]
) -> Iterator[tuple[int, list[int]]]:
    """Every hash against every hash, in blocks; thumbnails decide among the nearest."""
    own, other = ([index for index in part if marks[index][1] is not None] for part in (own, other))
    if not own or not other:
        return
    theirs = np.array([marks[index][1][0] for index in other], dtype=np.uint64)
    thumbs = np.stack([marks[index][1][1] for index in other])
    for index in own:
        bits, thumb = marks[index][1]
        distance = np.bitwise_count(theirs ^ np.uint64(bits))
        close = np.flatnonzero(distance <= BITS)
        close = close[np.argsort(distance[close], kind="stable")[:TRIED]]
        alike = close[thumbs[close] @ thumb / len(thumb) >= CORRELATION]
        if len(alike):
            yield index, [other[at] for at in alike]


def _near_texts(
    marks: dict[int, tuple[bytes, Any]], own: Sequence[int], other: Sequence[int]
) -> Iterator[tuple[int, list[int]]]:
    """Texts that share runs of characters are compared."""
    holders: dict[int, list[int]] = defaultdict(list)
    for index in other:
        for run in () if marks[index][1] is None else marks[index][1].tolist():
            if len(holders[run]) < COMMON:
                holders[run].append(index)
    for index in own:
        shared: dict[int, int] = defaultdict(int)
        for run in () if marks[index][1] is None else marks[index][1].tolist():
            for twin in holders.get(run, ()):
                shared[twin] += 1
        likely = sorted(shared, key=lambda twin: (-shared[twin], twin))[:TRIED]
        alike = [twin for twin in likely if resemblance(marks[index][1], marks[twin][1]) >= RESEMBLANCE]
        if alike:
            yield index, alike


_NEAR = {"image": _near_images, "text": _near_texts}
