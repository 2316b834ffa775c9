"""Cells of tables that are larger than memory: written once into a temporary file, and read when they are asked for."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import weakref
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.lines import LONGEST, places_of, some_texts
from zoo.data.sources.kinds import is_empty
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.data.lines import Most

_EMPTY, _TEXT, _BYTES, _WRAPPED, _FILE = range(5)


class Store:
    """A file without a name for the cells of many columns; it goes when nobody holds it.

    It lies where the system keeps temporary files (`TMPDIR` says where), and is as large as the cells are.

    Raises:
        DataError: no such place takes files.
    """

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(prefix="zoo-", buffering=1 << 20)  # noqa: SIM115 - lives with the store
        except OSError as error:
            raise DataError(
                "a table that is larger than memory is unpacked into a temporary file, and none can be made "
                f"({error.strerror}). Fix: set TMPDIR to a folder that can be written, on a disk with room."
            ) from error
        weakref.finalize(self, _closed, self._file)
        self._lock = threading.Lock()
        self._end = 0
        self._moved = False

    def add(self, data: bytes) -> int:
        """Write at the end; returns where it begins.

        Raises:
            DataError: there is no room for it.
        """
        begin = self._end
        try:
            if self._moved:  # by what was read in between
                self._file.seek(begin)
                self._moved = False
            self._file.write(data)
        except OSError as error:
            raise self._full(error) from error
        self._end += len(data)
        return begin

    def read(self, start: int, length: int) -> bytes:
        """The bytes at a place; any thread may ask."""
        with self._lock:
            self._moved = True
            self._file.seek(start)
            data: bytes = self._file.read(length)
        return data

    def close_writing(self) -> None:
        """Bring all of it into the file, so that a lack of room is told now.

        Raises:
            DataError: there is no room for it.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> DataError:
        return DataError(
            f"a table that is larger than memory is unpacked into {tempfile.gettempdir()}, which takes no more after "
            f"{self._end / 1e9:.1f} GB ({error.strerror}). Fix: free space there, or set TMPDIR to a larger disk."
        )


class Cells(Sequence[Any]):
    """A column of texts or bytes in a `Store`: 17 bytes of memory a cell. What was blank is None.

    Example:
        >>> cells = Cells(Store())
        >>> for cell in ("one", None, b"two", {"bytes": b"three", "path": "3.png"}):
        ...     cells.add(cell, "a cell")
        >>> list(cells)
        ['one', None, b'two', {'bytes': b'three', 'path': None}]
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kinds, self._starts, self._lengths = array("b"), array("q"), array("q")

    @property
    def filled(self) -> np.ndarray:
        """Which cells [N] hold something; known without reading them."""
        return np.frombuffer(self._kinds, dtype=np.int8) != _EMPTY if self._kinds else np.zeros(0, dtype=bool)

    def add(self, cell: Any, origin: str) -> None:
        """One more cell: a text, bytes, `{"bytes": ..., "path": ...}`, or nothing.

        Raises:
            DataError: a cell of another kind; or no room.
        """
        kind, data = _packed(cell, origin)
        self._starts.append(self._store.add(data))
        self._lengths.append(len(data))
        self._kinds.append(kind)

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, index: Any) -> Any:
        kind = self._kinds[index]
        if kind == _EMPTY:
            return None
        data = self._store.read(self._starts[index], self._lengths[index])
        if kind in (_BYTES, _WRAPPED):
            return data if kind == _BYTES else {"bytes": data, "path": None}
        text = data.decode("utf-8", "surrogatepass")
        return text if kind == _TEXT else {"bytes": None, "path": text}


class Pieces(Sequence[str]):
    """Texts in pieces of at most `most` bytes, found by their places: 24 bytes of memory a piece.

    Args:
        texts: of any size, read one at a time.
        most: given some of the texts, the most bytes of a piece; None cuts at one MiB.

    Example:
        >>> made = Pieces(["two three four", " one"], lambda some: 10)
        >>> list(made), made.notes
        (['two three', 'four', 'one'], ('1 texts are cut into pieces of at most 10 bytes',))
    """

    def __init__(self, texts: Sequence[str], most: Most = None) -> None:
        self._texts = texts
        self._text, self._starts, self._lengths = array("q"), array("q"), array("q")
        self.most = most(some_texts(texts)) if most and len(texts) else LONGEST
        cut = 0
        for number, text in enumerate(texts):
            places = places_of(text, self.most)
            cut += len(places) > 1
            for start, length in places:
                self._text.append(number)
                self._starts.append(start)
                self._lengths.append(length)
        self.notes = (f"{cut} texts are cut into pieces of at most {self.most} bytes",) if cut else ()

    def __len__(self) -> int:
        return len(self._text)

    def __getitem__(self, index: Any) -> str:
        start = self._starts[index]
        data = self._texts[self._text[index]].encode("utf-8", "surrogatepass")
        piece: str = data[start : start + self._lengths[index]].decode("utf-8", "surrogatepass")
        return piece


def _closed(file: Any) -> None:
    with contextlib.suppress(OSError):  # of what a full disk did not take, which was told when it was written
        file.close()


def _packed(cell: Any, origin: str) -> tuple[int, bytes]:
    if isinstance(cell, dict) and "bytes" in cell:
        if cell["bytes"] is not None:
            return _WRAPPED, bytes(cell["bytes"])
        return (_FILE, str(cell["path"]).encode("utf-8", "surrogatepass")) if cell.get("path") else (_EMPTY, b"")
    if isinstance(cell, (bytes, bytearray)):
        return _BYTES, bytes(cell)
    if is_empty(cell):
        return _EMPTY, b""
    if isinstance(cell, str):
        return _TEXT, cell.encode("utf-8", "surrogatepass")
    raise DataError(f"{origin} must hold a text, received {type(cell).__name__}. Fix: name another column.")
