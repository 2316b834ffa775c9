"""Random numbers for augmentations: drawn on the generator's device, then moved to where the batch is.

So a generator on the CPU gives the same augmentation on every device.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(x: Tensor, generator: Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """Uniform numbers from `low` to `high`, as `x` is (device, and dtype where that is a float).

    Example:
        >>> uniform(torch.zeros(1, dtype=torch.float64), torch.Generator(), (2, 3), 0.0, 1.0).dtype
        torch.float64
    """
    drawn = torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low
    return drawn.to(device=x.device, dtype=x.dtype if x.is_floating_point() else drawn.dtype)


def normal(x: Tensor, generator: Generator, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers, as `x` is (device, and dtype where that is a float).

    Example:
        >>> normal(torch.zeros(1, dtype=torch.long), torch.Generator(), (2,)).dtype
        torch.float32
    """
    drawn = torch.randn(shape, generator=generator, device=generator.device)
    return drawn.to(device=x.device, dtype=x.dtype if x.is_floating_point() else drawn.dtype)
