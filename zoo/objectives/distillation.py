"""Distillation: the student's pooled features, projected, tell those of a frozen teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from zoo.adaptations.options import Option, one_of, own_options
from zoo.contracts import Backbone, Batch
from zoo.errors import InvalidRecord
from zoo.objectives.teacher_inputs import translation
from zoo.providers.bundles import pooled

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.data.generated import Source


class Distillation:
    """Give a teacher's pooled features, from the same view of each sample, over one linear layer.

    Any backbone with trained weights is a teacher that can be given the student's samples: for images any network of
    images (or image-text), for texts one with the same tokenizer, for sound one with the same rate and normalisation.

    Source: the regressor between unlike widths is that of FitNets (Romero et al. 2015,
    https://arxiv.org/abs/1412.6550), on the last features in place of a hidden layer's; one view for both networks
    is that of Beyer et al. 2022 (https://arxiv.org/abs/2106.05237).

    Options:
        teacher: the name of a backbone, or a folder, for `zoo.load`.
        distance: "cosine" is 1 - the cosine; "mse" the mean squared difference.

    Example:
        >>> Distillation(teacher="timm/resnet50.a1_in1k").distance
        'cosine'
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {
        "teacher": Option("", "the name of a backbone", str),
        "distance": one_of("cosine", "mse"),
    }
    divisible = True  # a mean over samples

    def __init__(self, **options: Any) -> None:
        own = own_options("distillation", self, options)
        self.teacher: str = own["teacher"]
        self.distance: str = own["distance"]
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The projection from the student's width to the teacher's, and the teacher itself.

        Raises:
            InvalidRecord: no teacher was named.
            UnknownName, WeightsError, Offline: as `zoo.load` says of the teacher.
            IncompatibleError: the teacher cannot be given the student's samples.
        """
        from zoo.providers.loading import load

        if not self.teacher:
            raise InvalidRecord(
                "distillation needs a teacher, received none. Fix: teacher=NAME, such as timm/resnet50.a1_in1k.",
                ("teacher",),
            )
        teacher = load(self.teacher)
        self._given, self.notes = translation(backbone, teacher)
        self.notes = (*teacher.notes, *self.notes)
        self._source, self._teacher = source, teacher
        return DistillationHeads(nn.Linear(backbone.pooled_dim, teacher.pooled_dim), Frozen(teacher.module))

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """One augmented view, which both networks see."""
        return Batch(self._source.corrupt(batch.inputs, generator), batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """The mean distance over the samples."""
        assert isinstance(heads, DistillationHeads)
        told = heads.projection(pooled(backbone, views.inputs))
        modality = "vision" if self._teacher.spec.modality == "image-text" else ""
        with torch.no_grad():
            wanted = pooled(self._teacher, self._given(views.inputs), modality)
        return feature_distance(told, wanted, self.distance)

    def after_step(self) -> None:
        """The teacher stays as it is."""


class Frozen(nn.Module):
    """A network that neither trains nor leaves evaluation mode."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Frozen:  # noqa: ARG002  (it never trains)
        """Stay in evaluation mode."""
        return super().train(False)


class DistillationHeads(nn.Module):
    """The layer that learns, and the teacher, which moves to the same device and is not trained."""

    def __init__(self, projection: nn.Module, teacher: Frozen) -> None:
        super().__init__()
        self.projection = projection
        self.teacher = teacher


def feature_distance(told: Tensor, wanted: Tensor, distance: str) -> Tensor:
    """The mean over samples of how far two sets of features [B, D] are apart, in float32.

    Example:
        >>> feature_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), "cosine").item()
        1.0
        >>> feature_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), "mse").item()
        2.5
    """
    if distance == "mse":
        return functional.mse_loss(told.float(), wanted.float())
    return (1 - functional.cosine_similarity(told.float(), wanted.float(), dim=-1)).mean()
