"""Parameter groups for an optimiser: which weights decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from zoo.contracts import ParameterGroup


def parameter_groups(module: nn.Module, *, lr: float, weight_decay: float) -> list[ParameterGroup]:
    """Trainable parameters in two groups: matrices and kernels decay, vectors (biases, norms) do not.

    Example:
        >>> from torch import nn
        >>> [group["weight_decay"] for group in parameter_groups(nn.Linear(2, 2), lr=0.1, weight_decay=0.05)]
        [0.05, 0.0]
    """
    trainable = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
