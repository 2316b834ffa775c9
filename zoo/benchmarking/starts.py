"""How each role's network starts: from scratch, from its trained weights, or from noise of the same scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.data.batches import substream
from zoo.providers.loading import load

if TYPE_CHECKING:
    from zoo.contracts import Backbone


def start(role: str, backbone: str, seed: int) -> Backbone:
    """The backbone of an arm as its training begins; `seed` draws what is random in it.

    Args:
        role: S, P, F or M (see `ROLES`).
        backbone: a name that `zoo.load` takes.
        seed: of the initialisation.

    Example:
        >>> start("S", "pocket/resnet10.glyphs", 0).spec.pooled_dim
        256
    """
    if role == "M":
        return matched_noise(load(backbone, seed=seed), load(backbone, pretrained=False, seed=seed), seed)
    return load(backbone, pretrained=role != "S", seed=seed)


def matched_noise(trained: Backbone, scratch: Backbone, seed: int) -> Backbone:
    """`scratch` with every parameter drawn from a normal of the mean and standard deviation of its trained tensor.

    It keeps the scale that pre-training gave each layer and none of the features, so an arm that starts from it tells
    how much of a gain is scale. Buffers (BatchNorm's statistics) stay those of scratch.

    Source:
        "Mean Var init" of Raghu et al. 2019, Transfusion, https://arxiv.org/abs/1902.07208, section 5.

    Example:
        >>> noise = start("M", "pocket/resnet10.glyphs", 0).module.state_dict()
        >>> trained = load("pocket/resnet10.glyphs").module.state_dict()
        >>> name = next(name for name, value in trained.items() if value.ndim == 4 and value.numel() > 10_000)
        >>> bool((noise[name].std() / trained[name].std() - 1).abs() < 0.05), bool((noise[name] == trained[name]).any())
        (True, False)
    """
    generator = torch.Generator().manual_seed(substream(seed, "matched noise"))
    own = dict(trained.module.named_parameters())
    with torch.no_grad():
        for name, parameter in sorted(scratch.module.named_parameters()):
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(own[name].mean() + drawn * own[name].std(correction=0))
    return scratch
