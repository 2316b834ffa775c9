"""The decoder of a masked autoencoder: a small transformer that paints all patches from the visible ones' tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from zoo.providers.positions import sine_cosine

if TYPE_CHECKING:
    from torch import Tensor

HEAD = 32  # channels of an attention head: 512 / 16 in the paper


class MaeDecoder(nn.Module):
    """Tokens [B, prefix + K, D] of visible patches to pixels [B, N, P] of all of them, in the order of the image.

    Source: He et al. 2021 (https://arxiv.org/abs/2111.06377), section 3: the visible tokens and one learned token in
    each place of a hidden patch, with fixed sine-cosine positions, go through blocks of pre-norm attention.

    Example:
        >>> decoder = MaeDecoder(48, grid=(4, 4), prefix=1, pixels=12, width=64, depth=1)
        >>> decoder(torch.zeros(2, 1 + 4, 48), torch.arange(16).expand(2, -1)).shape
        torch.Size([2, 16, 12])
    """

    positions: Tensor

    def __init__(
        self, dimension: int, *, grid: tuple[int, int], prefix: int, pixels: int, width: int, depth: int
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self.embed = nn.Linear(dimension, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        nn.init.normal_(self.mask_token, std=0.02)
        self.register_buffer("positions", sine_cosine(grid, width)[None], persistent=False)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, width // HEAD, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.predict = nn.Linear(width, pixels)

    def forward(self, tokens: Tensor, restore: Tensor) -> Tensor:
        """`restore` [B, N]: of each patch of the image its place in `visible patches, then hidden ones`."""
        tokens = self.embed(tokens)
        first, shown = tokens[:, : self.prefix], tokens[:, self.prefix :]
        hidden = self.mask_token.expand(len(tokens), restore.shape[1] - shown.shape[1], -1)
        whole = torch.cat([shown, hidden.to(shown.dtype)], dim=1)
        whole = whole.gather(1, restore[..., None].expand(-1, -1, whole.shape[2])) + self.positions
        whole = torch.cat([first, whole], dim=1)
        for block in self.blocks:
            whole = block(whole)
        found: Tensor = self.predict(self.norm(whole))[:, self.prefix :]
        return found
