"""Which frames of speech are hidden, and which hidden frames a model has to tell apart from the right one."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def span_mask(lengths: Tensor, steps: int, generator: Generator, *, starts: float, span: int) -> Tensor:
    """[B, steps] bool: True in spans that begin at a part of the frames, drawn without replacement; they may overlap.

    A clip of 4 frames or more has at least one span, and one that is shorter than two spans has spans of half its
    length, so that something is left to hear; below 4 frames nothing is hidden.

    Args:
        lengths: [B], real frames of each clip, on the CPU.
        steps: frames of the batch.
        generator: the only source of randomness, on the CPU.
        starts: the part of the frames at which a span begins; the rest of the number is rounded by chance.
        span: its frames.

    Source: Baevski et al. 2020, wav2vec 2.0 (https://arxiv.org/abs/2006.11477), section 3.1.

    Example:
        >>> span_mask(torch.tensor([8, 3]), 8, torch.Generator().manual_seed(0), starts=0.1, span=4).sum(1).tolist()
        [4, 0]
    """
    mask = torch.zeros(len(lengths), steps, dtype=torch.bool)
    for row, length in zip(mask, lengths.tolist(), strict=True):
        chance = torch.rand((), generator=generator).item()
        if length < 4:
            continue
        own = min(span, length // 2)
        places = length - own + 1
        count = min(places, max(1, int(starts * length + chance)))
        first = torch.randperm(places, generator=generator)[:count]
        row[(first[:, None] + torch.arange(own)).flatten()] = True
    return mask


def other_hidden(mask: Tensor, count: int, generator: Generator) -> Tensor:
    """[B, T, count]: for each hidden frame others of the same clip, by their number among its hidden frames from 0.

    Frames that are not hidden have zeros. A clip with a single hidden frame has no others, and is refused by an error
    of torch.

    Args:
        mask: [B, T] bool, on the CPU.
        count: how many, with repetition.
        generator: the only source of randomness, on the CPU.

    Example:
        >>> other_hidden(torch.tensor([[True, True, False]]), 2, torch.Generator()).tolist()
        [[[1, 1], [0, 0], [0, 0]]]
    """
    found = torch.zeros(*mask.shape, count, dtype=torch.long)
    for row, own, hidden in zip(found, mask, mask.sum(1).tolist(), strict=True):
        if hidden:
            drawn = torch.randint(hidden - 1, (hidden, count), generator=generator)
            drawn += drawn >= torch.arange(hidden)[:, None]  # never the frame itself, and all others alike
            row[own] = drawn
    return found


def among_all(others: Tensor, mask: Tensor) -> Tensor:
    """[M, K]: what `other_hidden` gave, as places among all M hidden frames of these clips, row by row.

    Example:
        >>> mask = torch.tensor([[True, True, False], [True, False, True]])
        >>> among_all(torch.tensor([[[1], [0], [0]], [[1], [0], [0]]]), mask).flatten().tolist()
        [1, 0, 3, 2]
    """
    counts = mask.sum(1)
    before = counts.cumsum(0) - counts
    return (others + before[:, None, None])[mask]
