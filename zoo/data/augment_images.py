"""Batched image augmentation on tensors: what corrupts pre-training images and what varies the few labelled ones.

Every function takes a batch and an explicit `torch.Generator`, its only source of randomness: the same batch and the
same generator state give the same answer, and the global random state is neither read nor moved. Numbers are drawn on
the generator's device and then moved to the batch's, so a CPU generator gives the same augmentation on every device.
Images are [B, C, H, W] float. Inputs are never written to.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from zoo.data.draws import normal, uniform

CANVAS_ZOOM = 0.86  # how much of the glyph canvas is seen: its 32-pixel drawing and a thin margin


def warp(
    x: Tensor,
    generator: Generator,
    *,
    size: int | None = None,
    rotation: float = 0.0,
    shear: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    shift: float = 0.0,
    elastic: float = 0.0,
    aspect: float = 0.0,
    zoom: float = 1.0,
) -> Tensor:
    """One bilinear resampling that does a random affine map and an elastic one, each image its own; black outside.

    The elastic part is a coarse random displacement field, smoothly interpolated, after Simard, Steinkraus and Platt,
    "Best practices for convolutional neural networks applied to visual document analysis" (ICDAR 2003).

    Args:
        x: images [B, C, H, W].
        generator: the only source of randomness.
        size: side of the square output in pixels; None keeps H x W.
        rotation: largest angle in degrees, either way.
        shear: largest horizontal shift per unit of height, either way.
        scale: smallest and largest magnification of the content.
        shift: largest translation in half image sides, either way and in both directions.
        elastic: standard deviation of the displacements in half image sides; each image uses a random part of it.
        aspect: largest log ratio by which width is squeezed and height stretched, either way.
        zoom: part of the image's side that is seen, the same for all (below 1 cuts away a margin).

    Returns:
        [B, C, H, W], or [B, C, size, size].

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> warp(torch.rand(2, 3, 40, 40), generator, size=32, rotation=15).shape
        torch.Size([2, 3, 32, 32])
    """
    count, _, height, width = x.shape
    out = (height, width) if size is None else (size, size)
    angle = uniform(x, generator, (count,), -rotation, rotation) * (math.pi / 180)
    shrink = 1 / uniform(x, generator, (count,), *scale)
    squeeze = uniform(x, generator, (count,), -aspect, aspect).exp()
    lean = uniform(x, generator, (count,), -shear, shear)
    theta = x.new_empty(count, 2, 3)  # from output to input coordinates, both from -1 to 1
    theta[:, 0, 0] = shrink * squeeze * angle.cos()
    theta[:, 0, 1] = (lean - shrink * squeeze * angle.sin()) * (height / width)  # angles are in pixels, not in sides
    theta[:, 1, 0] = shrink / squeeze * angle.sin() * (width / height)
    theta[:, 1, 1] = shrink / squeeze * angle.cos()
    theta[:, :, 2] = uniform(x, generator, (count, 2), -shift, shift)
    grid = F.affine_grid(theta, [count, 1, *out], align_corners=False) * zoom
    if elastic:
        coarse = normal(x, generator, (count, 2, 4, 4)) * elastic * uniform(x, generator, (count, 1, 1, 1), 0, 1)
        grid = grid + F.interpolate(coarse, size=out, mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def stroke_width(x: Tensor, generator: Generator, *, thicken: float = 0.25, thin: float = 0.15) -> Tensor:
    """Thicken bright strokes by a pixel on each side, or half thin them, with these probabilities; shape as `x`.

    Example:
        >>> dot = torch.zeros(1, 1, 5, 5).index_fill_(2, torch.tensor([2]), 1.0)  # a horizontal line
        >>> stroke_width(dot, torch.Generator(), thicken=1.0, thin=0.0).sum().item()
        15.0
    """
    chance = uniform(x, generator, (len(x),), 0, 1)
    thicker = F.max_pool2d(x, 3, stride=1, padding=1)
    thinner = 0.5 * x - 0.5 * F.max_pool2d(-x, 3, stride=1, padding=1)
    return _where(chance >= 1 - thin, thinner, _where(chance < thicken, thicker, x))


def low_resolution(x: Tensor, generator: Generator, *, coarse: float = 0.5, fine: float = 0.2) -> Tensor:
    """Show an image as if scanned at a low resolution: averaged, then bilinearly enlarged; shape as `x`.

    Args:
        x: images [B, C, H, W], sides of at least 2 pixels.
        generator: the only source of randomness.
        coarse: probability of cells of an eighth of the height (8 x 8 for a square image).
        fine: probability of cells of 2 x 2 pixels.

    Example:
        >>> low_resolution(torch.rand(4, 1, 32, 32), torch.Generator()).shape
        torch.Size([4, 1, 32, 32])
    """
    chance = uniform(x, generator, (len(x),), 0, 1)
    side = x.shape[-2:]
    eighth = max(1, x.shape[-2] // 8)
    low = F.interpolate(F.avg_pool2d(x, eighth), size=side, mode="bilinear", align_corners=False)
    half = F.interpolate(F.avg_pool2d(x, 2), size=side, mode="bilinear", align_corners=False)
    return _where(chance >= 1 - fine, half, _where(chance < coarse, low, x))


def tone(x: Tensor, generator: Generator, *, contrast: tuple[float, float] = (0.6, 1.1), noise: float = 0.12) -> Tensor:
    """Scale the brightness of images in [0, 1], add Gaussian noise of up to `noise`, clamp to [0, 1.2]; shape as `x`.

    Example:
        >>> tone(torch.ones(1, 1, 4, 4), torch.Generator(), contrast=(0.5, 0.5), noise=0.0).unique()
        tensor([0.5000])
    """
    return _noisy(x * _each(x, generator, *contrast), generator, noise)


def corrupt_glyphs(x: Tensor, generator: Generator) -> Tensor:
    """What glyph pre-training sees: strong warp, stroke width, low resolution, tone.

    Args:
        x: glyphs on their canvas [B, 1, 40, 40], in [0, 1].
        generator: the only source of randomness.

    Returns:
        [B, 1, 32, 32] in [0, 1.2].

    Example:
        >>> corrupt_glyphs(torch.rand(2, 1, 40, 40), torch.Generator()).shape
        torch.Size([2, 1, 32, 32])
    """
    warped = warp(
        x,
        generator,
        size=32,
        rotation=15,
        shear=0.25,
        scale=(0.75, 1.15),
        shift=0.08,
        elastic=0.10,
        aspect=0.35,
        zoom=CANVAS_ZOOM,
    )
    return tone(low_resolution(stroke_width(warped, generator), generator), generator)


def photometric(x: Tensor, generator: Generator) -> Tensor:
    """What texture pre-training sees: contrast and brightness, 30 % inverted, 30 % blurred, noise; geometry untouched.

    Args:
        x: images [B, C, H, W] in [0, 1].
        generator: the only source of randomness.

    Returns:
        [B, C, H, W] in [0, 1.2].

    Example:
        >>> photometric(torch.rand(2, 1, 32, 32), torch.Generator()).shape
        torch.Size([2, 1, 32, 32])
    """
    x = x * _each(x, generator, 0.4, 1.0) + _each(x, generator, 0.0, 0.3)
    x = _where(uniform(x, generator, (len(x),), 0, 1) < 0.3, 1 - x, x)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    x = _where(uniform(x, generator, (len(x),), 0, 1) < 0.3, blurred, x)
    return _noisy(x, generator, 0.12)


def warp_mild(x: Tensor, generator: Generator) -> Tensor:
    """The fine-tuning augmentation: a small warp, then brightness and faint noise; shape as `x`.

    It may get inputs of any mean and standard deviation, so it measures brightness from each channel's own minimum and
    in units of its own range: what comes in from outside the frame is that minimum (black), brightness 0.8 to 1.1
    stretches the distance from it, the noise is 3 % of the range, and the clamp is to 0 ... 1.2 ranges above it. For
    images that fill [0, 1] this is the plain recipe, and normalising first or last gives the same result:
    `warp_mild(a * x + b) == a * warp_mild(x) + b` for any positive a and any b per channel.

    Args:
        x: images [B, C, H, W], raw or normalised.
        generator: the only source of randomness.

    Example:
        >>> warp_mild(torch.rand(2, 3, 24, 32), torch.Generator()).shape
        torch.Size([2, 3, 24, 32])
    """
    low = x.amin((2, 3), keepdim=True)
    span = (x.amax((2, 3), keepdim=True) - low).clamp_min(torch.finfo(x.dtype).tiny)  # a flat channel stays flat
    unit = (x - low) / span
    unit = warp(unit, generator, rotation=12, shear=0.2, scale=(0.85, 1.1), shift=0.08, elastic=0.06, aspect=0.1)
    unit = unit * _each(x, generator, 0.8, 1.1) + normal(x, generator, unit.shape) * 0.03
    return unit.clamp(0, 1.2) * span + low


def crop_flip(
    x: Tensor,
    generator: Generator,
    *,
    area: tuple[float, float] = (0.25, 1.0),
    size: tuple[int, int] | None = None,
    mirror: float = 0.5,
) -> Tensor:
    """A part of each image enlarged to the whole frame, and half of the images mirrored left to right; shape as `x`.

    The part has 25 to 100 % of the area and 3/4 to 4/3 of the frame's own shape, and lies within the frame. Not for
    letters, digits, or anything else whose mirror image is something else.

    Args:
        x: images [B, C, H, W], raw or normalised: values are averaged bilinearly and nothing new comes in.
        generator: the only source of randomness.
        area: smallest and largest share of the area.
        size: height and width of what comes out; None keeps those of `x`.
        mirror: the part of the images that is mirrored.

    Source: the random resized crop of Szegedy et al. 2015, Going deeper with convolutions
    (https://arxiv.org/abs/1409.4842), which starts from 8 %; few labels do with less.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> crop_flip(torch.rand(2, 3, 24, 32), generator).shape
        torch.Size([2, 3, 24, 32])
    """
    count = len(x)
    share = uniform(x, generator, (count,), *area)
    aspect = uniform(x, generator, (count,), -math.log(4 / 3), math.log(4 / 3)).exp()
    side = torch.stack([(share * aspect).sqrt(), (share / aspect).sqrt()], 1).clamp(max=1.0)  # width, height
    centre = uniform(x, generator, (count, 2), -1, 1) * (1 - side)
    mirrored = uniform(x, generator, (count,), 0, 1) < mirror
    theta = x.new_zeros(count, 2, 3)
    theta[:, 0, 0] = torch.where(mirrored, -side[:, 0], side[:, 0])
    theta[:, 1, 1] = side[:, 1]
    theta[:, :, 2] = centre
    grid = F.affine_grid(theta, [count, 1, *(size or x.shape[2:])], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _each(x: Tensor, generator: Generator, low: float, high: float) -> Tensor:
    """One uniform number an image, [B, 1, 1, 1]."""
    return uniform(x, generator, (len(x), 1, 1, 1), low, high)


def _where(chosen: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Whole images: `yes` where `chosen` [B], else `no`."""
    return torch.where(chosen.view(-1, 1, 1, 1), yes, no)


def _noisy(x: Tensor, generator: Generator, noise: float) -> Tensor:
    """Add noise whose deviation is up to `noise`, drawn for each image, and clamp to [0, 1.2]."""
    return (x + normal(x, generator, x.shape) * noise * _each(x, generator, 0, 1)).clamp(0, 1.2)
