"""Docstrings as pre-training data: blocks of running text, and pairs of spans that belong to one docstring.

Both give ids of zoo's own word pieces (`tokens`), ready for `pocket/gpt2`. Where nothing else is said, all packages of
`zoo.data.docstrings.PACKAGES` that are installed are read, so that the digest differs from machine to machine.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from zoo.contracts import Batch, Padded
from zoo.data.augment_texts import token_dropout
from zoo.data.docstring_corpus import corpus
from zoo.data.word_pieces import DIGEST, Pieces, ids_of
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTH = 64  # tokens of a block, with the one that opens it
SPAN = 31  # tokens of one side of a pair, without it
_SHORTEST = 16  # tokens of a single paragraph that is cut into two halves


class _Docstrings:
    """What both sources share: the ids of the paragraphs of each docstring."""

    classes = 0
    clean = True  # batches are what the backbone takes
    modality = "text"
    tokens = Pieces()

    def __init__(self, name: str, packages: Iterable[str] | None) -> None:
        found = corpus(None if packages is None else tuple(packages))
        ids = iter(ids_of([part for document in found.documents for part in document]))
        self.documents = [[next(ids) for _ in document] for document in found.documents]
        if not self.documents:
            raise DataError(f"no docstring was found for the source {name!r}. Fix: install the packages that it reads.")
        self.digest = hashlib.sha256(f"{name} {LENGTH} {SPAN} {found.digest} {DIGEST}".encode()).hexdigest()
        versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
        self.notes = (f"docstrings of {versions}", f"kept apart from the text tasks: {found.leakage}")

    def stream(self) -> np.ndarray:
        """All ids in reading order [N] int64, the end token after each docstring."""
        running = itertools.chain.from_iterable(
            (*itertools.chain.from_iterable(document), self.tokens.end) for document in self.documents
        )
        return np.fromiter(running, dtype=np.int64)

    def corrupt(self, inputs: Any, generator: Generator) -> Any:
        """Some tokens give way to others of the same text."""
        if isinstance(inputs, tuple):
            return tuple(self.corrupt(side, generator) for side in inputs)
        return Padded(token_dropout(inputs.values, inputs.mask, generator), inputs.mask)


class DocstringSource(_Docstrings):
    """Running text in blocks of 64 tokens; a block may begin and end anywhere, also within a sentence.

    Args:
        packages: which docstrings are read (see `read_docstrings`); None is all.

    Example:
        >>> source = DocstringSource(["packaging"])
        >>> source.batch(4, torch.Generator().manual_seed(0)).inputs.values.shape
        torch.Size([4, 64])
    """

    name = "docstrings"

    def __init__(self, packages: Iterable[str] | None = None) -> None:
        super().__init__(self.name, packages)
        running, width = torch.from_numpy(self.stream()), LENGTH - 1
        rows = running[: len(running) // width * width].view(-1, width)
        self._blocks = torch.cat([torch.full_like(rows[:, :1], self.tokens.start), rows], dim=1)

    def batch(self, size: int, generator: Generator) -> Batch:
        """Blocks [size, 64] of ids, drawn with replacement; there are no classes, so targets are 0."""
        rows = torch.randint(len(self._blocks), (size,), generator=generator, device=generator.device).cpu()
        ids = self._blocks[rows]
        return Batch(Padded(ids, torch.ones_like(ids, dtype=torch.bool)), torch.zeros(size, dtype=torch.int64))


class DocstringPairSource(_Docstrings):
    """Two spans of at most 31 tokens of one docstring: of two of its paragraphs, or of the halves of its only one.

    Args:
        packages: which docstrings are read (see `read_docstrings`); None is all.

    Example:
        >>> source = DocstringPairSource(["packaging"])
        >>> one, other = source.batch(4, torch.Generator().manual_seed(0)).inputs
        >>> one.values.shape[0], other.values.shape[1] <= 32
        (4, True)
    """

    name = "docstring_pairs"

    def __init__(self, packages: Iterable[str] | None = None) -> None:
        super().__init__(self.name, packages)
        halves = [[one[: len(one) // 2], one[len(one) // 2 :]] for one, *more in self.documents if not more]
        self._pairs = [many for many in self.documents if len(many) > 1]
        self._pairs += [two for two in halves if len(two[0]) + len(two[1]) >= _SHORTEST]

    def batch(self, size: int, generator: Generator) -> Batch:
        """A tuple of two Padded of ids [size, at most 32]; targets are 0."""
        drawn = torch.rand(size, 5, generator=generator, device=generator.device, dtype=torch.float64).tolist()
        sides: tuple[list[list[int]], list[list[int]]] = ([], [])
        for which, first, second, *starts in drawn:
            parts = self._pairs[int(which * len(self._pairs))]
            one = int(first * len(parts))
            other = (one + 1 + int(second * (len(parts) - 1))) % len(parts)  # another one
            for side, place, start in zip(sides, (one, other), starts, strict=True):
                side.append(_span(parts[place], start))
        made = tuple(_laid_out(side, self.tokens) for side in sides)
        return Batch(made, torch.zeros(size, dtype=torch.int64))


def _span(ids: list[int], start: float) -> list[int]:
    begin = int(start * max(1, len(ids) - SPAN + 1))
    return ids[begin : begin + SPAN]


def _laid_out(rows: list[list[int]], tokens: Pieces) -> Padded:
    whole = torch.full((len(rows), 1 + max(map(len, rows))), tokens.pad, dtype=torch.int64)
    whole[:, 0] = tokens.start
    for row, ids in zip(whole, rows, strict=True):
        row[1 : 1 + len(ids)] = torch.tensor(ids)
    lengths: Tensor = torch.tensor([1 + len(ids) for ids in rows])
    return Padded(whole, torch.arange(whole.shape[1]) < lengths[:, None])
