"""Two processes in one: a loss is run once to see what each part gathers, then again with what both gathered."""

import torch

from zoo.objectives.gathering import Gathered


def mean_of_two(loss, *wholes):
    """The mean over two halves of `loss(*parts, gather=...)`, with gradients through all that was gathered."""
    halves = [[whole.chunk(2)[rank] for whole in wholes] for rank in (0, 1)]
    sent = ([], [])
    for rank in (0, 1):

        def record(rows, rank=rank):
            sent[rank].append(rows)
            return Gathered(rows)

        loss(*halves[rank], gather=record)
    losses = []
    for rank in (0, 1):
        calls = iter(zip(*sent, strict=True))

        def gather(rows, rank=rank, calls=calls):
            return Gathered(torch.cat(next(calls)), rank * len(rows))

        losses.append(loss(*halves[rank], gather=gather))
    return (losses[0] + losses[1]) / 2
