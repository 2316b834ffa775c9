"""Where, in what a block gives, the batch, the tokens and the channels are; found by trying, and never by a name.

A block may give one tensor or several, with the samples first or second, with channels first or last. Its outputs for
a batch of 2 and for one of 3 samples show which axis is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """How the output of a block becomes [B, N, D] or [B, C, H, W].

    `path` leads to the tensor that is meant (empty where there is only one), `order` is the order of its axes.
    """

    path: tuple[Any, ...]
    order: tuple[int, ...]

    def read(self, out: Any) -> Tensor:
        """The tensor that is meant, with its axes in order.

        Example:
            >>> import torch
            >>> Layout((0,), (1, 0, 2)).read((torch.zeros(7, 2, 4), None)).shape
            torch.Size([2, 7, 4])
        """
        return _pick(out, self.path).permute(self.order)


def layouts_of(
    two: Sequence[Any], three: Sequence[Any], tokens: int | None = None, aspect: float | None = None
) -> tuple[Layout, ...]:
    """The layouts of blocks, by what they gave for 2 and for 3 samples of one shape.

    Args:
        two, three: the output of each block.
        tokens: how many tokens the network gives; None where it gives none.
        aspect: height of the input by its width, for blocks that give maps; None for inputs that are no images.

    Raises:
        IncompatibleError: no tensor of a block is [B, N, D] or [B, C, H, W] in any order, or several of a list are.

    Example:
        >>> import torch
        >>> layouts_of([torch.zeros(7, 2, 4)], [torch.zeros(7, 3, 4)], tokens=7)
        (Layout(path=(), order=(1, 0, 2)),)
    """
    places = [_place(a, b) for a, b in zip(two, three, strict=True)]
    sizes = [_without(_pick(out, path), batch) for out, (path, batch) in zip(two, places, strict=True)]
    known = {last for size in sizes if len(size) == 3 and (last := _channels_last(size, aspect)) is not None}
    return tuple(
        Layout(path, _order(batch, size, tokens, known)) for (path, batch), size in zip(places, sizes, strict=True)
    )


def _place(two: Any, three: Any) -> tuple[tuple[Any, ...], int]:
    """Where in its output a block's hidden layer is, and the axis of its batch."""
    given, more = dict(tensors_in(two)), dict(tensors_in(three))
    fitting = {key: axis for key, one in given.items() if (axis := _batch_axis(one, more.get(key))) is not None}
    if not fitting:
        shapes = ", ".join(str(list(one.shape)) for one in given.values()) or type(two).__name__
        raise IncompatibleError(f"for 2 samples one of them gives {shapes}, and no axis of that is the batch")
    if isinstance(two, list) and len(fitting) > 1:
        raise IncompatibleError(f"one of them passes {len(fitting)} tensors on side by side")
    return next(iter(fitting.items()))


def _pick(out: Any, path: tuple[Any, ...]) -> Tensor:
    for key in path:
        out = out[key]
    found: Tensor = out
    return found


def _without(one: Tensor, batch: int) -> list[int]:
    return [size for axis, size in enumerate(one.shape) if axis != batch]


def _order(batch: int, sizes: list[int], tokens: int | None, channels_last: set[bool]) -> tuple[int, ...]:
    """The axes: batch, then tokens and widths, or channels, heights and widths."""
    rest = [axis for axis in range(len(sizes) + 1) if axis != batch]
    if len(rest) == 2:
        return (batch, *(reversed(rest) if tokens == sizes[1] and tokens != sizes[0] else rest))
    if len(channels_last) != 1:
        raise IncompatibleError(f"one of them gives {sizes} for a sample, of which it cannot be told what is a channel")
    return (batch, rest[2], rest[0], rest[1]) if True in channels_last else (batch, *rest)


def tensors_in(out: Any) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    """The tensors in what a block gave, each with the keys that lead to it through tuples, lists and dicts.

    Example:
        >>> import torch
        >>> [path for path, _ in tensors_in(((torch.zeros(1), None), {"state": torch.zeros(1)}))]
        [(0, 0), (1, 'state')]
    """
    import torch

    if isinstance(out, torch.Tensor):
        yield (), out
    elif isinstance(out, (tuple, list, dict)):
        for key, one in out.items() if isinstance(out, dict) else enumerate(out):
            yield from (((key, *path), tensor) for path, tensor in tensors_in(one))


def _batch_axis(two: Tensor, three: Tensor | None) -> int | None:
    """The one axis that grew from 2 to 3 with the batch while all others stayed; None where there is none."""
    if three is None or two.ndim not in (3, 4) or three.ndim != two.ndim or not two.is_floating_point():
        return None
    pairs = list(zip(two.shape, three.shape, strict=True))
    grown = [axis for axis, pair in enumerate(pairs) if pair == (2, 3)]
    same = [axis for axis, (a, b) in enumerate(pairs) if a == b]
    return grown[0] if len(grown) == 1 and len(same) == two.ndim - 1 else None


def _channels_last(sizes: list[int], aspect: float | None) -> bool | None:
    """Whether a map of these three sizes is [H, W, C]: two of them are to each other as the image's; None for both."""
    first, middle, last = sizes
    if aspect is None or _alike(middle, last, aspect) == _alike(first, middle, aspect):
        return None
    return _alike(first, middle, aspect)


def _alike(height: int, width: int, aspect: float) -> bool:
    """Within one cell, since strides round."""
    return abs(height - aspect * width) < max(1.0, aspect)
