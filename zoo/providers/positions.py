"""Fixed sine-cosine positions of the patches of an image, and a repair of networks that were left without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def sine_cosine(grid: tuple[int, int], width: int) -> Tensor:
    """Positions [H * W, width] of a grid, a quarter of the channels each for sine and cosine of row and column.

    Example:
        >>> sine_cosine((1, 2), 4)
        tensor([[0.0000, 1.0000, 0.0000, 1.0000],
                [0.0000, 1.0000, 0.8415, 0.5403]])
    """
    rates = 1 / 10_000 ** (torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    rows, columns = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in grid), indexing="ij")
    angles = [places.flatten()[:, None] * rates for places in (rows, columns)]
    return torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())], dim=1).float()


def fill_positions(network: Any) -> None:
    """Give ViT-MAE of transformers its fixed positions, in place, where all of them are 0.

    transformers 5.23 sets them while it builds the network and then zeroes them in its last pass over all parts, so
    that a network from scratch, or a decoder, could not tell one place from another, and never learn to.
    """
    for part in network.modules():
        named: nn.Parameter | None = getattr(part, "decoder_pos_embed", None)
        if type(part).__name__ == "ViTMAEEmbeddings":
            named = part.position_embeddings
        if named is None or named.is_meta or bool(named.any()):
            continue
        side = int((named.shape[1] - 1) ** 0.5)  # its images are squares; its class token has no place
        rows, columns = sine_cosine((side, side), named.shape[2]).chunk(2, dim=1)
        with torch.no_grad():
            named[0, 1:] = torch.cat([columns, rows], dim=1)  # the order of the published weights
