"""SimCLR: two views of an image are alike, and unlike all other images of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import number, one_of, own_options, whole
from zoo.contracts import Backbone, Batch
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from zoo.data.generated import Source
    from zoo.specs import BackboneSpec

JITTER = (0.8, 0.8, 0.8, 0.2)  # of the paper, at strength 1


class SimClr:
    """Tell the two views of a sample from all others, by NT-Xent over a projection of the pooled features.

    Source: Chen et al. 2020 (https://arxiv.org/abs/2002.05709). As in the paper: temperature 0.1, a projection of two
    layers to 128 as wide in between as the features, crops of 8 % to 100 %, jitter at strength 1. Its batches have 4096
    samples; the larger the batch the better.

    Options:
        temperature: of NT-Xent.
        width: of the projection.
        augmentation: "source" takes two of the source's own views; "paper" the crops, colours and blur of the paper.

    Example:
        >>> SimClr(temperature=0.5).temperature
        0.5
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {
        "temperature": number(0.1, "a number above 0", lambda value: value > 0),
        "width": whole(128),
        "augmentation": one_of("source", "paper"),
    }
    divisible = False
    gathers = True
    least = 2  # samples of a batch: one alone has nothing to be told from

    def __init__(self, **options: Any) -> None:
        own = own_options("simclr", self, options)
        self.temperature: float = own["temperature"]
        self.width: int = own["width"]
        self.augmentation: str = own["augmentation"]

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The projection [D] -> [width].

        Raises:
            IncompatibleError: no backbone of images; or the paper's views, and unknown statistics of the pixels.
        """
        from zoo.objectives.image_views import check_statistics
        from zoo.objectives.projections import mlp

        check_images("simclr", backbone)
        if self.augmentation == "paper":
            check_statistics("simclr", backbone.spec)
        self._source, self._spec = source, backbone.spec
        return mlp(backbone.pooled_dim, backbone.pooled_dim, self.width)

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """A tuple of two views, same targets."""
        both: Any = tuple(self._view(batch.inputs, generator, self._spec) for _ in range(2))
        return Batch(both, batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """NT-Xent over the batch of all processes. Both views go through the network together, as in the paper."""
        import torch

        from zoo.objectives.contrastive import nt_xent
        from zoo.objectives.gathering import gather_here

        one, other = views.inputs
        pooled = backbone.encode(torch.cat([one, other]))[backbone.spec.modality].pooled
        first, second = heads(pooled).chunk(2)
        return nt_xent(first, second, self.temperature, gather_here())

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""

    def _view(self, inputs: Tensor, generator: torch.Generator, spec: BackboneSpec) -> Tensor:
        from zoo.objectives.image_views import photo_view

        if self.augmentation == "source":
            view: Tensor = self._source.corrupt(inputs, generator)
            return view
        return photo_view(inputs, generator, spec, area=(0.08, 1.0), jitter=JITTER)


def check_images(name: str, backbone: Backbone) -> None:
    """Refuse a backbone that takes something else than images.

    Raises:
        IncompatibleError: it does.
    """
    if backbone.spec.modality != "vision":
        raise IncompatibleError(
            f"{name} is for images, and {backbone.spec.name} is for {backbone.spec.modality}. "
            "Fix: choose a backbone of the modality vision."
        )
