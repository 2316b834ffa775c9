"""The learned codes of wav2vec 2.0, and its loss as a function of what was said and what was heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from zoo.objectives.gathering import alone

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.objectives.gathering import Gather


class Quantiser(nn.Module):
    """Frames to codes: one of V entries in each of G books, chosen with a hard Gumbel softmax while it trains.

    Names and initialisation are those of transformers' Wav2Vec2GumbelVectorQuantizer.

    Source: Baevski et al. 2020, wav2vec 2.0 (https://arxiv.org/abs/2006.11477), section 2; Jang et al. 2016
    (https://arxiv.org/abs/1611.01144).

    Args:
        width: of the frames.
        groups, entries: G books of V entries.
        out: width of a code, G entries end to end.

    Example:
        >>> quantiser = Quantiser(8, groups=2, entries=5, out=6).eval()
        >>> codes, shares = quantiser(torch.randn(7, 8))
        >>> codes.shape, shares.shape
        (torch.Size([7, 6]), torch.Size([7, 2, 5]))
    """

    def __init__(self, width: int, groups: int, entries: int, out: int) -> None:
        super().__init__()
        self.codevectors = nn.Parameter(torch.rand(1, groups * entries, out // groups))
        self.weight_proj = nn.Linear(width, groups * entries)
        nn.init.normal_(self.weight_proj.weight)
        nn.init.zeros_(self.weight_proj.bias)
        self.groups, self.entries = groups, entries

    def forward(self, frames: Tensor, noise: Tensor | None = None, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Codes [M, out] of frames [M, width], and by how much each of them uses each entry [M, G, V].

        Args:
            frames: what is quantised.
            noise: Gumbel noise [M, G, V]; None chooses the best entry, through which no gradient passes.
            temperature: of the Gumbel softmax; without noise it changes nothing.
        """
        logits = self.weight_proj(frames).float().view(-1, self.groups, self.entries)
        if noise is None:
            used = chosen = functional.one_hot(logits.argmax(-1), self.entries).float()
        else:
            soft = ((logits + noise) / temperature).softmax(-1)
            hard = functional.one_hot(soft.argmax(-1), self.entries).float()
            chosen = hard - soft.detach() + soft
            used = logits.softmax(-1)
        books = self.codevectors.view(self.groups, self.entries, -1)
        return torch.einsum("mgv,gvd->mgd", chosen.to(books.dtype), books).flatten(1), used


def gumbel(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Gumbel noise, drawn on the generator's device.

    Example:
        >>> gumbel((2, 3), torch.Generator().manual_seed(0)).shape
        torch.Size([2, 3])
    """
    return -torch.empty(shape, device=generator.device).exponential_(generator=generator).log()


def contrastive_loss(said: Tensor, codes: Tensor, others: Tensor, temperature: float) -> Tensor:
    """The sum over hidden frames of the cross-entropy of the right code among others of the same clip.

    Args:
        said: [M, D], what the network says of each hidden frame.
        codes: [M, D], the code of each.
        others: [M, K], places in `codes`; one that equals the right code does not count.
        temperature: cosines are divided by it.

    Example:
        >>> codes = torch.eye(2)
        >>> round(contrastive_loss(codes, codes, torch.tensor([[1], [0]]), 1.0).item(), 4)
        0.6265
    """
    wrong = codes[others]
    rivals = torch.cat([codes[:, None], wrong], 1).float()
    logits = functional.cosine_similarity(said.float()[:, None], rivals, dim=-1) / temperature
    same = (codes[:, None] == wrong).all(-1)
    logits = torch.cat([logits[:, :1], logits[:, 1:].masked_fill(same, float("-inf"))], 1)
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long), reduction="sum")


def unused_part(used: Tensor, gather: Gather = alone) -> Tensor:
    """The diversity loss: the part of all entries that are not in use, (G V - perplexity) / G V.

    Args:
        used: [M, G, V], how much each hidden frame uses each entry.
        gather: what all processes use together.

    Example:
        >>> round(unused_part(torch.full((3, 2, 5), 0.2)).item(), 4), unused_part(torch.eye(4)[:1, None]).item()
        (0.0, 0.75)
    """
    counts = used.new_full((1,), float(len(used)))
    total = gather(counts).rows.sum()
    shares = gather(used.sum(0, keepdim=True)).rows.sum(0) / total
    # an entry that is never in use has a share of exactly 0, where the gradient of p log p is infinite
    perplexity = torch.exp(-(shares * shares.clamp_min(torch.finfo(shares.dtype).tiny).log()).sum(-1)).sum()
    return 1 - perplexity / shares.numel()
