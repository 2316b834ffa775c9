"""What parts of a network gave while it ran, and pyramids of maps made of it. The network itself stays as it is."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from torch import Tensor, nn


@contextmanager
def watched(parts: Mapping[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Within the block, what each part returned last, by name, in the order in which they ran.

    The hooks are gone afterwards, so that copies and saved modules carry none.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
        >>> with watched({"first": net[0]}) as kept:
        ...     _ = net(torch.zeros(2, 4))
        >>> kept["first"].shape
        torch.Size([2, 3])
    """
    kept: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def hook(_part: nn.Module, _given: Any, out: Any) -> None:
            kept.pop(name, None)
            kept[name] = out

        return hook

    handles = [part.register_forward_hook(keep(name)) for name, part in parts.items()]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def calling(parts: Iterable[nn.Module], see: Callable[[nn.Module, Any, Any], None]) -> Iterator[None]:
    """Within the block, `see(part, its arguments, what it returned)` at every call of every part, in their order.

    Example:
        >>> import torch
        >>> layer, seen = torch.nn.Linear(4, 4), []
        >>> with calling([layer], lambda part, given, out: seen.append(out.shape)):
        ...     _ = layer(layer(torch.zeros(2, 4)))
        >>> seen
        [torch.Size([2, 4]), torch.Size([2, 4])]
    """
    handles = [part.register_forward_hook(see) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def pyramid(maps: Iterable[Tensor], side: int) -> list[Tensor]:
    """Of maps [B, C, H, W] in the order of a network, the last one of each halving of the image, fine to coarse.

    `side` is the height of the image. Convolutions without padding lose a few cells, which makes no new level.

    Example:
        >>> import torch
        >>> [list(m.shape) for m in pyramid((torch.zeros(1, c, s, s) for c, s in ((3, 8), (4, 4), (5, 4), (6, 2))), 8)]
        [[1, 3, 8, 8], [1, 5, 4, 4], [1, 6, 2, 2]]
    """
    levels = {round(math.log2(side / one.shape[2])): one for one in maps}
    return [levels[level] for level in sorted(levels)]
