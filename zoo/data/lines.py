"""Texts of any size in files, one a line: found by their places, and read when they are asked for."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.folders import shown
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Most = Callable[[Sequence[str]], int] | None
    """Given some of the texts, the most bytes of a piece; None cuts at `LONGEST` alone."""

LONGEST = 1 << 20  # bytes of a piece where nothing else limits it
_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it


class Lines(Sequence[str]):
    r"""The lines of UTF-8 files; those longer than `most` bytes come in pieces, cut at a space where there is one.

    Kept in memory are 20 bytes a text. Lines of blanks are left out, and counted in `blank`.

    Args:
        files: in their order.
        most: bytes of a piece.

    Raises:
        DataError: a file cannot be read; and, when it is asked for, a line that is not UTF-8.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.txt").write_text("one\n\ntwo three four\n")
        ...     lines = Lines([Path(folder, "a.txt")], most=10)
        ...     list(lines), lines.blank, lines.cut
        (['one', 'two three', 'four'], 1, 1)
    """

    def __init__(self, files: Sequence[Path], most: int = LONGEST) -> None:
        self.files, self.most = list(files), most
        self.blank = self.cut = 0
        self._starts, self._lengths, self._file = array("q"), array("q"), array("i")
        self._hash = hashlib.sha256()
        for number, path in enumerate(self.files):
            try:
                self._scan(number, path)
            except OSError as error:
                raise DataError(f"{shown(path)} cannot be read ({error.strerror}). Fix: allow reading it.") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the texts with their cuts."""
        return self._hash.hexdigest()

    @property
    def longest(self) -> int:
        """Bytes of the longest text."""
        return max(self._lengths, default=0)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: Any) -> str:
        data = self._bytes(index)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"it is not UTF-8 text (byte {error.start}). Fix: save the file as UTF-8.") from error

    def origin(self, index: int) -> str:
        """Where a text stands, for a message."""
        return f"{shown(self.files[self._file[index]])} from byte {self._starts[index]}"

    def _bytes(self, index: int) -> bytes:
        path = self.files[self._file[index]]
        try:
            with path.open("rb") as file:
                file.seek(self._starts[index])
                return file.read(self._lengths[index])
        except OSError as error:
            raise DataError(f"{shown(path)} cannot be read ({error.strerror}). Fix: allow reading it.") from error

    def _scan(self, number: int, path: Path) -> None:
        with path.open("rb") as file:
            place = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
            file.seek(place)
            while data := file.readline(self.most + 1):  # one more, for the end of a line that just fits
                ends = data.endswith(b"\n")
                text = data.rstrip(b"\r\n") if ends else data
                if len(text) > self.most:
                    text = text[: cut_at(text, self.most)]
                    self.cut += 1
                    file.seek(place + len(text))
                    data = text
                if text.strip():
                    before = len(text) - len(text.lstrip())
                    self._keep(number, place + before, text.strip())
                elif ends:
                    self.blank += 1
                place += len(data)

    def _keep(self, number: int, start: int, text: bytes) -> None:
        self._file.append(number)
        self._starts.append(start)
        self._lengths.append(len(text))
        self._hash.update(b"%d:" % len(text) + text)


def cut_at(data: bytes, most: int) -> int:
    r"""Where to cut UTF-8 of more than `most` bytes: after a space in the second half, else between two characters.

    Example:
        >>> cut_at(b"two three four", 10), cut_at("éééé".encode(), 5)
        (10, 4)
    """
    space = data.rfind(b" ", most // 2, most)
    if space >= 0:
        return space + 1
    place = most
    while place > max(1, most - 4) and data[place] & 0xC0 == 0x80:  # the inside of a character
        place -= 1
    return place


def places_of(text: str, most: int) -> list[tuple[int, int]]:
    r"""Where the pieces of a text stand in its UTF-8, as (start, length): `most` bytes or fewer, without blanks around.

    Example:
        >>> places_of(" two three four\n", 10)
        [(1, 9), (11, 4)]
    """
    data = text.encode("utf-8", "surrogatepass")
    place, end, found = _outside(text), len(data) - _outside(text[::-1]), []
    while place < end:
        window = data[place : min(end, place + most + 1)]  # of one piece, and not of all that follows
        length = cut_at(window, most) if len(window) > most else len(window)
        piece = window[:length].decode("utf-8", "surrogatepass")
        if kept := piece.strip():
            found.append((place + _outside(piece), len(kept.encode("utf-8", "surrogatepass"))))
        place += length
    return found


def pieces(text: str, most: int) -> list[str]:
    """A text in memory, in pieces of at most `most` bytes.

    Example:
        >>> pieces("two three four", 10)
        ['two three', 'four']
    """
    data = text.encode("utf-8", "surrogatepass")
    return [data[start : start + length].decode("utf-8", "surrogatepass") for start, length in places_of(text, most)]


def _outside(text: str) -> int:
    """Bytes of the blanks that a text begins with."""
    return len(text[: len(text) - len(text.lstrip())].encode("utf-8", "surrogatepass"))


def text_lines(files: Sequence[Path], most: Most = None) -> Lines:
    """The lines of files; scanned a second time where some are longer than `most` allows."""
    lines = Lines(files)
    if most and len(lines):
        limit = most(some_texts(lines))
        if lines.longest > limit:
            lines = Lines(files, limit)
    return lines


def cut_texts(texts: Sequence[str], most: Most = None) -> tuple[list[str], tuple[str, ...]]:
    """Texts in memory, in pieces, and notes about them; blank ones are left out.

    Example:
        >>> cut_texts(["one two", " ", "three"], lambda some: 4)
        (['one', 'two', 'thre', 'e'], ('1 blank texts are left out', '2 texts are cut into pieces of at most 4 bytes'))
    """
    full = [text for text in texts if text.strip()]
    limit = most(some_texts(full)) if most and full else LONGEST
    cut = [pieces(text, limit) for text in full]
    notes = [f"{len(texts) - len(full)} blank texts are left out"] if len(full) < len(texts) else []
    if several := sum(len(one) > 1 for one in cut):
        notes.append(f"{several} texts are cut into pieces of at most {limit} bytes")
    return [piece for one in cut for piece in one], tuple(notes)


def some_texts(texts: Sequence[str], count: int = 64) -> list[str]:
    """Some texts from everywhere, each shortened, without those that cannot be read."""
    found = []
    for index in np.unique(np.linspace(0, len(texts) - 1, count).astype(int)):
        try:
            found.append(texts[int(index)][:1000])
        except DataError:
            continue
    return found
