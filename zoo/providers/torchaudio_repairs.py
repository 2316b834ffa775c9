"""Repairs of torchaudio's wav2vec 2.0 family, so that a clip's features do not depend on the padding around it.

Two layers get another `forward` by a subclass; names and shapes of all weights stay those of torchaudio:

- the first convolution of the `group_norm` variants normalises over time, padding included (features move by 20 %);
- WavLM's attention refuses the mask that its own encoder makes (https://github.com/pytorch/audio/issues/3700).

Imported by the provider alone, once torchaudio is known to be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchaudio.models.wav2vec2.components import ConvLayerBlock
from torchaudio.models.wav2vec2.wavlm_attention import WavLMSelfAttention

from zoo.providers.masking import masked_group_norm

if TYPE_CHECKING:
    from torch import Tensor


class MaskedConvLayerBlock(ConvLayerBlock):  # type: ignore[misc]  # torchaudio ships no types
    """Torchaudio's convolution block, with statistics over each clip's real steps only."""

    def forward(self, x: Tensor, length: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if length is None:
            made: tuple[Tensor, Tensor | None] = super().forward(x, length)
            return made
        x = self.conv(x)
        length = (torch.div(length - self.kernel_size, self.stride, rounding_mode="floor") + 1).clamp(min=0)
        x = masked_group_norm(self.layer_norm, x, length)
        return nn.functional.gelu(x), length


class MaskedWavLMSelfAttention(WavLMSelfAttention):  # type: ignore[misc]  # torchaudio ships no types
    """Torchaudio's attention of WavLM, which takes the mask of its encoder as one of keys."""

    def forward(
        self,
        query: Tensor,
        key_padding_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        if attention_mask is not None:  # [B, 1, T, T], below 0 at the keys that are padding, the same for all queries
            padding = attention_mask[:, 0, 0] < 0
            key_padding_mask = torch.zeros_like(padding, dtype=query.dtype).masked_fill(padding, -torch.inf)
        made: tuple[Tensor, Tensor | None] = super().forward(query, key_padding_mask, None, position_bias)
        return made


def repair(module: Any) -> None:
    """Give the two layers of a network their repaired class, in place."""
    for part in module.modules():
        if type(part) is ConvLayerBlock and isinstance(part.layer_norm, nn.GroupNorm):
            part.__class__ = MaskedConvLayerBlock
        elif type(part) is WavLMSelfAttention:
            part.__class__ = MaskedWavLMSelfAttention
