"""Contrastive losses as functions of features: which sample of the batch belongs to which.

Features need no length of 1: all are normalised here, in float32. `gather` brings the rows of other processes; each
returns the mean over the samples of this process, so that the mean over processes is the loss of the whole batch. All
refuse a batch that has one sample in all processes together (IncompatibleError): its loss would teach nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from zoo.errors import IncompatibleError
from zoo.objectives.gathering import alone

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.objectives.gathering import Gather, Gathered


def nt_xent(one: Tensor, other: Tensor, temperature: float, gather: Gather = alone) -> Tensor:
    """The normalised temperature-scaled cross-entropy: of 2 B - 1 other views, which is of the same sample?

    Args:
        one, other: two views [B, D] of the same samples.
        temperature: cosines are divided by it.
        gather: rows of all processes.

    Source: Chen et al. 2020, SimCLR (https://arxiv.org/abs/2002.05709), equation 1.

    Example:
        >>> views = torch.eye(3)
        >>> round(nt_xent(views, views, 1.0).item(), 4)  # one cosine of 1 among four of 0
        0.9048
    """
    one, other = _unit(one), _unit(other)
    everywhere = _several(gather(torch.stack([one, other], 1)))
    total = len(everywhere.rows)
    rows = everywhere.first + torch.arange(len(one), device=one.device)
    logits = torch.cat([one, other]) @ torch.cat([everywhere.rows[:, 0], everywhere.rows[:, 1]]).T / temperature
    itself = functional.one_hot(torch.cat([rows, rows + total]), 2 * total).bool()
    return functional.cross_entropy(logits.masked_fill(itself, float("-inf")), torch.cat([rows + total, rows]))


def in_batch_negatives(
    queries: Tensor, keys: Tensor, temperature: float, *, symmetric: bool = False, gather: Gather = alone
) -> Tensor:
    """Cross-entropy over cosines: of all keys [B, D], which belongs to a query [B, D]? With `symmetric` also backwards.

    Source: Henderson et al. 2017, Efficient natural language response suggestion (https://arxiv.org/abs/1705.00652).

    Example:
        >>> round(in_batch_negatives(torch.eye(2), torch.eye(2), 1.0).item(), 4)
        0.3133
    """
    queries, keys = _unit(queries), _unit(keys)
    everywhere = _several(gather(torch.stack([queries, keys], 1) if symmetric else keys[:, None]))
    rows = everywhere.first + torch.arange(len(queries), device=queries.device)
    loss = functional.cross_entropy(queries @ everywhere.rows[:, -1].T / temperature, rows)
    if not symmetric:
        return loss
    return (loss + functional.cross_entropy(keys @ everywhere.rows[:, 0].T / temperature, rows)) / 2


def clip_loss(
    images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor | None = None, gather: Gather = alone
) -> Tensor:
    """Which text belongs to an image, and which image to a text: the mean of both cross-entropies.

    Args:
        images, texts: [B, D], row by row of one sample.
        scale: cosines are multiplied by it.
        bias: added to them; it changes nothing here, and a network that has one keeps it in the graph.
        gather: rows of all processes.

    Source: Radford et al. 2021, CLIP (https://arxiv.org/abs/2103.00020); equal to open_clip's ClipLoss.

    Example:
        >>> round(clip_loss(torch.eye(2), torch.eye(2), torch.tensor(1.0)).item(), 4)
        0.3133
    """
    images, texts = _unit(images), _unit(texts)
    everywhere = _several(gather(torch.stack([images, texts], 1)))
    rows = everywhere.first + torch.arange(len(images), device=images.device)
    offset = 0.0 if bias is None else bias
    by_image = scale * images @ everywhere.rows[:, 1].T + offset
    by_text = scale * texts @ everywhere.rows[:, 0].T + offset
    return (functional.cross_entropy(by_image, rows) + functional.cross_entropy(by_text, rows)) / 2


def siglip_loss(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, gather: Gather = alone) -> Tensor:
    """Does this text belong to this image? Yes or no for each pair of the batch: summed over texts, mean over images.

    Args:
        images, texts: [B, D], row by row of one sample.
        scale, bias: a cosine c counts as `scale * c + bias`.
        gather: rows of all processes.

    Source: Zhai et al. 2023, SigLIP (https://arxiv.org/abs/2303.15343); equal to open_clip's SigLipLoss.

    Example:
        >>> loss = siglip_loss(torch.eye(2), torch.eye(2), torch.tensor(10.0), torch.tensor(-10.0))
        >>> round(loss.item(), 4)  # log 2 for each pair that belongs together
        0.6932
    """
    images, texts = _unit(images), _unit(texts)
    everywhere = _several(gather(texts))
    rows = everywhere.first + torch.arange(len(images), device=images.device)
    signs = 2.0 * functional.one_hot(rows, len(everywhere.rows)) - 1
    return -functional.logsigmoid(signs * (scale * images @ everywhere.rows.T + bias)).sum() / len(images)


def _several(everywhere: Gathered) -> Gathered:
    if len(everywhere.rows) < 2:
        raise IncompatibleError(
            "a contrastive loss tells the samples of a batch apart, and this batch has one. Fix: a batch size of 2 or "
            "more (and more data, where there is one sample)."
        )
    return everywhere


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features.float(), dim=-1)
