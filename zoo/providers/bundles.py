"""Batches for training and extraction: samples that may not share a tensor go through the network in several.

What `padding: masked` backbones take is padded into one batch. For the others samples of one shape go together, because
padding would change their answer; a gradient passes through all parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.contracts import Padded, Pair
from zoo.providers.batching import pad

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from zoo.contracts import Backbone, Features

    Prepared = Tensor | Padded | Pair


@dataclass(frozen=True)
class Bundle:
    """A batch of B samples in several parts; `order` [B] says which row of the parts, end to end, sample i is."""

    parts: tuple[Any, ...]
    order: Tensor

    def __len__(self) -> int:
        return len(self.order)

    def to(self, *where: Any, **how: Any) -> Bundle:
        """All parts on another device."""
        return Bundle(tuple(moved(part, *where, **how) for part in self.parts), self.order.to(*where, **how))


def bundled(prepared: Sequence[Prepared], padding: str) -> Prepared | Bundle:
    """Samples, each a batch of one as `prepare` gives it, as one batch that changes no answer.

    Args:
        prepared: B batches of one.
        padding: of the backbone: `masked` lets samples of different lengths share a tensor.

    Example:
        >>> texts = [Padded(torch.ones(1, n), torch.ones(1, n, dtype=torch.bool)) for n in (3, 5, 3)]
        >>> [len(part.values) for part in bundled(texts, "equal_length").parts]
        [2, 1]
        >>> bundled(texts, "masked").values.shape
        torch.Size([3, 5])
    """
    groups: dict[Hashable, list[int]] = {}
    for index, one in enumerate(prepared):
        groups.setdefault(_key(one, padding), []).append(index)
    parts = tuple(_joined([prepared[index] for index in group]) for group in groups.values())
    if len(parts) == 1:
        whole: Prepared = parts[0]
        return whole
    return Bundle(parts, torch.argsort(torch.tensor([index for group in groups.values() for index in group])))


def pooled(
    backbone: Backbone,
    inputs: Prepared | Bundle,
    modality: str = "",
    read: Callable[[Features], Tensor] = lambda features: features.pooled,
) -> Tensor:
    """Pooled features [B, D] of a batch, whichever way it is put together; or what else `read` takes of `Features`.

    Args:
        backbone: what encodes it.
        inputs: a batch, as `bundled` makes it.
        modality: which features; empty for the backbone's own.
        read: gives [B, ...] of the features of a part of the batch.
    """
    name = modality or backbone.spec.modality
    if not isinstance(inputs, Bundle):
        return read(backbone.encode(inputs)[name])
    return torch.cat([read(backbone.encode(part)[name]) for part in inputs.parts])[inputs.order]


def moved(batch: Any, *where: Any, **how: Any) -> Any:
    """A batch of any kind on another device, or a tuple of batches."""
    if isinstance(batch, tuple):
        return tuple(moved(part, *where, **how) for part in batch)
    if isinstance(batch, Padded):
        return Padded(batch.values.to(*where, **how), batch.mask.to(*where, **how))
    if isinstance(batch, Pair):
        vision, text = (None if one is None else moved(one, *where, **how) for one in (batch.vision, batch.text))
        return Pair(vision, text)
    return batch.to(*where, **how)


def _key(one: Prepared, padding: str) -> Hashable:
    """Equal for samples that may share a tensor."""
    if isinstance(one, Pair):
        return tuple(None if part is None else _key(part, padding) for part in (one.vision, one.text))
    if isinstance(one, Padded):
        return "padded" if padding == "masked" else tuple(one.values.shape[1:])
    return tuple(one.shape[1:])


def _joined(group: Sequence[Any]) -> Any:
    if isinstance(group[0], Padded):
        return pad(group)
    if isinstance(group[0], Pair):
        parts = ([getattr(one, name) for one in group] for name in ("vision", "text"))
        return Pair(*(None if part[0] is None else _joined(part) for part in parts))
    return torch.cat(list(group))
