"""How deep each weight of a network lies, counted in its blocks, by watching what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.adaptations.probe import run_watched
from zoo.providers.blocks import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from zoo.contracts import Backbone
    from zoo.providers.blocks import Named


def running_blocks(backbone: Backbone) -> list[Named]:
    """The blocks that run for a backbone's samples; of two towers those of the one that they go through.

    Example:
        >>> import zoo
        >>> [name for name, _ in running_blocks(zoo.load("pocket/resnet10.glyphs"))]
        ['layer1.0', 'layer2.0', 'layer3.0', 'layer4.0']
    """
    ran: set[int] = set()
    parts = list(backbone.module.modules())
    run_watched(backbone, [part.register_forward_hook(lambda part, *_: ran.add(id(part))) for part in parts])
    running = (row for row in rows(backbone.module) if any(id(one) in ran for _, part in row for one in part.modules()))
    return next(running, [])


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
    row = running_blocks(backbone)
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
