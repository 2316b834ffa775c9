"""Augmentation of texts as token numbers, without knowing their tokenizer."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from zoo.data.draws import uniform


def token_dropout(x: Tensor, mask: Tensor, generator: Generator, *, rate: float = 0.1) -> Tensor:
    """Some tokens of each text give way to others of the same text; shape as `x`.

    A token that is taken out leaves no gap: a shorter text could not share a batch with its neighbours where the
    network allows no padding. What stands in for it is drawn from the text itself, so that it is a word of this data
    and never a padding or mask token, whose numbers only the tokenizer knows. The first and the last real token, and
    all that equal one of them (the separator between two texts), are special in most tokenizers: they are neither
    replaced nor drawn.

    Args:
        x: token numbers [B, T], int64.
        mask: [B, T] bool, real tokens first; what lies beyond is not touched.
        generator: the only source of randomness.
        rate: the share of tokens that are replaced (by the same number, now and then).

    Source: the smoothing of Xie et al. 2017, Data noising as smoothing in neural network language models
    (https://arxiv.org/abs/1703.02573), with each text's own words.

    Example:
        >>> text = torch.tensor([[101, 7, 8, 9, 102, 0]])
        >>> mixed = token_dropout(text, text != 0, torch.Generator().manual_seed(0), rate=1.0)
        >>> mixed[0, [0, 4, 5]].tolist(), set(mixed[0, 1:4].tolist()) <= {7, 8, 9}
        ([101, 102, 0], True)
    """
    last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
    inner = mask & (x != x[:, :1]) & (x != x.gather(1, last))
    places = inner.int().argsort(dim=1, descending=True, stable=True)  # those that may be drawn come first
    number = inner.sum(1, keepdim=True)
    which = (uniform(x, generator, tuple(x.shape), 0, 1) * number).long().clamp(max=(number - 1).clamp(min=0))
    chosen = inner & (uniform(x, generator, tuple(x.shape), 0, 1) < rate)
    return torch.where(chosen, x.gather(1, places.gather(1, which)), x)
