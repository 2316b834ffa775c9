"""Features of many samples of any length: batched for speed, equal to one by one, and in the order of the samples.

A backbone declares by `spec.padding` what may stand in one batch:

| padding        | a batch holds                                                             |
|----------------|---------------------------------------------------------------------------|
| `masked`       | samples of near lengths, padded with zeros on the right and masked        |
| `equal_length` | samples of one length only: nothing is padded                             |
| `fixed`        | samples of one shape, which are all if the preprocessing brings them there |
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from zoo.contracts import Features, Padded, Pair
from zoo.errors import DataError, IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Backbone

    Prepared = Tensor | Padded | Pair  # what `Backbone.preprocess` gives for one sample: a batch of one

_FIRST = threading.Lock()
_TURNS: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()
WINDOW = 16  # batches that are prepared together, so that near lengths find each other


def encode_samples(backbone: Backbone, samples: Sequence[Any], batch_size: int = 32) -> dict[str, Features]:
    """Features of raw samples by modality, on the CPU: row i is of sample i, as if it had been alone in its batch.

    The network runs in evaluation mode, without gradients, on the device where it is. Shapes are those of `Features`
    with B = len(samples); `tokens` are padded to the longest, and `mask` says which are real.

    Raises:
        DataError: a sample that the preprocessing refuses; no samples; or images and texts mixed in such a way that a
            modality is there for some samples only.

    Example:
        >>> import numpy as np; from zoo.providers.loading import load
        >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 128, 255)]
        >>> encode_samples(load("pocket/resnet10.glyphs"), images, batch_size=2)["vision"].pooled.shape
        torch.Size([3, 256])
    """
    if len(samples) == 0:
        raise DataError("there are no samples to encode. Fix: give at least one.")
    step = batch_size * WINDOW
    parts = []
    for start in range(0, len(samples), step):
        window = [prepare(backbone, samples[at]) for at in range(start, min(start + step, len(samples)))]
        parts.append(encode_prepared(backbone, window, batch_size))
    return _joined(parts)


def prepare(backbone: Backbone, sample: Any) -> Prepared:
    """What the backbone's preprocessing makes of one sample: a batch of one.

    Raises:
        DataError: a sample that the preprocessing refuses.
    """
    prepared: Prepared = backbone.preprocess([sample])
    return prepared


def encode_prepared(backbone: Backbone, prepared: Sequence[Prepared], batch_size: int = 32) -> dict[str, Features]:
    """Features of samples that `prepare` made ready: see `encode_samples`."""
    if batch_size < 1:
        raise DataError(f"a batch holds at least 1 sample, received batch_size={batch_size}. Fix: give a whole number.")
    masked = backbone.spec.padding == "masked"
    key = _kind if masked else _shape
    groups: dict[Hashable, list[int]] = {}
    for index in sorted(range(len(prepared)), key=lambda index: _length(prepared[index])):
        groups.setdefault(key(prepared[index]), []).append(index)
    batches = [group[at : at + batch_size] for group in groups.values() for at in range(0, len(group), batch_size)]
    device = next((tensor.device for tensor in backbone.module.state_dict().values()), torch.device("cpu"))
    with evaluating(backbone.module), torch.no_grad():
        parts = [_on_cpu(backbone.encode(_batch([prepared[i] for i in batch], device))) for batch in batches]
    order = torch.tensor([index for batch in batches for index in batch])
    return _taken(_joined(parts), torch.argsort(order))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode within the block, and each part of it back into its own mode afterwards.

    Another thread waits for its turn: modes, and what else is changed within, are of the network, not of a thread.
    """
    with _FIRST:
        turn = _TURNS.setdefault(module, threading.RLock())
    with turn:
        training = [part for part in module.modules() if part.training]
        module.eval()
        try:
            yield
        finally:
            for part in training:
                part.training = True


def pad(batch: Sequence[Padded]) -> Padded:
    """Several batches as one: padded with zeros on the right to the longest, and masked.

    Example:
        >>> import torch
        >>> one, two = (Padded(torch.ones(1, n), torch.ones(1, n, dtype=torch.bool)) for n in (1, 3))
        >>> pad([one, two]).mask.tolist()
        [[True, False, False], [True, True, True]]
    """
    return Padded(_padded([one.values for one in batch]), _padded([one.mask for one in batch]))


def _padded(parts: Sequence[Tensor]) -> Tensor:
    """[B_i, T_i, ...] as one [sum of B_i, longest T, ...], with zeros (False) on the right."""
    longest = max(part.shape[1] for part in parts)
    whole = parts[0].new_zeros(sum(len(part) for part in parts), longest, *parts[0].shape[2:])
    at = 0
    for part in parts:
        whole[at : at + len(part), : part.shape[1]] = part
        at += len(part)
    return whole


def _length(one: Prepared) -> int:
    """By what samples are sorted: the length along the axis that is padded."""
    if isinstance(one, Pair):
        return 0 if one.text is None else _length(one.text)
    return one.values.shape[1] if isinstance(one, Padded) else 0


def _shape(one: Prepared) -> Hashable:
    """Equal exactly for samples that may share a batch without any padding."""
    if isinstance(one, Pair):
        return ("pair", *(None if part is None else _shape(part) for part in (one.vision, one.text)))
    return tuple((one.values if isinstance(one, Padded) else one).shape[1:])


def _kind(one: Prepared) -> Hashable:
    """Equal exactly for samples that may share a batch once they are padded."""
    if isinstance(one, Pair):
        return ("pair", *(None if part is None else _kind(part) for part in (one.vision, one.text)))
    return tuple(one.values.shape[2:]) if isinstance(one, Padded) else tuple(one.shape[1:])


def _batch(group: Sequence[Any], device: torch.device) -> Prepared:
    """Samples of one group as one batch on the device."""
    if isinstance(group[0], Pair):
        parts = ([getattr(one, name) for one in group] for name in ("vision", "text"))
        vision, text = (None if part[0] is None else _batch(part, device) for part in parts)
        return Pair(vision, text)  # type: ignore[arg-type]  # a batch of what each of them was
    if isinstance(group[0], Padded):
        whole = pad(group)
        return Padded(whole.values.to(device), whole.mask.to(device))
    return torch.cat(list(group)).to(device)


def _mapped(features: Features, change: Callable[[Tensor], Tensor]) -> Features:
    tokens, mask, maps, layers = features.tokens, features.mask, features.maps, features.layers
    return Features(
        change(features.pooled),
        None if tokens is None else change(tokens),
        None if mask is None else change(mask),
        None if maps is None else [change(one) for one in maps],
        None if layers is None else [change(one) for one in layers],
    )


def _on_cpu(found: dict[str, Features]) -> dict[str, Features]:
    return {name: _mapped(features, lambda tensor: tensor.cpu()) for name, features in found.items()}


def _taken(found: dict[str, Features], order: Tensor) -> dict[str, Features]:
    """The rows in another order."""
    return {name: _mapped(features, lambda tensor: tensor[order]) for name, features in found.items()}


def _joined(parts: Sequence[dict[str, Features]]) -> dict[str, Features]:
    """Batches one after the other."""
    if any(set(part) != set(parts[0]) for part in parts):
        kinds = sorted({" and ".join(sorted(part)) for part in parts})
        raise DataError(
            f"the samples are of several kinds ({'; '.join(kinds)}), so not all have the same features. "
            "Fix: encode samples of one kind at a time."
        )
    return {name: _concatenated([part[name] for part in parts]) for name in parts[0]}


def _concatenated(parts: Sequence[Features]) -> Features:
    if len(parts) == 1:
        return parts[0]
    tokens = mask = maps = None
    if all(part.tokens is not None for part in parts):
        lengths = {part.tokens.shape[1] for part in parts if part.tokens is not None}
        tokens = _padded([part.tokens for part in parts if part.tokens is not None])
        if len(lengths) > 1 or any(part.mask is not None for part in parts):
            mask = _padded([_mask_of(part) for part in parts])
    if all(part.maps is not None for part in parts):
        levels = list(zip(*[part.maps for part in parts if part.maps is not None], strict=True))
        if any(len({one.shape[1:] for one in level}) > 1 for level in levels):
            raise IncompatibleError(
                "the samples have maps of several sizes, which cannot stand in one tensor. Fix: encode them one by one."
            )
        maps = [torch.cat(level) for level in levels]
    layers = _layers(parts) if all(part.layers is not None for part in parts) else None
    return Features(torch.cat([part.pooled for part in parts]), tokens, mask, maps, layers)


def _layers(parts: Sequence[Features]) -> list[Tensor]:
    """Layers of several batches as one: of those that have the network's tokens the shorter are padded as `tokens` are.

    Raises:
        IncompatibleError: layers of several sizes that no mask tells apart.
    """
    found = []
    for level in zip(*[part.layers or [] for part in parts], strict=True):
        as_tokens = all(
            one.ndim == 3 and part.tokens is not None and one.shape[1] == part.tokens.shape[1]
            for one, part in zip(level, parts, strict=True)
        )
        if not as_tokens and len({one.shape[1:] for one in level}) > 1:
            raise IncompatibleError(
                "the samples have layers of several sizes, which cannot stand in one tensor. Fix: encode them one by "
                "one."
            )
        found.append(_padded(level) if as_tokens else torch.cat(level))
    return found


def _mask_of(part: Features) -> Tensor:
    """The mask of the tokens; all real where none is given."""
    assert part.tokens is not None
    return torch.ones(part.tokens.shape[:2], dtype=torch.bool) if part.mask is None else part.mask
