"""An exponential moving average of weights, which is smoother than the weights of any one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.training.stopping import moving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


class Average:
    """The average of everything that training changes: weights that train, and buffers (BatchNorm statistics).

    After step n (from 1) it moves towards the weights by 1 - d, d being the smaller of `decay` and (1 + n) / (10 + n),
    so that a short run does not end near its beginning. Buffers of whole numbers are copied.

    Source: averaging of Polyak and Juditsky 1992 (https://doi.org/10.1137/0330046), with the warm-up of TensorFlow's
    `ExponentialMovingAverage`.

    Example:
        >>> network = torch.nn.Linear(1, 1, bias=False)
        >>> average = Average(network, 0.999)
        >>> with torch.no_grad():
        ...     _ = network.weight.copy_(average.weights["weight"] + 11)
        >>> before = average.weights["weight"].clone()
        >>> average.update(network, 1)
        >>> round(float(average.weights["weight"] - before), 4)  # 1 - 2 / 11 of the way
        9.0
    """

    def __init__(self, learner: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {name: one.detach().clone() for name, one in moving(learner).items()}

    @torch.no_grad()
    def update(self, learner: nn.Module, done: int) -> None:
        """Take in the weights after step `done`, from 1."""
        weight = 1 - min(self.decay, (1 + done) / (10 + done))
        floats: tuple[list[Tensor], list[Tensor]] = ([], [])
        for name, one in moving(learner).items():
            if one.is_floating_point():
                floats[0].append(self.weights[name])
                floats[1].append(one.detach())
            else:
                self.weights[name].copy_(one)
        if floats[0]:
            torch._foreach_lerp_(floats[0], floats[1], weight)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from an average that was saved."""
        for name, one in self.weights.items():
            one.copy_(weights[name])

    @torch.no_grad()
    def restore(self, learner: nn.Module) -> None:
        """Give the network the average."""
        for name, one in moving(learner).items():
            one.copy_(self.weights[name])
