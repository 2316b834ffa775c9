"""A small batch of noise through a backbone, to see what really runs in it and what receives a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from zoo.contracts import Backbone


def probe(backbone: Backbone) -> Any:
    """Two samples of noise as this backbone takes them: what `preprocess` gives for raw samples of its modality.

    Example:
        >>> import zoo
        >>> probe(zoo.load("pocket/resnet10.glyphs")).shape
        torch.Size([2, 1, 32, 32])
    """
    import numpy as np
    import torch

    spec, rng = backbone.spec, np.random.default_rng(0)
    texts = ["a first text for the probe", "and another one that differs"]
    if spec.modality == "text":
        return backbone.preprocess(texts)
    if spec.modality == "speech":
        seconds = spec.sample_rate or 16_000
        return backbone.preprocess([0.1 * rng.standard_normal(seconds).astype(np.float32) for _ in range(2)])
    if spec.modality == "image-text":
        from PIL import Image

        images = [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in texts]
        return backbone.preprocess(list(zip(images, texts, strict=True)))
    return torch.from_numpy(rng.standard_normal((2, *(spec.input_size or ()))).astype(np.float32))


def run_watched(backbone: Backbone, handles: Sequence[Any]) -> None:
    """Encode a probe batch in evaluation mode, then remove the hooks `handles`; the mode is left as it was.

    Example:
        >>> import zoo
        >>> backbone, seen = zoo.load("pocket/resnet10.glyphs"), []
        >>> run_watched(backbone, [backbone.module.conv1.register_forward_hook(lambda *_: seen.append(1))])
        >>> len(seen)
        1
    """
    import torch

    training = backbone.module.training
    try:
        backbone.module.eval()
        with torch.no_grad():
            backbone.encode(probe(backbone))
    finally:
        for handle in handles:
            handle.remove()
        backbone.module.train(training)


def receiving(backbone: Backbone, weights: Mapping[str, Tensor]) -> set[str]:
    """The names of those weights that receive a gradient which is not all zero, from `pooled` of a probe batch.

    Weights that are all zero hide what lies behind them (the last norm of a residual branch, one half of a LoRA), so
    they hold small numbers while this looks. All is left as it was: weights, `requires_grad`, gradients, mode.

    Example:
        >>> import zoo
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> named = dict(backbone.module.named_parameters())
        >>> receiving(backbone, named) == set(named)
        True
    """
    import torch

    if not weights:
        return set()
    flags = {name: weight.requires_grad for name, weight in weights.items()}
    training = backbone.module.training
    zero = [(weight, weight.detach().clone()) for weight in backbone.module.parameters() if not bool(weight.any())]
    generator = torch.Generator().manual_seed(0)
    try:
        with torch.no_grad():
            for empty, _ in zero:
                empty.copy_(0.02 * torch.randn(empty.shape, generator=generator))
        for weight in weights.values():
            weight.requires_grad_(True)
        backbone.module.eval()
        with torch.enable_grad():
            total = sum(_mixed(features.pooled) for features in backbone.encode(probe(backbone)).values())
        gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    finally:
        with torch.no_grad():
            for empty, own in zero:
                empty.copy_(own)
        for name, weight in weights.items():
            weight.requires_grad_(flags[name])
        backbone.module.train(training)
    return {name for name, got in zip(weights, gradients, strict=True) if got is not None and bool(got.ne(0).any())}


def _mixed(pooled: Tensor) -> Any:
    """One number that depends on every value in its own way; a plain sum has no gradient through a norm."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return (pooled * torch.randn(pooled.shape, generator=generator).to(pooled.device)).sum()
