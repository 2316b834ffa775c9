"""Cells as raw samples, opened when they are asked for, and their content for the digest."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import decode_audio, rate_of
from zoo.data.images import decode_image, open_image
from zoo.data.sources.kinds import is_empty, kind_of
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.data.tables import Table


class Opened(Sequence[Any]):
    """N samples, each made by `opener(index)` when it is asked for.

    Example:
        >>> Opened(3, lambda index: index * 10)[2]
        20
    """

    def __init__(self, size: int, opener: Callable[[int], Any]) -> None:
        self.size, self.opener = size, opener

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        if not -self.size <= index < self.size:
            raise IndexError(index)
        return self.opener(int(index) % self.size)


def samples_of(
    table: Table, columns: Sequence[str], inputs: str, rows: np.ndarray
) -> tuple[Sequence[Any], tuple[str, ...]]:
    """The samples of `rows` [n], and notes about them. Texts are in memory; images and sound stay where they are.

    Raises:
        DataError: files that are not there, cells that are empty, or cells that hold no such samples.
    """
    if inputs in ("text", "text_pair"):
        return _texts(table, columns, inputs, rows)
    kind = kind_of(table, columns[0])
    form = kind.form if kind.name == inputs else "path" if kind.name == "text" else ""
    if not form:
        raise DataError(
            f"column {columns[0]!r} of {table.name} holds {kind.name}, no {inputs}. Fix: name another column."
        )
    cells = table.columns[columns[0]]
    _check_cells(table, columns[0], rows)
    if form == "path":
        paths = _paths(table, columns[0], rows)
        opener = open_image if inputs == "image" else str
        return Opened(len(rows), lambda at: opener(paths[at])), ()

    def opened(at: int) -> Any:
        row = int(rows[at])
        return opened_cell(cells[row], inputs, table.origin(row), table)

    return Opened(len(rows), opened), ()


def opened_cell(cell: Any, inputs: str, origin: str, table: Table) -> Any:
    """The sample in one cell of bytes, or of what is decoded already.

    Raises:
        DataError: it cannot be decoded.
    """
    if isinstance(cell, dict) and "bytes" in cell:
        if cell["bytes"] is None and cell.get("path"):
            path = _path(table, str(cell["path"]), origin)
            return open_image(path) if inputs == "image" else str(path)
        cell = cell["bytes"]
    if is_empty(cell):
        raise DataError(f"{origin} is empty. Fix: fill it, or take the row out.")
    if isinstance(cell, (bytes, bytearray)):
        return decode_image(bytes(cell), origin) if inputs == "image" else decode_audio(bytes(cell), origin)
    return plain_audio(cell) if inputs == "audio" else plain_image(cell, origin)


def plain_image(value: Any, origin: str) -> Any:
    """A PIL image, or an array of 8 bits as `zoo.data.pixels` takes it.

    Raises:
        DataError: a tensor of floats, whose range nobody knows.
    """
    if hasattr(value, "getbands"):
        return value
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype != np.uint8:
        raise DataError(
            f"{origin} is an image of {array.dtype}, and zoo prepares images itself. "
            "Fix: give PIL images or arrays of 8 bits; a data set of torchvision without its transform."
        )
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)  # torch puts the channels first
    return np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def plain_audio(value: Any) -> Any:
    """`(waveform, Hz)`, as numpy."""
    wave, rate = (value["array"], value["sampling_rate"]) if isinstance(value, dict) else value
    return np.asarray(wave.detach().cpu() if hasattr(wave, "detach") else wave), int(rate)


def contents(
    samples: Sequence[Any], table: Table, column: str, rows: np.ndarray, inputs: str
) -> Iterable[tuple[bytes, int | None]]:
    """The content of each sample, one at a time: the bytes of its file, its text, or its pixels and numbers.

    Beside it stands the rate in Hz, of sound that is decoded already.
    """
    if inputs in ("text", "text_pair"):
        yield from ((content_of(sample), None) for sample in samples)
        return
    cells = table.columns[column]
    for at, row in enumerate(rows):
        cell = cells[int(row)]
        if isinstance(cell, dict) and "bytes" in cell:
            cell = cell.get("path") if cell["bytes"] is None else cell["bytes"]
        if isinstance(cell, str):
            yield file_bytes(_path(table, cell, table.origin(int(row)))), None
        elif isinstance(cell, (bytes, bytearray)):
            yield bytes(cell), None
        else:
            sample = samples[at]
            yield content_of(sample), sample[1] if inputs == "audio" else None


def content_of(sample: Any) -> bytes:
    r"""What is hashed of a sample in memory: equal for equal samples.

    Example:
        >>> content_of("é"), content_of(("a", "b"))
        (b'\xc3\xa9', b'1:ab')
    """
    if isinstance(sample, str):
        return sample.encode("utf-8", "surrogatepass")
    if isinstance(sample, tuple) and isinstance(sample[0], str):
        first, second = (content_of(text) for text in sample)
        return b"%d:" % len(first) + first + second
    if isinstance(sample, tuple):
        return content_of(sample[0]) + b"@%d" % sample[1]
    if hasattr(sample, "getbands"):
        return f"{sample.mode} {sample.size} ".encode() + bytes(sample.tobytes())
    array = np.ascontiguousarray(sample)
    return f"{array.dtype.str} {array.shape} ".encode() + array.tobytes()


class Digest:
    """SHA-256 of samples and targets, fed one content at a time; of sound it also counts the sample rates."""

    def __init__(self, inputs: str, answer: str, classes: Sequence[str]) -> None:
        self.hashed = hashlib.sha256(json.dumps([inputs, answer, list(classes)]).encode())
        self.inputs = inputs
        self.rates: Counter[int] = Counter()

    def add(self, content: bytes, rate: int | None = None) -> None:
        self.hashed.update(hashlib.sha256(content).digest())
        if self.inputs == "audio":
            self.rates.update([rate or rate_of(content)])

    def end(self, targets: np.ndarray) -> str:
        self.hashed.update(np.ascontiguousarray(targets).tobytes())
        return self.hashed.hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether the clips have several rates; those that cannot be read are not counted."""
        return rates_note(self.rates)


def rates_note(rates: Counter[int]) -> tuple[str, ...]:
    """What the user should know of clips of several sample rates.

    Example:
        >>> rates_note(Counter({16000: 3, 8000: 1}))
        ('sample rates differ: 3 clips of 16000 Hz, 1 of 8000 Hz; each is resampled to what the backbone takes',)
    """
    known = [(rate, count) for rate, count in rates.most_common() if rate]
    if len(known) < 2:
        return ()
    (rate, count), *rest = known
    listed = ", ".join([f"{count} clips of {rate} Hz", *(f"{count} of {rate} Hz" for rate, count in rest)])
    return (f"sample rates differ: {listed}; each is resampled to what the backbone takes",)


def file_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Fix: allow reading it or move it away.") from error


def _texts(
    table: Table, columns: Sequence[str], inputs: str, rows: np.ndarray
) -> tuple[Sequence[Any], tuple[str, ...]]:
    read = []
    for column in columns:
        cells = table.columns[column]
        values = [cells[int(row)] for row in rows]
        if other := next((v for v in values if v is not None and not isinstance(v, str) and not is_empty(v)), None):
            raise DataError(
                f"column {column!r} of {table.name} must hold texts, received {type(other).__name__}. "
                "Fix: name another column."
            )
        read.append([value if isinstance(value, str) else "" for value in values])
    bare = sum(not any(text.strip() for text in texts) for texts in zip(*read, strict=True))
    note = f"{bare} of {len(rows)} texts are empty; they are samples as all others"
    return (list(zip(*read, strict=True)) if inputs == "text_pair" else read[0]), (note,) if bare else ()


def _check_cells(table: Table, column: str, rows: np.ndarray) -> None:
    cells = table.columns[column]
    chunks = getattr(cells, "chunks", None)
    if chunks is not None and not chunks.null_count:
        return  # without reading them
    if chunks is not None:
        valid = chunks.is_valid().to_pylist()
        empty = [row for row in rows if not valid[int(row)]]
    else:
        empty = [row for row in rows if is_empty(cells[int(row)])] if isinstance(cells, list) else []
    if empty:
        raise DataError(
            f"{len(empty)} of {len(rows)} cells of column {column!r} are empty, the first in "
            f"{table.origin(int(empty[0]))}. Fix: fill them, or take these rows out."
        )


def _paths(table: Table, column: str, rows: np.ndarray) -> list[Path]:
    cells = table.columns[column]
    paths = [_path(table, str(cells[int(row)]), table.origin(int(row))) for row in rows]
    missing = [path for path in paths if not os.path.isfile(path)]  # noqa: PTH113 - a text too long for a path is none
    if missing:
        raise DataError(
            f"{len(missing)} of {len(paths)} files that column {column!r} of {table.name} names are not there: "
            f"{', '.join(f'{path!s:.200}' for path in missing[:3])}{', ...' if len(missing) > 3 else ''}. "
            f"Fix: relative paths start at {table.folder or '.'}; put the files there, or correct the cells."
        )
    return paths


def _path(table: Table, cell: str, origin: str) -> Path:
    if table.confined and (PurePath(cell).is_absolute() or ".." in PurePath(cell).parts):
        raise DataError(
            f"{origin} names {cell!r}, outside of its own folder. Fix: do not use this data set; tell its owner."
        )
    return table.folder / cell
