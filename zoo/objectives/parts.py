"""The parts of a batch: one, or the several of a `Bundle`, whose targets are then a `Bundle` in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.providers.bundles import Bundle

if TYPE_CHECKING:
    from collections.abc import Sequence


def parts_of(batch: Any) -> tuple[Any, ...]:
    """What goes through the network at once: the parts of a Bundle, or the batch itself.

    Example:
        >>> import torch
        >>> parts_of(Bundle((1, 2), torch.arange(2))), parts_of("a batch")
        ((1, 2), ('a batch',))
    """
    return batch.parts if isinstance(batch, Bundle) else (batch,)


def joined(parts: Sequence[Any], like: Any) -> Any:
    """Parts put together the way `like` is, whose `parts_of` they belong to.

    Example:
        >>> import torch
        >>> two = Bundle((torch.zeros(1, 3), torch.zeros(1, 4)), torch.tensor([1, 0]))
        >>> joined([torch.ones(1, 3), torch.ones(1, 4)], two).order.tolist()
        [1, 0]
    """
    return Bundle(tuple(parts), like.order) if isinstance(like, Bundle) else parts[0]
