"""Parameter groups for an optimiser: which weights decay, and how fast each depth of a network learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.adaptations.depths import depths
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from zoo.contracts import Backbone, ParameterGroup


def parameter_groups(module: nn.Module, *, lr: float, weight_decay: float) -> list[ParameterGroup]:
    """Trainable parameters in two groups: matrices and kernels decay, vectors (biases, norms) do not.

    Example:
        >>> from torch import nn
        >>> [group["weight_decay"] for group in parameter_groups(nn.Linear(2, 2), lr=0.1, weight_decay=0.05)]
        [0.05, 0.0]
    """
    return _two(module.parameters(), lr, weight_decay)


def layered_groups(backbone: Backbone, *, lr: float, weight_decay: float, layer_decay: float) -> list[ParameterGroup]:
    """Groups by depth: what lies after the last block learns at `lr`, each block before it `layer_decay` times slower.

    Source: layer-wise learning-rate decay as in BEiT (Bao et al. 2021, https://arxiv.org/abs/2106.08254) and MAE.

    Raises:
        IncompatibleError: the network has no row of blocks to tell depth by.

    Example:
        >>> import zoo
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> groups = layered_groups(backbone, lr=1.0, weight_decay=0.0, layer_decay=0.5)
        >>> sorted({group["lr"] for group in groups})  # the stem, then four blocks
        [0.03125, 0.0625, 0.125, 0.25, 0.5]
    """
    found, count = depths(backbone)
    if not count:
        raise IncompatibleError(
            f"layer_decay={layer_decay:g} needs blocks to tell depth by, and {backbone.spec.name} "
            f"({type(backbone.module).__name__}) has no row of them. Fix: layer_decay=1."
        )
    named = dict(backbone.module.named_parameters())
    groups = []
    for depth in sorted(set(found.values())):
        own = [named[name] for name, lies in found.items() if lies == depth]
        groups += _two(own, lr * layer_decay ** (count + 1 - depth), weight_decay)
    return groups


def _two(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> list[ParameterGroup]:
    trainable = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
