"""CLIP: an image and its text are alike, and unlike all others of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import number, own_options
from zoo.contracts import Backbone, Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from zoo.data.generated import Source


class Clip:
    """Contrast images with texts by cross-entropy over the batch, in both directions.

    Source: Radford et al. 2021 (https://arxiv.org/abs/2103.00020); equal to open_clip's ClipLoss. As in the paper: a
    learned scale that begins at 1 / 0.07, or where the network has it, and never exceeds 100. Its batches have 32,768
    pairs; the larger the batch the better.

    Options:
        scale: where the scale of the cosines begins if the network has none of its own.

    Example:
        >>> round(Clip().scale, 2)
        14.29
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {"scale": number(1 / 0.07, "from 1 to 100", lambda value: 1 <= value <= 100)}
    divisible = False
    gathers = True
    least = 2  # samples of a batch: one alone has nothing to be told from

    def __init__(self, **options: Any) -> None:
        own = own_options("clip", self, options)
        self.scale: float = own["scale"]

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The scale of the cosines, where the network has none.

        Raises:
            IncompatibleError: no backbone of images and texts.
        """
        from zoo.objectives.pairs import Logits, check_pairs

        check_pairs("clip", backbone)
        self._source = source
        self._logits = Logits(backbone.module, self.scale)
        return self._logits

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """One augmented view of each pair, as the source makes it."""
        return Batch(self._source.corrupt(batch.inputs, generator), batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """The mean of both cross-entropies, over the batch of all processes.

        Raises:
            IncompatibleError: samples that are not pairs of an image and a text.
        """
        from zoo.objectives.contrastive import clip_loss
        from zoo.objectives.gathering import gather_here
        from zoo.objectives.pairs import towers

        pairs: Any = views.inputs
        images, texts = towers(backbone, pairs)
        return clip_loss(images, texts, heads.factor(), heads.offset(), gather_here())  # type: ignore[operator]

    def after_step(self) -> None:
        """The scale stays between 1 and 100."""
        self._logits.clamp()
