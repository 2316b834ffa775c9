"""The blocks of a network, found by its structure: the row of parts that most of its weights lie in.

VisionTransformer   blocks.0 ... blocks.11
ResNet              layer1.0, layer1.1, layer2.0 ... (rows of rows are laid end to end)
ConvNeXt            stages.0 ... stages.3
BERT                encoder.layer.0 ...
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zoo.adaptations.probe import run_watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn

    from zoo.contracts import Backbone

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
    best: list[Named] = []
    most = (False, 0)
    for name, part in module.named_modules():
        for row in _rows(part):
            flat = _flat([(f"{name}.{inner}" if name else inner, child) for inner, child in row])
            sizes = [_size(child) for _, child in flat]
            rank = (any(list(child.children()) for _, child in flat), sum(sizes))
            if max(sizes) <= DOMINANT * sum(sizes) and rank > most:
                best, most = flat, rank
    return best


def _rows(module: nn.Module) -> Iterator[list[Named]]:
    """Two or more children with weights, in a container or numbered side by side (layer1, layer2, ...)."""
    from torch import nn

    own = [(name, child) for name, child in module.named_children() if _size(child)]
    numbered: dict[str, list[Named]] = {}
    for name, child in own:
        if isinstance(module, (nn.Sequential, nn.ModuleList)):
            numbered.setdefault("", []).append((name, child))
        elif found := re.fullmatch(r"(\D+)\d+", name):
            numbered.setdefault(found[1], []).append((name, child))
    yield from (row for row in numbered.values() if len(row) > 1)


def _flat(row: list[Named]) -> list[Named]:
    """A row of rows laid end to end, when each part is a plain Sequential of blocks of one kind."""
    from torch import nn

    pieces: list[Named] = []
    for name, part in row:
        inner = [(f"{name}.{below}", child) for below, child in part.named_children() if _size(child)]
        alike = len({type(child) for _, child in inner}) == 1
        if type(part) is not nn.Sequential or not alike or not all(list(child.children()) for _, child in inner):
            return row
        pieces += inner
    return pieces


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def depths(backbone: Backbone) -> tuple[dict[str, int], int]:
    """How deep each weight lies: 0 before the first block, i in block i (from 1), n + 1 after the last; and n.

    What runs is watched on a probe batch. A weight that no part of the network calls by itself (a class token, the
    projection inside an attention) goes with its neighbours in the order of registration.

    Example:
        >>> import zoo
        >>> found, count = depths(zoo.load("pocket/resnet10.glyphs"))
        >>> count, found["conv1.0.weight"], found["layer4.0.conv1.weight"]
        (4, 0, 4)
    """
    row = blocks(backbone.module)
    inside = {f"{name}.": index for index, (name, _) in enumerate(row, start=1)}
    ran = _order(backbone, [part for _, part in row])
    result: dict[str, int] = {}
    reached = 0
    for name, _ in backbone.module.named_parameters():
        block = next((index for prefix, index in inside.items() if name.startswith(prefix)), None)
        if block is not None:
            reached = block
            result[name] = block
        else:
            by_order = len(row) + 1 if row and reached == len(row) else reached
            result[name] = ran.get(name.rpartition(".")[0], by_order)
    return result, len(row)


def _order(backbone: Backbone, row: Iterable[nn.Module]) -> dict[str, int]:
    """Depth of each part that ran outside the blocks, by when it ran; of one that ran twice the deeper."""
    row = list(row)
    seen: dict[str, int] = {}
    at, inside = 0, 0
    handles = []

    def enter(index: int) -> None:
        nonlocal at, inside
        at, inside = index, inside + 1

    def leave() -> None:
        nonlocal inside
        inside -= 1

    def note(name: str) -> None:
        if not inside:
            seen[name] = len(row) + 1 if row and at == len(row) else at

    for index, part in enumerate(row, start=1):
        handles.append(part.register_forward_pre_hook(lambda *_, index=index: enter(index)))
        handles.append(part.register_forward_hook(lambda *_: leave()))
    for name, part in backbone.module.named_modules():
        if name and next(part.parameters(recurse=False), None) is not None:
            handles.append(part.register_forward_hook(lambda *_, name=name: note(name)))
    run_watched(backbone, handles)
    return seen
