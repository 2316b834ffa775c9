"""Spans of frames to hide: starts drawn at random, each hiding a few frames, as wav2vec 2.0 and HuBERT do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor


def spans(lengths: Tensor, frames: int, generator: Generator, rate: float, span: int) -> Tensor:
    """Which frames [B, frames] are hidden: at least one of each clip, and never all of one that has two or more.

    Of a clip of L frames, `rate * L` (rounded up or down at random) are starts; spans may overlap. In a clip that is
    not longer than a span the span is half of it.

    Args:
        lengths: real frames of each clip [B].
        frames: of the batch.
        generator: of all randomness.
        rate: share of the frames that are starts.
        span: frames that a start hides.

    Example:
        >>> spans(torch.tensor([8, 3]), 8, torch.Generator().manual_seed(0), 0.1, 4).sum(1).tolist()
        [4, 1]
    """
    hidden = torch.zeros(len(lengths), frames, dtype=torch.bool)
    for row, length in zip(hidden, lengths.tolist(), strict=True):
        size = span if length > span else max(1, length // 2)
        draws = torch.rand(1 + length, generator=generator, device=generator.device).cpu()
        places = max(1, length - size + 1)
        count = min(max(1, int(rate * length + draws[0].item())), places)
        for start in draws[1 : 1 + places].argsort()[:count].tolist():
            row[start : start + size] = True
        if length > 1 and bool(row[:length].all()):
            row[int(draws[-1].item() * length)] = False
    return hidden.to(lengths.device)
