"""A repair of transformers' wav2vec 2.0 family: a clip's features must not depend on the padding around it.

The first convolution of its `group` variants normalises over time, padding included (features move by 32 to 37 %). The
layer gets another `forward` by a subclass; names and shapes of all weights stay those of transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from zoo.providers.masking import masked_group_norm

if TYPE_CHECKING:
    from torch import Tensor


class MaskedGroupNorm(nn.GroupNorm):
    """Group norm over the first `lengths` [B] steps of each sample while these are set; else as its parent."""

    lengths: Tensor | None = None

    def forward(self, values: Tensor) -> Tensor:
        """Values [B, C, T] to normed values of the same shape."""
        return super().forward(values) if self.lengths is None else masked_group_norm(self, values, self.lengths)


def repair(network: Any) -> MaskedGroupNorm | None:
    """Give that norm its repaired class, in place, and return it; None for a network that has none."""
    layers = convolutions(network)
    norm = getattr(layers[0], "layer_norm", None) if layers else None
    if not isinstance(norm, nn.GroupNorm):
        return None
    norm.__class__ = MaskedGroupNorm
    return norm  # type: ignore[return-value]  # it is one now


def convolutions(network: Any) -> list[Any]:
    """The layers that turn a waveform into frames; empty for a network that reads something else."""
    return list(getattr(getattr(network, "feature_extractor", None), "conv_layers", ()))


def frames(layer: Any, samples: Tensor) -> Tensor:
    """Steps that a layer of `convolutions` gives for so many samples."""
    return (samples - layer.conv.kernel_size[0]) // layer.conv.stride[0] + 1


def shortest(network: Any) -> int:
    """The fewest samples that give one frame; 1 for networks that read something else than waveforms."""
    count = 1
    for layer in reversed(convolutions(network)):
        count = (count - 1) * layer.conv.stride[0] + layer.conv.kernel_size[0]
    return int(count)
