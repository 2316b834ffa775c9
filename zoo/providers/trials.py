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
    generator = torch.Generator().manual_seed(0)
    if modality == "text":
        fixed = spec.modality == "image-text"
        length = (spec.context or 77) if fixed else min(TOKENS, spec.context or TOKENS)
        ids = torch.randint(5, 20, (count, length), generator=generator)
        texts = Padded(ids, torch.ones_like(ids, dtype=torch.bool))
        return Pair(text=texts) if fixed else texts
    if modality == "speech":
        clips = 0.1 * torch.randn(count, *_clip(backbone), generator=generator)
        return Padded(clips, torch.ones(clips.shape[:2], dtype=torch.bool))
    images = torch.randn(count, *(spec.input_size or (3, 224, 224)), generator=generator)
    return Pair(vision=images) if spec.modality == "image-text" else images


def _clip(backbone: Backbone) -> tuple[int, ...]:
    """The shape of a clip: [T] samples or [T, F] frames."""
    if backbone.spec.provider != "transformers":
        return (backbone.spec.sample_rate or 16_000,)
    from zoo.providers.transformers_speech import trial as upstream

    shape: Tensor = upstream(backbone.spec, backbone.module.config)
    return tuple(shape.shape[1:])
