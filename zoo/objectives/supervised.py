"""Supervised pre-training: cross-entropy over the labels of the pre-training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts import Backbone, Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor, nn

    Corrupt = Callable[[Tensor, torch.Generator], Tensor]


class Supervised:
    """Classify every sample into one of `classes`, with label smoothing.

    Source: label smoothing of Szegedy et al. 2016 (https://arxiv.org/abs/1512.00567); the head is one linear layer.

    Example:
        >>> Supervised(classes=3, corrupt=lambda inputs, generator: inputs).needs
        frozenset({'pooled'})
    """

    needs = frozenset({"pooled"})
    divisible = True  # its loss is a mean over samples: a batch that does not fit into memory may be cut

    def __init__(self, classes: int, corrupt: Corrupt, label_smoothing: float = 0.0) -> None:
        self.classes = classes
        self.corrupt = corrupt
        self.label_smoothing = label_smoothing

    def build(self, backbone: Backbone) -> nn.Module:
        """A linear head [D] -> [classes]."""
        from torch import nn

        return nn.Linear(backbone.pooled_dim, self.classes)

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Corrupted inputs, same targets."""
        return Batch(self.corrupt(batch.inputs, generator), batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Mean cross-entropy over the batch."""
        from torch.nn import functional

        logits = heads(backbone.encode(views.inputs)[backbone.spec.modality].pooled)
        return functional.cross_entropy(logits, views.targets, label_smoothing=self.label_smoothing)

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""
