"""A linear layer that learns standardised targets and answers in their own units."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ScaledLinear(nn.Linear):
    """Features [B, D] to [B, 1]: a linear layer, times `deviation`, plus `mean`; both are saved with the model.

    Its weights learn targets of mean 0 and variance 1, so that rates and decays that suit one task suit any units.

    Example:
        >>> head = ScaledLinear(3)
        >>> head.settle(mean=20.0, deviation=10.0)
        >>> _ = nn.init.zeros_(head.weight), nn.init.ones_(head.bias)
        >>> head(torch.ones(1, 3)).tolist()
        [[30.0]]
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def settle(self, mean: float, deviation: float) -> None:
        """What the train part's targets are like."""
        self.mean.fill_(mean)
        self.deviation.fill_(deviation)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) * self.deviation + self.mean
