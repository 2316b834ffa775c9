"""Supervised pre-training: cross-entropy over the labels of the pre-training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import number, own_options
from zoo.contracts import Backbone, Batch
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor, nn

    from zoo.data.generated import Source


class Supervised:
    """Classify every sample into one of the source's classes, with label smoothing, from one corrupted view.

    Options:
        label_smoothing: 0 by default; a recipe gives it in `[training]`.

    Source: label smoothing of Szegedy et al. 2016 (https://arxiv.org/abs/1512.00567); the head is one linear layer.

    Example:
        >>> Supervised(label_smoothing=0.1).needs
        frozenset({'pooled'})
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {"label_smoothing": number(0.0, "from 0 to below 1", lambda value: 0 <= value < 1)}
    labelled = True  # it learns from targets: a source without classes is refused
    divisible = True  # its loss is a mean over samples: a batch that does not fit into memory may be cut

    def __init__(self, **options: Any) -> None:
        self.label_smoothing: float = own_options("supervised", self, options)["label_smoothing"]
        self._corrupt: Callable[[Any, torch.Generator], Any] | None = None

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """A linear head [D] -> [classes].

        Raises:
            IncompatibleError: the source has no labels.
        """
        from torch import nn

        if source.classes < 2:
            raise IncompatibleError(
                f"supervised learns from classes, and {source.name} has {source.classes or 'none'}. Fix: another "
                "objective, or data with labels."
            )
        self._corrupt = source.corrupt
        return nn.Linear(backbone.pooled_dim, source.classes)

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Corrupted inputs, same targets."""
        if self._corrupt is None:
            raise ValueError("views before build: which source the batch is from is not known")
        return Batch(self._corrupt(batch.inputs, generator), batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Mean cross-entropy over the batch."""
        from torch.nn import functional

        from zoo.providers.bundles import pooled

        logits = heads(pooled(backbone, views.inputs))
        return functional.cross_entropy(logits, views.targets, label_smoothing=self.label_smoothing)

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""
