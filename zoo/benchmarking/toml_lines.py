"""Where the entries of a TOML file stand: the standard library's parser gives the values and forgets the lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]

_KEY = r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'"""
_DOTTED = rf"(?:{_KEY})(?:\s*\.\s*(?:{_KEY}))*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""|' r"'''.*?'''|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'|#[^\n]*", re.DOTALL)


def toml_lines(text: str) -> dict[Path, int]:
    r"""The line (from 1) of every table and key of a valid TOML text, by path; of arrays of tables by index.

    Keys of an inline table stand on the line where the table begins, and are not listed on their own.

    Source:
        TOML 1.0.0, https://toml.io/en/v1.0.0.

    Example:
        >>> toml_lines('a = 1\n[b]\nc = 2\n[[d]]\ne = 3\n[[d]]\n')
        {('a',): 1, ('b',): 2, ('b', 'c'): 3, ('d', '0'): 4, ('d', '0', 'e'): 5, ('d', '1'): 6}
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            table = _indexed(_parts(header[2]), counts)
            if header[1] == "[[":
                index = counts[table] = counts.get(table, -1) + 1
                table = (*table, str(index))
            found.setdefault(table, number)
        elif entry := _ENTRY.match(line):
            found.setdefault((*table, *_parts(entry[1])), number)
    return found


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    r"""The line of `path`, or of the nearest entry above it; None where nothing of it is known.

    Example:
        >>> lines = toml_lines("x = 0\n[grids]\nlr = [1]\n")
        >>> line_of(lines, ("grids", "lr", "0")), line_of(lines, ("grids", "penalty")), line_of(lines, ("no",))
        (3, 2, None)
    """
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) of all lines that begin a statement: not those within a list, or a text of several lines."""
    blank = _STRING.sub(lambda match: "\n" * match[0].count("\n") if match[0][:3] in ("'''", '"""') else
                        ("" if match[0][0] == "#" else match[0].translate(_HARMLESS)), text)  # fmt: skip
    depth = 0
    for number, (line, original) in enumerate(zip(blank.split("\n"), text.split("\n"), strict=True), 1):
        if depth == 0 and line.strip():
            yield number, original
        value = line if depth or not _HEADER.match(line) else ""
        depth += sum(value.count(c) for c in "[{") - sum(value.count(c) for c in "]}")


_HARMLESS = str.maketrans(dict.fromkeys("[]{}", "_"))


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))


def _indexed(path: Path, counts: dict[Path, int]) -> Path:
    """`a.b` below an array of tables `a` means the last element of it: `a.0.b`."""
    full: Path = ()
    for depth, part in enumerate(path):
        full = (*full, part)
        if depth < len(path) - 1 and full in counts:
            full = (*full, str(counts[full]))
    return full
