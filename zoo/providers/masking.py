"""Group normalisation over time that looks at each sample's real steps only, so that padding changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def masked_group_norm(norm: nn.GroupNorm, values: Tensor, lengths: Tensor) -> Tensor:
    """What `norm` gives for each sample alone, cut to its length.

    Args:
        norm: the layer; its weights are used as they are.
        values: [B, C, T]; what stands beyond a sample's length does not matter.
        lengths: [B], real steps of each sample.

    Returns:
        [B, C, T]; zeros beyond a sample's length.

    Example:
        >>> norm = torch.nn.GroupNorm(2, 4)
        >>> values = torch.randn(1, 4, 9)
        >>> alone = norm(values[:, :, :5])
        >>> torch.allclose(masked_group_norm(norm, values, torch.tensor([5]))[:, :, :5], alone, atol=1e-6)
        True
    """
    batch, channels, steps = values.shape
    real = (torch.arange(steps, device=values.device) < lengths[:, None]).view(batch, 1, 1, steps)
    grouped = values.view(batch, norm.num_groups, channels // norm.num_groups, steps).float()
    count = (lengths.clamp(min=1) * (channels // norm.num_groups)).view(batch, 1, 1, 1)
    mean = grouped.masked_fill(~real, 0).sum((2, 3), keepdim=True) / count
    centred = (grouped - mean).masked_fill(~real, 0)
    variance = centred.square().sum((2, 3), keepdim=True) / count
    normed = (centred * torch.rsqrt(variance + norm.eps)).view(batch, channels, steps).to(values.dtype)
    if norm.weight is not None:
        normed = normed * norm.weight[:, None] + norm.bias[:, None]
    return normed.masked_fill(~real.view(batch, 1, steps), 0)


def masked_mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """The mean [B, D] of the real tokens of each sample: `tokens` [B, N, D], `mask` [B, N] or None when all are real.

    Example:
        >>> masked_mean(torch.tensor([[[1.0], [3.0], [50.0]]]), torch.tensor([[True, True, False]])).tolist()
        [[2.0]]
    """
    if mask is None:
        return tokens.mean(1)
    return tokens.masked_fill(~mask[..., None], 0).sum(1) / mask.sum(1, keepdim=True)
