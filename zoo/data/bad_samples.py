"""Samples that cannot be read: found before any training, told one by one, and left out only where the user says so."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.io.atomic import explained, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.data.labelled import LabelledData

_CAP = re.compile(r"cap (\d{1,3}(?:\.\d+)?) ?%")


@dataclass(frozen=True)
class BadSample:
    """A sample that was refused: its index, where it came from, and why."""

    index: int
    origin: str
    reason: str


def examine(
    data: LabelledData, prepare: Callable[[int], Any], policy: str = "error"
) -> tuple[LabelledData, tuple[BadSample, ...]]:
    """Try every sample, and return the data without the bad ones, and all of these.

    Args:
        data: N samples.
        prepare: called with each index from 0 to N - 1; it raises `DataError` for a sample that cannot be used.
        policy: `error`: none may be bad; `skip`: leave them out; `cap 5%`: leave them out while they are at most that
            share of all.

    Raises:
        UsageError: no such policy.
        DataError: bad samples where the policy allows none, or so many; or a class that loses all of its samples.

    Example:
        >>> from zoo.data.labelled import LabelledData
        >>> data = LabelledData("moods", ["fine", "", "bad"], np.array([1, 1, 0]), ("down", "up"), "d", inputs="text")
        >>> def prepare(index):
        ...     if not data.samples[index]:
        ...         raise DataError("an empty text")
        >>> kept, bad = examine(data, prepare, "skip")
        >>> list(kept.samples), bad
        (['fine', 'bad'], (BadSample(index=1, origin='sample 1 of moods', reason='an empty text'),))
    """
    allowed = allowed_share(policy)
    bad = []
    for index in range(len(data)):
        try:
            prepare(index)
        except DataError as error:
            bad.append(BadSample(index, data.origin(index), str(error)))
    if not bad:
        return data, ()
    share = 100 * len(bad) / len(data)
    if share > allowed:
        limit = "" if not allowed else f", more than the {allowed:g} % that are allowed"
        raise DataError(
            f"{_told(bad, data)} ({share:.3g} %{limit}): {_listed(bad)}. "
            "Fix: mend them, or leave them out by the policy 'skip' or 'cap 5%'."
        )
    kept = np.setdiff1d(np.arange(len(data)), [each.index for each in bad])
    rest = data.taken(kept)
    _check_classes(data, rest, bad)
    note = f"{_told(bad, data)} and left out ({share:.3g} %): {_listed(bad)}"
    return dataclasses.replace(rest, notes=(*data.notes, note)), tuple(bad)


def write_bad_samples(path: str | Path, bad: Sequence[BadSample]) -> None:
    r"""Write the list as JSON lines: index, origin and reason of each.

    Raises:
        StoreError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_bad_samples(Path(folder, "bad.jsonl"), [BadSample(1, "a.csv row 1", "an empty text")])
        ...     Path(folder, "bad.jsonl").read_text()
        '{"index": 1, "origin": "a.csv row 1", "reason": "an empty text"}\n'
    """
    lines = (json.dumps(dataclasses.asdict(each), ensure_ascii=False) + "\n" for each in bad)
    with explained(f"{path} cannot be written"):
        replace(Path(path), "".join(lines).encode("utf-8", "backslashreplace"))


def allowed_share(policy: str) -> float:
    """The share of bad samples that a policy allows, in percent.

    Raises:
        UsageError: no such policy.

    Example:
        >>> allowed_share("error"), allowed_share("cap 5%")
        (0.0, 5.0)
    """
    if policy in ("error", "skip"):
        return 0.0 if policy == "error" else 100.0
    found = _CAP.fullmatch(policy)
    if not found or not 0 < float(found[1]) <= 100:
        raise UsageError(f"{policy!r} is no policy for bad samples. Fix: write 'error', 'skip', or such as 'cap 5%'.")
    return float(found[1])


def _check_classes(data: LabelledData, rest: LabelledData, bad: Sequence[BadSample]) -> None:
    """See that every class that had samples still has some.

    Raises:
        DataError: one has none.
    """
    if not len(rest):
        raise DataError(f"all {len(data)} samples of {data.name} are bad: {_listed(bad)}. Fix: mend them.")
    lost = [data.classes[at] for at in sorted(_used(data) - _used(rest))]
    if lost:
        raise DataError(
            f"without its bad samples {data.name} has none left of {len(lost)} classes: {', '.join(lost[:5])}; bad are "
            f"{_listed(bad)}. Fix: mend them, or take these classes out."
        )


def _used(data: LabelledData) -> set[int]:
    """Indices of the classes that have samples."""
    if data.answer == "regression":
        return set()
    found = np.flatnonzero(data.targets.any(axis=0)) if data.targets.ndim == 2 else np.unique(data.targets)
    return set(found.tolist())


def _told(bad: Sequence[BadSample], data: LabelledData) -> str:
    return f"{len(bad)} of {len(data)} samples of {data.name} cannot be read"


def _listed(bad: Sequence[BadSample], most: int = 5) -> str:
    """The first ones, each with its reason but without the fix, which the whole message has."""
    shown = [f"{each.origin} ({each.reason.partition(' Fix:')[0].rstrip('.')})" for each in bad[:most]]
    return "; ".join(shown) + (f"; and {len(bad) - most} more" if len(bad) > most else "")
