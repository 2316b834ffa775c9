"""The blocks of a network, found by its structure: the row of parts that most of its weights lie in.

VisionTransformer   blocks.0 ... blocks.11
ResNet              layer1.0, layer1.1, layer2.0 ... (rows of rows are laid end to end)
ConvNeXt            stages.0 ... stages.3
BERT                encoder.layer.0 ...
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

Named = tuple[str, "nn.Module"]

DOMINANT = 0.9  # a "row" one part of which has more of the weights is a network and something beside it


def blocks(module: nn.Module) -> list[Named]:
    """The blocks of a network with their names, first to last; empty where it has no row of them.

    Of all rows the one with most weights is taken, and one whose parts have parts of their own before any other.

    Example:
        >>> import zoo
        >>> [name for name, _ in blocks(zoo.load("pocket/resnet10.glyphs").module)]
        ['layer1.0', 'layer2.0', 'layer3.0', 'layer4.0']
    """
    return next(iter(rows(module)), [])


def rows(module: nn.Module) -> list[list[Named]]:
    """All rows of a network, the one that `blocks` gives first; among them may be the rows inside a block."""
    found = []
    for name, part in module.named_modules():
        for row in _rows(part):
            flat = _flat([(f"{name}.{inner}" if name else inner, child) for inner, child in row])
            sizes = [_size(child) for _, child in flat]
            if _one_kind([child for _, child in flat]) or max(sizes) <= DOMINANT * sum(sizes):
                found.append((rank([child for _, child in flat]), flat))
    return [row for _, row in sorted(found, key=lambda one: one[0], reverse=True)]


def _one_kind(parts: list[nn.Module]) -> bool:
    """Whether all are of one class that says more than "a sequence": then a large one among them is a block too."""
    from torch import nn

    kinds = {type(part) for part in parts}
    return len(kinds) == 1 and not kinds & {nn.Sequential, nn.ModuleList}


def rank(parts: list[nn.Module]) -> tuple[bool, int]:
    """By what a row goes before another: whether its parts have parts of their own, then how many weights it has."""
    return any(list(part.children()) for part in parts), sum(_size(part) for part in parts)


def _rows(module: nn.Module) -> Iterator[list[Named]]:
    """Two or more children with weights, in a container or numbered side by side (layer1, ..., or inception3a, ...)."""
    from torch import nn

    own = [(name, child) for name, child in module.named_children() if _size(child)]
    numbered: dict[str, list[Named]] = {}
    for name, child in own:
        if isinstance(module, (nn.Sequential, nn.ModuleList)):
            numbered.setdefault("", []).append((name, child))
        elif found := re.fullmatch(r"(\D+)\d+[a-z]?", name):
            numbered.setdefault(found[1], []).append((name, child))
    yield from (row for row in numbered.values() if len(row) > 1)


def _flat(row: list[Named]) -> list[Named]:
    """A row of rows laid end to end, when each part is a plain Sequential, or a list, of blocks of one kind."""
    from torch import nn

    pieces: list[Named] = []
    for name, part in row:
        inner = [(f"{name}.{below}", child) for below, child in part.named_children() if _size(child)]
        alike = len({type(child) for _, child in inner}) == 1
        if (
            type(part) not in (nn.Sequential, nn.ModuleList)
            or not alike
            or not all(list(child.children()) for _, child in inner)
        ):
            return row
        pieces += inner
    return pieces


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
