"""Small inputs of noise to try a network with, as it takes them, without its tokenizer or feature extractor.

Unlike raw samples these need no file, so that a network from scratch can be tried without a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Padded, Pair

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.contracts import Backbone

TOKENS = 9  # of a text; odd, so that networks which halve or fill up show it


def modalities(backbone: Backbone) -> tuple[str, ...]:
    """What a backbone encodes: an image-text one two kinds, and one of clips that has a context texts as well.

    Example:
        >>> import zoo
        >>> modalities(zoo.load("pocket/resnet10.glyphs"))
        ('vision',)
    """
    spec = backbone.spec
    if spec.modality == "image-text":
        return ("vision", "text")
    return ("speech", "text") if spec.modality == "speech" and spec.context else (spec.modality,)


def trial(backbone: Backbone, modality: str, count: int) -> Any:
    """`count` samples of seeded noise of one modality; the first ones are the same for any `count`.

    Example:
        >>> import zoo
        >>> trial(zoo.load("pocket/resnet10.glyphs"), "vision", 2).shape
        torch.Size([2, 1, 32, 32])
    """
    spec = backbone.spec
    if modality == "text":
        fixed = spec.modality == "image-text"
        length = (spec.context or 77) if fixed else min(TOKENS, spec.context or TOKENS)
        ids = torch.stack([torch.randint(5, 20, (length,), generator=_seeded(place)) for place in range(count)])
        texts = Padded(ids, torch.ones_like(ids, dtype=torch.bool))
        return Pair(text=texts) if fixed else texts
    if modality == "speech":
        clips = 0.1 * _noise(count, _clip(backbone))
        return Padded(clips, torch.ones(clips.shape[:2], dtype=torch.bool))
    images = _noise(count, tuple(spec.input_size or (3, 224, 224)))
    return Pair(vision=images) if spec.modality == "image-text" else images


def _noise(count: int, shape: tuple[int, ...]) -> Tensor:
    """Sample by sample: torch draws the end of one large tensor in another way than its beginning."""
    return torch.stack([torch.randn(shape, generator=_seeded(place)) for place in range(count)])


def _seeded(place: int) -> torch.Generator:
    return torch.Generator().manual_seed(place)


def _clip(backbone: Backbone) -> tuple[int, ...]:
    """The shape of a clip: [T] samples or [T, F] frames."""
    if backbone.spec.provider != "transformers":
        return (backbone.spec.sample_rate or 16_000,)
    from zoo.providers.transformers_speech import trial as upstream

    shape: Tensor = upstream(backbone.spec, backbone.module.config)
    return tuple(shape.shape[1:])
