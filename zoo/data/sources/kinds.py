"""What a column of a table holds, by its content: pictures, sound, texts, numbers, lists or names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import SUFFIXES as AUDIO
from zoo.data.images import SUFFIXES as IMAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.tables import Table

_LOOKED_AT = 200  # cells, to see whether all are paths
_WHOLE = re.compile(r"\s*[-+]?(0|[1-9]\d{0,17})\s*")
_SOUND_STARTS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")


@dataclass(frozen=True)
class Kind:
    """What a column holds.

    Attributes:
        name: `image`, `audio`, `text`, `whole`, `float`, `bool`, `list`, `mixed`, `other` or `empty`.
        form: of images and audio: `path`, `bytes` or `object` (decoded already).
        distinct: how many different values; 0 where they are not counted (bytes, objects).
        filled: how many cells are not empty.
        types: of the values, for messages.
    """

    name: str
    form: str = ""
    distinct: int = 0
    filled: int = 0
    types: tuple[str, ...] = ()

    def few(self) -> bool:
        """Whether the values repeat as classes do: at most 50 different ones, each twice on average or more."""
        return 0 < self.distinct <= 50 and 2 * self.distinct <= self.filled


def kind_of(table: Table, column: str) -> Kind:
    """The kind of a column; what the table declares wins over what its values look like.

    Texts are paths where all of the first 200 end as files of images, or of audio, do.

    Example:
        >>> from zoo.data.tables import Table
        >>> table = Table("a.csv", {"file": ["a.png", "b.JPG"], "n": ["1", "2"]}, written=True)
        >>> kind_of(table, "file").name, kind_of(table, "file").form, kind_of(table, "n").name
        ('image', 'path', 'whole')
    """
    values = table.columns[column]
    first = next((value for value in values if not is_empty(value)), None)
    if first is None:
        return Kind("empty")
    media = table.media.get(column, "")
    if media or isinstance(first, (bytes, bytearray)) or (isinstance(first, dict) and "bytes" in first):
        return _of_bytes(first, media, len(values))
    if decoded := medium_of(first):
        return Kind(decoded, "object", filled=len(values))
    filled = [value for value in values if not is_empty(value)]
    types = tuple(sorted({type(value).__name__ for value in filled}))
    if isinstance(first, str) and types == ("str",):
        return _of_texts(filled, table.written)
    if isinstance(first, (list, tuple)):
        plain = set(types) <= {"list", "tuple"}
        return Kind("list" if plain else "mixed", filled=len(filled), types=types)
    distinct = len(set(filled)) if all(isinstance(value, (str, int, float, bool)) for value in filled) else 0
    kinds = {_of_number(value) for value in filled}
    name = "float" if kinds == {"whole", "float"} else kinds.pop() if len(kinds) == 1 else "mixed"
    return Kind(name, "", distinct, len(filled), types)


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, or a text of blanks."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return False


def medium_of(value: Any) -> str:
    """`image` or `audio` of what is decoded already; empty for everything else.

    | `image`                                      | `audio`                                                |
    |----------------------------------------------|--------------------------------------------------------|
    | a PIL image                                  | `(waveform, Hz)`                                       |
    | an array of 8 bits [H, W], [H, W, 3] or [3, H, W] | `{"array": waveform, "sampling_rate": Hz}`        |

    Example:
        >>> medium_of((np.zeros(8, dtype=np.float32), 16_000)), medium_of(np.zeros((4, 4), dtype=np.uint8))
        ('audio', 'image')
    """
    if isinstance(value, dict):
        return "audio" if {"array", "sampling_rate"} <= set(value) else ""
    if isinstance(value, tuple) and len(value) == 2:
        return "audio" if hasattr(value[0], "shape") and isinstance(value[1], (int, float, np.integer)) else ""
    if hasattr(value, "getbands"):
        return "image"
    shape, dtype = getattr(value, "shape", None), str(getattr(value, "dtype", ""))
    return "image" if shape is not None and len(shape) in (2, 3) and dtype.endswith("uint8") else ""


def suffix_kind(name: str) -> str:
    """`image`, `audio` or nothing, by the end of a path."""
    suffix = PurePosixPath(name.strip()).suffix.lower()
    return "image" if suffix in IMAGES else "audio" if suffix in AUDIO else ""


def is_whole(text: str) -> bool:
    """Whether a text is a whole number, without zeros before it (`007` is a name)."""
    return _WHOLE.fullmatch(text) is not None


def _of_bytes(first: Any, media: str, count: int) -> Kind:
    if isinstance(first, str):
        return Kind(media, "path", filled=count)
    if media and medium_of(first):
        return Kind(media, "object", filled=count)
    data = first.get("bytes") if isinstance(first, dict) else first
    path = str(first.get("path") or "") if isinstance(first, dict) else ""
    sound = isinstance(data, (bytes, bytearray)) and data.startswith(_SOUND_STARTS) and data[8:12] != b"WEBP"
    return Kind(media or suffix_kind(path) or ("audio" if sound else "image"), "bytes", filled=count)


def _of_texts(filled: Sequence[str], written: bool) -> Kind:
    distinct = len(set(filled))
    looked = {suffix_kind(value) for value in filled[:_LOOKED_AT]}
    if len(looked) == 1 and (medium := looked.pop()):
        return Kind(medium, "path", distinct, len(filled), ("str",))
    name = "text"
    if written:
        name = "whole" if all(map(is_whole, filled)) else "float" if all(map(_is_number, filled)) else "text"
    return Kind(name, "", distinct, len(filled), ("str",))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _of_number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, np.integer)):
        return "whole"
    if isinstance(value, (float, np.floating)):
        return "float"
    return "text" if isinstance(value, str) else "other"
