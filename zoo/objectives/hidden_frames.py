"""Frames of a waveform encoder that are hidden from the transformer above it, in wav2vec 2.0 and its kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Backbone, Padded
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class HiddenFrames:
    """How a network makes frames, and where they are hidden.

    Attributes:
        point: the part that gives the frames [B, N, D] which the transformer takes.
        field: samples that a frame sees.
        stride: samples between two frames.
        own: the network's own vector [D] for hidden frames, or None.
        width: D.
    """

    point: nn.Module
    field: int
    stride: int
    own: Tensor | None
    width: int

    def count(self, samples: int) -> int:
        """Frames of so many samples."""
        return max(0, (samples - self.field) // self.stride + 1)

    def encode(self, backbone: Backbone, part: Padded | Tensor, hidden: Tensor, vector: Tensor | None) -> Tensor:
        """Tokens [B, N, D] of clips of which the frames `hidden` [B, N] bool were replaced by the network's own vector.

        Args:
            vector: [D], for a network that has none of its own.
        """
        chosen = vector if self.own is None else self.own
        assert chosen is not None  # the heads have one where the network has none

        def hide(_part: nn.Module, _inputs: Any, out: Any) -> Any:
            frames = out[0] if isinstance(out, tuple) else out
            made = torch.where(hidden[..., None], chosen.to(frames.dtype), frames)
            return (made, *out[1:]) if isinstance(out, tuple) else made

        handle = self.point.register_forward_hook(hide)
        try:
            tokens = backbone.encode(part)["speech"].tokens
        finally:
            handle.remove()
        assert tokens is not None  # `needs` asks for tokens
        return tokens


def samples_of(part: Padded | Tensor) -> Tensor:
    """Real samples [B] of each clip."""
    if isinstance(part, Padded):
        return part.mask.sum(1)
    return torch.full((len(part),), part.shape[1], device=part.device)


def hidden_frames(backbone: Backbone) -> HiddenFrames:
    """Where frames can be hidden in a backbone; tried on a second of silence.

    Raises:
        IncompatibleError: it is no network of convolutions over a waveform and a transformer over their frames.
    """
    module: Any = backbone.module
    inner = module.encoder if backbone.spec.provider == "torchaudio" else module
    point, layers = getattr(inner, "feature_projection", None), _layers(module)
    if point is None or not layers:
        raise _refusal(backbone, "no frames of a waveform go into its transformer")
    field, stride = 1, 1
    for kernel, step in layers:
        field += (kernel - 1) * stride
        stride *= step
    seen: list[Tensor] = []
    handle = point.register_forward_hook(
        lambda _part, _inputs, out: seen.append(out[0] if isinstance(out, tuple) else out)
    )
    training = module.training
    module.eval()
    device = next(module.parameters()).device
    try:
        with torch.no_grad():
            tokens = backbone.encode(torch.zeros(1, 50 * stride + field, device=device))["speech"].tokens
    finally:
        handle.remove()
        module.train(training)
    if len(seen) != 1 or tokens is None or not seen[0].shape[1] == tokens.shape[1] == 51:
        raise _refusal(backbone, "its tokens are not the frames of its waveform encoder")
    own = getattr(module, "masked_spec_embed", None)
    return HiddenFrames(point, field, stride, own, seen[0].shape[2])


def _layers(module: Any) -> list[tuple[int, int]]:
    """Kernel and stride of each convolution over the waveform, of transformers or of torchaudio."""
    found = getattr(getattr(module, "feature_extractor", None), "conv_layers", ())
    convolutions = [getattr(layer, "conv", None) for layer in found]
    return [(one.kernel_size[0], one.stride[0]) for one in convolutions if one is not None]


def _refusal(backbone: Backbone, why: str) -> IncompatibleError:
    return IncompatibleError(
        f"{backbone.spec.name} cannot be trained by masked prediction: {why}. Fix: choose a network such as "
        "transformers/hubert, transformers/wav2vec2 or torchaudio/hubert_base."
    )
