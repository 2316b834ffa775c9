"""Samples whose labels are not needed: what pre-training takes. Most are opened only when they are drawn."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data.folders import content_digest, unreadable
from zoo.data.lines import cut_texts
from zoo.data.sources.samples import content_of
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from zoo.data.labelled import LabelledData
    from zoo.data.lines import Most

WHOLE = 2**31  # bytes of files whose contents enter the digest; of larger ones names and sizes do


@dataclass(frozen=True)
class RawData:
    """N samples, and their classes where these are known (for watching only; objectives that need them say so).

    Attributes:
        name: what messages call it.
        samples: N raw samples, as the backbone's `preprocess` takes them.
        digest: SHA-256 of what they are.
        origins: N places to tell the user; none where the source has no names.
        notes: sentences for the user.
        targets: [N] int64 below `len(classes)`, or None.
        classes: their names.
        pairs: whether samples are two texts that go through the network apart, each an input of its own.
    """

    name: str
    samples: Sequence[Any]
    digest: str
    origins: Sequence[str] = ()
    notes: tuple[str, ...] = ()
    targets: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    pairs: bool = False

    def __len__(self) -> int:
        return len(self.samples)

    def origin(self, index: int) -> str:
        """Where a sample came from, for a message."""
        return self.origins[index] if len(self.origins) else f"sample {index} of {self.name}"


def from_labelled(data: LabelledData) -> RawData:
    """Labelled data without the duty to use the labels."""
    labels = data.targets if data.answer == "classification" else None
    classes = data.classes if labels is not None else ()
    return RawData(data.name, data.samples, data.digest, data.origins, data.notes, labels, classes)


def from_list(samples: list[Any], modality: str, most: Most = None) -> RawData:
    """Samples in memory: PIL images, paths of sounds or (waveform, Hz), (image, text), (text, text); texts in pieces.

    Raises:
        DataError: there are none, or single texts among pairs.
    """
    notes: tuple[str, ...] = ()
    tuples = sum(isinstance(sample, tuple) for sample in samples)
    pairs = modality == "text" and tuples == len(samples)
    if modality == "text" and tuples and not pairs:
        raise DataError(f"the list holds {tuples} pairs among {len(samples)} texts. Fix: give texts, or pairs.")
    if modality == "text" and all(isinstance(sample, str) for sample in samples):
        samples, notes = cut_texts(samples, most)
    if not samples:
        raise DataError("the list holds no samples, or blank texts only. Fix: give some.")
    content = hashlib.sha256()
    for sample in samples:
        parts = sample if isinstance(sample, tuple) and modality == "image-text" else (sample,)
        for part in parts:
            plain = os.fspath(part) if isinstance(part, os.PathLike) else part
            content.update(hashlib.sha256(content_of(plain)).digest())
    return RawData("list", samples, content.hexdigest(), notes=notes, pairs=pairs)


def digest_of_files(files: Sequence[Path], root: Path) -> tuple[str, tuple[str, ...]]:
    """SHA-256 of files: of their contents, or, where these are large, of their names and sizes, which a note says.

    Raises:
        DataError: a file cannot be read.
    """
    try:
        sizes = [path.stat().st_size for path in files]
        if sum(sizes) <= WHOLE:
            return content_digest(root, files), ()
    except OSError as error:
        raise unreadable(error, root) from error
    listed = hashlib.sha256()
    for path, size in zip(files, sizes, strict=True):
        listed.update(os.fsencode(path.relative_to(root)) + b"\0%d\n" % size)
    return listed.hexdigest(), (f"{sum(sizes) / 1e9:.1f} GB of files: the digest is of their names and sizes",)
