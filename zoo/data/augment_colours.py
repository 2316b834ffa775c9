"""Colours of images as self-supervised learning varies them: jitter, grey, blur and solarisation, each by chance.

Images are [B, C, H, W] in [0, 1]; one of a single channel has no saturation and no hue. What is random comes from one
explicit generator.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from zoo.data.draws import uniform

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in all image libraries
# To luma and two axes of colour and back: hue turns the plane of the two axes.
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def colour_view(
    x: Tensor,
    generator: Generator,
    *,
    jitter: tuple[float, float, float, float],
    jitter_chance: float = 0.8,
    grey_chance: float = 0.2,
    blur_chance: float = 0.5,
    solarise_chance: float = 0.0,
) -> Tensor:
    """Jitter, then grey, then blur, then solarisation, each in some of the images; shape as `x`, in [0, 1].

    Args:
        x: images [B, C, H, W] in [0, 1].
        generator: the only source of randomness.
        jitter: most change of brightness, contrast, saturation (as parts of 1) and hue (as parts of a turn).
        jitter_chance, grey_chance, blur_chance, solarise_chance: the part of the images that each befalls.

    Source: Chen et al. 2020, SimCLR (https://arxiv.org/abs/2002.05709), appendix A; solarisation from Grill et al.
    2020, BYOL (https://arxiv.org/abs/2006.07733). The hue turns in YIQ, which is linear, and not in HSV; the four parts
    of the jitter come in one order.

    Example:
        >>> images = torch.rand(4, 3, 16, 16)
        >>> seen = colour_view(images, torch.Generator().manual_seed(0), jitter=(0.4, 0.4, 0.2, 0.1))
        >>> seen.shape, bool((seen >= 0).all() and (seen <= 1).all())
        (torch.Size([4, 3, 16, 16]), True)
    """
    x = _by_chance(x, jittered(x, generator, *jitter), generator, jitter_chance)
    x = _by_chance(x, greyed(x), generator, grey_chance)
    x = _by_chance(x, blurred(x, generator), generator, blur_chance)
    return _by_chance(x, torch.where(x < 0.5, x, 1 - x), generator, solarise_chance)


def jittered(
    x: Tensor, generator: Generator, brightness: float, contrast: float, saturation: float, hue: float
) -> Tensor:
    """Brightness, contrast, saturation and hue, each drawn for each image; shape as `x`, clamped to [0, 1].

    Example:
        >>> jittered(torch.rand(2, 1, 4, 4), torch.Generator(), 0.4, 0.4, 0.2, 0.1).shape
        torch.Size([2, 1, 4, 4])
    """
    x = (x * _factor(x, generator, brightness)).clamp(0, 1)
    mean = greyed(x).mean((1, 2, 3), keepdim=True)
    x = (mean + (x - mean) * _factor(x, generator, contrast)).clamp(0, 1)
    if x.shape[1] != 3:
        return x
    grey = greyed(x)
    x = (grey + (x - grey) * _factor(x, generator, saturation)).clamp(0, 1)
    return turned(x, uniform(x, generator, (len(x),), -hue, hue))


def turned(x: Tensor, turns: Tensor) -> Tensor:
    """Colours [B, 3, H, W] with the hue of each image turned by `turns` [B] of a whole turn; luma stays.

    Example:
        >>> image = torch.full((1, 3, 1, 1), 0.5)
        >>> turned(image, torch.tensor([0.25])).allclose(image)  # grey has no hue
        True
    """
    there = x.new_tensor(YIQ)
    there[1:] -= there[1:].mean(1, keepdim=True)  # the published numbers give grey a faint colour
    sine, cosine = (turns * 2 * math.pi).sin(), (turns * 2 * math.pi).cos()
    turn = torch.eye(3, dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)
    turn[:, 1, 1], turn[:, 1, 2], turn[:, 2, 1], turn[:, 2, 2] = cosine, -sine, sine, cosine
    whole = torch.linalg.inv(there) @ turn @ there
    return torch.einsum("bij,bjhw->bihw", whole, x).clamp(0, 1)


def greyed(x: Tensor) -> Tensor:
    """Every channel as the luma of the image; shape as `x`.

    Example:
        >>> greyed(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten()
        tensor([0.2990, 0.2990, 0.2990])
    """
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True).expand_as(x)
    return torch.einsum("bchw,c->bhw", x, x.new_tensor(GREY))[:, None].expand_as(x)


def blurred(x: Tensor, generator: Generator, *, sigma: tuple[float, float] = (0.1, 2.0)) -> Tensor:
    """A Gaussian blur whose width in pixels is drawn for each image, over a tenth of the side; shape as `x`.

    Example:
        >>> blurred(torch.ones(1, 3, 32, 32), torch.Generator()).allclose(torch.ones(1, 3, 32, 32))
        True
    """
    count, channels, height, width = x.shape
    reach = max(1, min(height, width) // 20)
    places = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = (-0.5 * (places / uniform(x, generator, (count, 1), *sigma)).square()).softmax(1)
    kernel = kernel.repeat_interleave(channels, 0)[:, None]
    flat = F.pad(x.reshape(1, -1, height, width), (reach,) * 4, mode="reflect")
    flat = F.conv2d(flat, kernel[:, :, None, :], groups=count * channels)
    return F.conv2d(flat, kernel[:, :, :, None], groups=count * channels).view_as(x)


def _factor(x: Tensor, generator: Generator, most: float) -> Tensor:
    return uniform(x, generator, (len(x), 1, 1, 1), max(0.0, 1 - most), 1 + most)


def _by_chance(x: Tensor, changed: Tensor, generator: Generator, chance: float) -> Tensor:
    return torch.where(uniform(x, generator, (len(x), 1, 1, 1), 0, 1) < chance, changed, x)
