"""Parameters and widths of networks that are never given memory: built and run on torch's `meta` device."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from zoo.contracts import Features

MEASURED = ("parameters", "pooled_dim", "token_dim", "stride", "can")


@contextmanager
def on_meta() -> Iterator[None]:
    """Within the block, tensors have shapes and no memory, and nothing is initialised."""
    import torch

    with torch.device("meta"), torch.no_grad():
        yield


def measure(build: Callable[[], nn.Module], features: Callable[[Any], Features]) -> dict[str, Any]:
    """The measured columns of the network that `build` makes; what cannot be measured is left out.

    A network may refuse the meta device in any way, when it is built (then nothing is known) or when it is run (then
    only `parameters` is).

    Example:
        >>> from torch import nn
        >>> from zoo.contracts import Features
        >>> measure(lambda: nn.Linear(4, 3), lambda net: Features(net(net.weight.new_zeros(1, 4))))
        {'parameters': 15, 'pooled_dim': 3}
    """
    with on_meta():
        try:
            module = build().eval()
        except Exception:  # see above
            return {}
        found: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in module.parameters())}
        try:
            given = features(module)
        except Exception:  # see above
            return found
    if given.pooled.ndim != 2:
        return found
    found["pooled_dim"] = given.pooled.shape[1]
    can = ["pooled"] + [name for name in ("tokens", "maps") if getattr(given, name) is not None]
    if given.tokens is not None:
        found["token_dim"] = given.tokens.shape[2]
    return found | ({"can": can} if len(can) > 1 else {})


def stride_of(side: int, cells: int) -> int:
    """Pixels of an image of `side` that one of the `cells` of its map stands for.

    Networks halve, rounding up or down, so the power of two that fits is meant, and else the plain ratio.

    Example:
        >>> stride_of(224, 7), stride_of(240, 8), stride_of(392, 28), stride_of(299, 8)
        (32, 32, 14, 32)
    """
    powers = [1 << power for power in range(side.bit_length())]
    fitting = [power for power in powers if -(-side // power) == cells]
    if fitting:
        return fitting[0]
    return side // cells if side % cells == 0 else max(power for power in powers if power * cells <= side)
