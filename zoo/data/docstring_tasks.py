"""Three text tasks made of docstrings, as fixed files that ship with zoo: the same on every machine.

`zoo/upkeep/docstring_tasks.py` made them, `zoo/data/files/NOTICE` holds the licences of the texts.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.labelled import LabelledData
from zoo.errors import DataError

FILES = Path(__file__).parent / "files"
SCHEMA = "zoo.TextTask/1"
DIGESTS = {
    "docstring_areas": "47c022fc57f303224e455f0ce584ee0ba76dce91d57807d921f450a191fb7e77",
    "scipy_packages": "18e0b0e2809d7595acc152024c490475587bd2013d9da374b537826fc244e8c5",
    "parameter_types": "834c106b1301a0031175dc7585aad3b36332e742f193977a847b548736d9b1db",
}


def docstring_areas() -> LabelledData:
    """Openings of docstrings of the standard library: what is their module for? 8 classes, names taken out."""
    return text_task("docstring_areas")


def scipy_packages() -> LabelledData:
    """Openings of scipy's docstrings: which of 6 sub-packages are they from? Names taken out."""
    return text_task("scipy_packages")


def parameter_types() -> LabelledData:
    """Descriptions of parameters (numpy, scipy, scikit-learn, pandas, networkx): of which of 6 types are they?"""
    return text_task("parameter_types")


def text_task(name: str, folder: Path = FILES) -> LabelledData:
    """A task of `DIGESTS`: its parts are fixed, and its groups are the modules that the texts come from.

    Raises:
        DataError: its file is missing, or is not the one that belongs to this version of zoo.

    Example:
        >>> data = text_task("docstring_areas")
        >>> len(data.classes), sorted(set(data.parts.tolist())), data.inputs
        (8, ['test', 'train'], 'text')
    """
    head, *rows = _rows(folder / f"{name}.jsonl.gz", DIGESTS[name])
    classes = tuple(sorted({row["label"] for row in rows}))
    made = ", ".join(f"{package} {version}" for package, version in head["made_from"].items())
    return LabelledData(
        name=name,
        samples=[row["text"] for row in rows],
        targets=np.array([classes.index(row["label"]) for row in rows], dtype=np.int64),
        classes=classes,
        digest=DIGESTS[name],
        notes=(f"{name}: fixed texts from the docstrings of {made}; train and test share no module",),
        inputs="text",
        groups=np.array([row["group"] for row in rows]),
        parts=np.array([row["part"] for row in rows]),
        origins=[row["group"] for row in rows],
    )


@cache
def _rows(file: Path, digest: str) -> list[dict[str, Any]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}. Fix: install zoo again.") from error
    if (found := hashlib.sha256(data).hexdigest()) != digest:
        raise DataError(
            f"{file} was changed: its SHA-256 is {found}, and this version of zoo has {digest}. Fix: install zoo again."
        )
    return [json.loads(line) for line in gzip.decompress(data).decode().splitlines()]
