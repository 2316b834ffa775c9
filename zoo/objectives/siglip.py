"""SigLIP: does this text belong to this image? A yes or no for each pair of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import number, own_options
from zoo.contracts import Backbone, Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from zoo.data.generated import Source


class SigLip:
    """Contrast images with texts by the sigmoid of each pair, with no softmax over the batch.

    Source: Zhai et al. 2023 (https://arxiv.org/abs/2303.15343); equal to open_clip's SigLipLoss. As in the paper: a
    learned scale and bias that begin at 10 and -10, or where the network has them; open_clip's bound of 100 on the
    scale. A network made for CLIP has a scale, which goes on from where it is, and no bias.

    Options:
        scale, bias: where they begin if the network has none of its own.

    Example:
        >>> SigLip().scale, SigLip().bias
        (10.0, -10.0)
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {
        "scale": number(10.0, "from 1 to 100", lambda value: 1 <= value <= 100),
        "bias": number(-10.0, "from -100 to 100", lambda value: abs(value) <= 100),
    }
    divisible = False
    gathers = True
    least = 2  # samples of a batch: one alone has nothing to be told from

    def __init__(self, **options: Any) -> None:
        own = own_options("siglip", self, options)
        self.scale: float = own["scale"]
        self.bias: float = own["bias"]

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The scale and bias of the cosines, where the network has none.

        Raises:
            IncompatibleError: no backbone of images and texts.
        """
        from zoo.objectives.pairs import Logits, check_pairs

        check_pairs("siglip", backbone)
        self._source = source
        self._logits = Logits(backbone.module, self.scale, self.bias)
        return self._logits

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """One augmented view of each pair, as the source makes it."""
        return Batch(self._source.corrupt(batch.inputs, generator), batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """The sigmoid loss of all pairs, over the batch of all processes.

        Raises:
            IncompatibleError: samples that are not pairs of an image and a text.
        """
        from zoo.objectives.contrastive import siglip_loss
        from zoo.objectives.gathering import gather_here
        from zoo.objectives.pairs import towers

        pairs: Any = views.inputs
        images, texts = towers(backbone, pairs)
        return siglip_loss(images, texts, heads.factor(), heads.offset(), gather_here())  # type: ignore[operator]

    def after_step(self) -> None:
        """The scale stays between 1 and 100."""
        self._logits.clamp()
