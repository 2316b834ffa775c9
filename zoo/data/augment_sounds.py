"""Augmentation of sound: of waveforms, and of spectrogram frames. What is padded stays as it was.

Every function takes values with the mask of what is real and an explicit `torch.Generator`, its only source of
randomness. Inputs are never written to.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from zoo.data.draws import normal, uniform


def shift_gain_noise(
    x: Tensor,
    mask: Tensor,
    generator: Generator,
    *,
    shift: float = 0.1,
    gain: float = 6.0,
    noise: tuple[float, float] = (10.0, 40.0),
) -> Tensor:
    """Move each clip in time, make it louder or softer, and add white noise; shape as `x`.

    Args:
        x: waveforms [B, T].
        mask: [B, T] bool, real samples first; what lies beyond is not touched.
        generator: the only source of randomness.
        shift: largest move in lengths of the clip, either way; what leaves at one end comes in at the other.
        gain: largest change of loudness in dB, either way.
        noise: least and largest ratio of the clip's own power to that of the noise, in dB; silence stays silent.

    Example:
        >>> wave, generator = torch.randn(2, 16_000), torch.Generator().manual_seed(0)
        >>> shift_gain_noise(wave, torch.ones(2, 16_000, dtype=torch.bool), generator).shape
        torch.Size([2, 16000])
    """
    count, steps = x.shape
    lengths = mask.sum(1, keepdim=True).clamp(min=1)
    moved = (uniform(x, generator, (count, 1), -shift, shift).float() * lengths).round().long()
    at = (torch.arange(steps, device=x.device) - moved) % lengths
    louder = 10 ** (uniform(x, generator, (count, 1), -gain, gain) / 20)
    ratio = 10 ** (uniform(x, generator, (count, 1), *noise) / 20)
    power = (x.square() * mask).sum(1, keepdim=True) / lengths
    changed = (x.gather(1, at) + normal(x, generator, (count, steps)) * power.sqrt() / ratio) * louder
    return torch.where(mask, changed, x)


def spec_masks(
    x: Tensor, mask: Tensor, generator: Generator, *, times: float = 0.1, bins: float = 0.15, count: int = 2
) -> Tensor:
    """Cover bands of time and of frequency with the clip's own mean; shape as `x`.

    Args:
        x: spectrogram frames [B, T, F].
        mask: [B, T] bool, real frames first; what lies beyond is not touched.
        generator: the only source of randomness.
        times: largest part of the clip's own length that one band of time covers.
        bins: largest part of the F bins that one band of frequency covers.
        count: how many bands of each.

    Source: Park et al. 2019, SpecAugment (https://arxiv.org/abs/1904.08779), without its warping of time, which it
    found to matter least.

    Example:
        >>> frames, generator = torch.randn(2, 100, 80), torch.Generator().manual_seed(0)
        >>> covered = spec_masks(frames, torch.ones(2, 100, dtype=torch.bool), generator)
        >>> bool((covered != frames).any()), covered.shape
        (True, torch.Size([2, 100, 80]))
    """
    _, steps, width = x.shape
    lengths = mask.sum(1, keepdim=True)
    mean = (x * mask[..., None]).sum((1, 2)) / (lengths[:, 0].clamp(min=1) * width)
    covered = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
    whole = torch.full_like(lengths, width)
    for _ in range(count):
        covered |= _band(x, generator, lengths, times, steps)[:, :, None]
        covered |= _band(x, generator, whole, bins, width)[:, None, :]
    return torch.where(covered & mask[..., None], mean[:, None, None], x)


def _band(x: Tensor, generator: Generator, lengths: Tensor, most: float, size: int) -> Tensor:
    """[B, size] bool: one run of places in each row, up to `most` of its length [B, 1] and within it."""
    drawn = uniform(x, generator, (2, len(lengths), 1), 0, 1).float()
    run = (drawn[0] * (most * lengths + 1)).floor().clamp(max=(most * lengths).floor())
    start = (drawn[1] * (lengths - run + 1)).floor().clamp(max=lengths - run)
    at = torch.arange(size, device=x.device)
    return (at >= start) & (at < start + run)
