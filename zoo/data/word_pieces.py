"""The tokenizer of zoo's own text backbones: 6,000 lower-case word pieces, in a file that ships with zoo.

`zoo/upkeep/word_pieces.py` made it from docstrings. Everything that is trained on its ids belongs to just this file, so
its digest is part of every data digest of the docstring sources, and of the backbone's record in the catalog.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency, WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = Path(__file__).parent / "files" / "word_pieces.json"
DIGEST = "5d84e20a624f477f13fb0fdbba9218f564407f2e3f1f331e0c3c02cf2d4488b4"
"""SHA-256 of the file."""


@dataclass(frozen=True)
class Pieces:
    """What the ids mean: `vocabulary` of them, of which five are special. `start` opens every text.

    Example:
        >>> Pieces().special
        (0, 1, 2, 3, 4)
    """

    vocabulary: int = 6000
    pad: int = 0
    unknown: int = 1
    start: int = 2
    end: int = 3
    mask: int = 4

    @property
    def special(self) -> tuple[int, ...]:
        return (self.pad, self.unknown, self.start, self.end, self.mask)


@cache
def tokenizer(file: Path = FILE) -> Any:
    """The tokenizer, by the library `tokenizers`; it puts `start` before a text, and cuts nothing.

    Raises:
        MissingDependency: the library is not installed.
        WeightsError: the file is missing, or is not the one that belongs to this version of zoo.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingDependency("tokenizers", "transformers") from error
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror}. Fix: install zoo again.") from error
    if (found := hashlib.sha256(data).hexdigest()) != DIGEST:
        raise WeightsError(
            f"{file} was changed: its SHA-256 is {found}, and the weights belong to {DIGEST}. Fix: install zoo again."
        )
    return Tokenizer.from_str(data.decode())


def ids_of(texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text, without `start`.

    Example:
        >>> pieces = ids_of(["The number of threads"])[0]
        >>> [tokenizer().id_to_token(one) for one in pieces]
        ['the', 'number', 'of', 'threads']
    """
    return [found.ids for found in tokenizer().encode_batch(list(texts), add_special_tokens=False)]
