"""Masked prediction for speech: spans of frames are hidden, and the network says which sound each was (HuBERT)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import Option, number, own_options, whole
from zoo.contracts import Backbone, Batch, Padded

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class MaskedPrediction:
    """Hide spans of what the waveform encoder gives; the loss is the cross-entropy of the clusters of hidden frames.

    Source: HuBERT, Hsu et al. 2021 (https://arxiv.org/abs/2106.07447), first round: 100 clusters of MFCC frames found
    by k-means, 8 % of the frames start a span of 10, and the logits of a frame are its cosines with learned vectors of
    the clusters over a temperature of 0.1. The clusters are found on clips of the source when the heads are built, at
    the network's own frame rate. Hidden frames become the network's own vector for them where it has one. Left out are
    what fairseq's code adds to the paper: a penalty on the waveform encoder's output, and its slower learning.

    Example:
        >>> MaskedPrediction(clusters=20).clusters
        20
    """

    needs: ClassVar[frozenset[str]] = frozenset({"tokens"})
    options: ClassVar[dict[str, Option]] = {
        "clusters": whole(100, least=2),
        "rate": number(0.08, "a share above 0 and below 1", lambda rate: 0 < rate < 1),
        "span": whole(10),
        "temperature": number(0.1, "a number above 0", lambda value: value > 0),
        "width": whole(256),
        "clips": whole(256),
    }
    divisible = True

    def __init__(self, **options: Any) -> None:
        chosen = own_options("masked_prediction", self, options)
        self.clusters, self.clips, self.width = chosen["clusters"], chosen["clips"], chosen["width"]
        self.rate, self.span, self.temperature = chosen["rate"], chosen["span"], chosen["temperature"]

    def build(self, backbone: Backbone, source: Any) -> nn.Module:
        """Clusters of `clips` clips of the source, drawn with a seed of their own, and the layers that predict them.

        Raises:
            IncompatibleError: the network does not turn waveforms into frames that can be hidden.
            DataError: the clips have too few frames for so many clusters.
            MissingDependency: torchaudio is not installed.
        """
        from zoo.objectives.clusters import ClusterHead, Clusters
        from zoo.objectives.hidden_frames import hidden_frames

        frames = hidden_frames(backbone)
        clusters = Clusters(self.clusters, backbone.spec.sample_rate or 16_000, frames.field, frames.stride)
        clusters.fit(_described(clusters, source, self.clips))
        self._frames = frames
        dimension = backbone.spec.token_dim or backbone.pooled_dim
        return ClusterHead(
            clusters, dimension, self.width, self.temperature, frames.width if frames.own is None else None
        )

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The same clips, and which frames [B, N] are hidden."""
        from zoo.objectives.hidden_frames import samples_of
        from zoo.objectives.parts import joined, parts_of
        from zoo.objectives.spans import spans

        inputs: Any = batch.inputs
        made = []
        for part in parts_of(inputs):
            samples = samples_of(part)
            lengths = (samples - self._frames.field).div(self._frames.stride, rounding_mode="floor") + 1
            made.append(spans(lengths, self._frames.count(_waves(part).shape[1]), generator, self.rate, self.span))
        return Batch(inputs, joined(made, inputs))

    def loss(self, backbone: Backbone, heads: Any, views: Batch) -> Tensor:
        """Mean cross-entropy over the hidden frames."""
        from torch.nn.functional import cross_entropy

        from zoo.objectives.hidden_frames import samples_of
        from zoo.objectives.parts import parts_of

        losses = []
        for part, hidden in zip(parts_of(views.inputs), parts_of(views.targets), strict=True):
            tokens = self._frames.encode(backbone, part, hidden, heads.vector)
            wanted = heads.clusters(_waves(part), samples_of(part))
            losses.append(cross_entropy(heads(tokens[hidden]), wanted[hidden], reduction="sum"))
        total: Tensor = sum(losses[1:], losses[0])
        return total / max(self.mass(views), 1)

    def mass(self, views: Batch) -> int:
        """How many frames are hidden."""
        from zoo.objectives.parts import parts_of

        return sum(int(part.sum()) for part in parts_of(views.targets))

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""


def _waves(part: Padded | Tensor) -> Tensor:
    return part.values if isinstance(part, Padded) else part


def _described(clusters: Any, source: Any, clips: int) -> list[Tensor]:
    """Descriptions [M, 39] of the real frames of clips, few at a time."""
    import torch

    from zoo.objectives.hidden_frames import samples_of
    from zoo.objectives.parts import parts_of

    generator, found, drawn = torch.Generator().manual_seed(0), [], 0
    while drawn < clips:
        size = min(16, clips - drawn)
        drawn += size
        for part in parts_of(source.batch(size, generator).inputs):
            found += clusters.describe_each(_waves(part).cpu(), samples_of(part).cpu())
    return found
