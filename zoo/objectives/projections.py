"""Small networks that stand between features and a self-supervised loss, and are thrown away afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def mlp(width: int, hidden: int, out: int) -> nn.Sequential:
    """Two layers with a ReLU between them, [B, width] -> [B, out].

    Example:
        >>> import torch
        >>> mlp(8, 16, 4)(torch.ones(2, 8)).shape
        torch.Size([2, 4])
    """
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))


class Prototypes(nn.Module):
    """The head of DINO: an MLP of three layers, then cosines [B, out] with learned prototypes.

    Source: Caron et al. 2021 (https://arxiv.org/abs/2104.14294), appendix C: hidden 2048, bottleneck 256, the length of
    the prototypes fixed at 1.

    Example:
        >>> import torch
        >>> Prototypes(8, hidden=16, bottleneck=4, out=10)(torch.ones(2, 8)).abs().max().item() <= 1.0001
        True
    """

    def __init__(self, width: int, hidden: int, bottleneck: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, bottleneck)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.prototypes = nn.Parameter(nn.Linear(bottleneck, out, bias=False).weight.detach().clone())

    def forward(self, features: Tensor) -> Tensor:
        """Features [B, width] to cosines [B, out]."""
        point = functional.normalize(self.layers(features), dim=-1)
        return point @ functional.normalize(self.prototypes, dim=-1).T
