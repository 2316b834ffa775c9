"""A backbone and the heads of a pre-training objective as one module, which the training loop takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from zoo.contracts import Backbone, Batch, Objective
    from zoo.data.generated import Source


class ObjectiveLearner(nn.Module):
    """Backbone and pre-training heads; its forward is the objective's loss."""

    def __init__(self, backbone: Backbone, objective: Objective, source: Source) -> None:
        super().__init__()
        self.module = backbone.module
        self.heads = objective.build(backbone, source)
        self._backbone, self._objective = backbone, objective
        self.divisible = bool(getattr(objective, "divisible", False))
        self.gathers = bool(getattr(objective, "gathers", False))

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """What the objective learns from."""
        return self._objective.views(batch, generator)

    def mass(self, views: Batch) -> float:
        """What the loss of views is a mean over: as the objective says, else their samples."""
        own = getattr(self._objective, "mass", None)
        return float(own(views) if own else len(views.targets))

    def forward(self, batch: Batch, generator: torch.Generator | None) -> Tensor:
        """The loss of a batch, or of views (without a generator)."""
        seen = batch if generator is None else self.views(batch, generator)
        return self._objective.loss(self._backbone, self.heads, seen)
