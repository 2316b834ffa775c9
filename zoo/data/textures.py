"""Procedural textures: endless labelled images from eight families of formulas, all drawn in batches on tensors.

A class is one family and one point of its parameter space; a sample is that class with its parameters jittered and its
random parts (phase, positions, noise) drawn anew. Naming the class is the pre-training task: nothing is downloaded,
nobody is depicted, and no strokes are learnt, which is what makes it the counterpart of the glyphs. Formulas instead of
photographs follow FractalDB: Kataoka et al., "Pre-training without natural images" (ACCV 2020,
https://arxiv.org/abs/2101.08515).

Each family is a function `(parameters [B, 4] in [0, 1], generator, size) -> [B, 1, size, size]`, in any range; its
numbers are drawn on, and its result lies on, the generator's device.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from zoo.errors import DataError

Family = Callable[[Tensor, Generator, int], Tensor]

JITTER = 0.04  # standard deviation of the parameters within a class
FORMULAS = 1  # raise it when a formula changes: it is part of the digest


class Textures:
    """`classes` settings of the eight families, in turn, drawn from `seed`.

    Raises:
        DataError: fewer than one class.

    Example:
        >>> textures = Textures(classes=16)
        >>> textures.render(torch.tensor([0, 5, 5]), torch.Generator().manual_seed(0)).shape
        torch.Size([3, 1, 32, 32])
    """

    def __init__(self, classes: int = 240, seed: int = 0) -> None:
        if classes < 1:
            raise DataError(f"textures need at least one class, received classes={classes}. Fix: ask for 240.")
        self.classes = classes
        self.seed = seed
        self.families = torch.arange(classes) % len(FAMILIES)
        self.parameters = torch.rand(classes, 4, generator=torch.Generator().manual_seed(seed))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what defines the classes: the version of the formulas, the seed and all parameters."""
        head = f"textures formulas={FORMULAS} jitter={JITTER} classes={self.classes} seed={self.seed}"
        return hashlib.sha256(head.encode() + self.parameters.numpy().astype("<f4").tobytes()).hexdigest()

    def render(self, labels: Tensor, generator: Generator, size: int = 32) -> Tensor:
        """Draw one sample of each label.

        Args:
            labels: classes, int64 [B].
            generator: the only source of randomness.
            size: side of the images in pixels, at least 8.

        Returns:
            [B, 1, size, size] float in [0, 1], on the device of `labels`; each image uses the whole range.
        """
        classes = labels.cpu()
        device = generator.device
        jitter = JITTER * torch.randn((len(classes), 4), generator=generator, device=device)
        parameters = (self.parameters[classes].to(device) + jitter).clamp(0, 1)
        images = torch.empty(len(classes), 1, size, size, device=device)
        for index, family in enumerate(FAMILIES):
            rows = (self.families[classes] == index).nonzero()[:, 0].to(device)
            if len(rows):
                images[rows] = family(parameters[rows], generator, size)
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        return ((images - low) / (high - low + 1e-6)).to(labels.device)


def value_noise(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Clouds: four octaves of interpolated noise, folded where the second parameter says so.

    Source: fractional Brownian motion and turbulence of Perlin, "An image synthesizer" (SIGGRAPH 1985).
    """
    persistence, folded, _, _ = _columns(parameters)
    octaves = [_clouds(parameters, generator, cells, size) for cells in (3, 6, 12, 24)]
    x = torch.stack([(0.3 + 0.7 * persistence) ** k * octave for k, octave in enumerate(octaves)]).sum(0)
    return torch.where(folded > 0.5, x.abs(), x)


def grating(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Stripes of one frequency and direction, bent by noise; smooth or sharp."""
    frequency, bend, direction, sharp = _columns(parameters)
    u, _ = _turned(math.pi * direction + _uniform(parameters, generator, -0.3, 0.3), size)
    u = u + 0.5 * bend * _clouds(parameters, generator, 4, size)
    x = torch.sin(u * (3 + 17 * frequency) + _uniform(parameters, generator, 0, 2 * math.pi))
    return torch.where(sharp > 0.5, x.sign(), x)


def cellular(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Cells: distance to the nearest of 4 to 24 points, or between the two nearest, stretched one way.

    Source: Worley, "A cellular texture basis function" (SIGGRAPH 1996).
    """
    density, ridged, stretch, _ = (column.flatten(1) for column in _columns(parameters))
    count = len(parameters)
    points = torch.rand((count, 24, 2), generator=generator, device=generator.device) * 2 - 1
    used = (4 + 20 * density).long()
    points[torch.arange(24, device=points.device) >= used] = 9  # too far away to be anyone's nearest
    u, v = (axis.reshape(1, -1, 1) for axis in _axes(size, points.device))
    squared = (u - points[:, None, :, 0]) ** 2 + ((v - points[:, None, :, 1]) * (0.5 + 1.5 * stretch[:, None])) ** 2
    nearest = squared.topk(2, dim=2, largest=False).values.sqrt()
    x = torch.where(ridged > 0.5, nearest[..., 1] - nearest[..., 0], nearest[..., 0])
    return x.view(count, 1, size, size)


def dead_leaves(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Forty discs or squares of random grey that fall on one another.

    Source: Lee, Mumford and Huang, "Occlusion models for natural images" (IJCV 2001).
    """
    radius, square, _, _ = _columns(parameters)
    u, v = _axes(size, parameters.device)
    x = _uniform(parameters, generator, 0, 1).expand(-1, 1, size, size)
    for _ in range(40):
        across = (u - _uniform(parameters, generator, -1.1, 1.1)).abs()
        down = (v - _uniform(parameters, generator, -1.1, 1.1)).abs()
        spread = torch.randn((len(parameters), 1, 1, 1), generator=generator, device=generator.device)
        r = (0.08 + 0.4 * radius) * (0.4 * spread).exp()
        inside = torch.where(square > 0.5, torch.maximum(across, down) < r, across**2 + down**2 < r**2)
        x = torch.where(inside, _uniform(parameters, generator, 0, 1), x)
    return x


def iterated_functions(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Fractals: where 64 points wander under three random affine maps (the chaos game).

    The parameters mix four fixed sets of maps. Source: Barnsley, "Fractals everywhere" (1988), as used by FractalDB.
    """
    count, maps, device = len(parameters), 3, parameters.device
    basis = torch.randn(4, maps, 6, generator=torch.Generator().manual_seed(0)).to(device)
    jitter = 0.05 * torch.randn((count, maps, 6), generator=generator, device=device)
    affine = torch.einsum("bi,imk->bmk", parameters * 2 - 1, basis) + jitter
    affine[..., :4] = 0.62 * affine[..., :4].tanh()  # keeps most maps contracting
    point, visited = torch.zeros(count, 64, 2, device=device), []
    for step in range(14):
        choice = torch.randint(maps, (count, 64, 1), generator=generator, device=device)
        a, b, c, d, e, f = affine.gather(1, choice.expand(-1, -1, 6)).unbind(-1)
        x, y = point.unbind(-1)
        point = torch.stack([a * x + b * y + e, c * x + d * y + f], -1)
        if step >= 5:  # by then the points are near the attractor
            visited.append(point)
    where = torch.cat(visited, 1)
    low, high = where.amin(1, keepdim=True), where.amax(1, keepdim=True)
    pixel = ((where - low) / (high - low + 1e-6) * (size - 1)).round().long()
    image = torch.zeros(count, size * size, device=device)
    image.scatter_add_(1, pixel[..., 1] * size + pixel[..., 0], torch.ones_like(where[..., 0]))
    return image.view(count, 1, size, size).clamp(max=2)


def marble(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Veins: a sine along one direction whose phase is turbulent. Source: Perlin (SIGGRAPH 1985)."""
    frequency, turbulence, direction, _ = _columns(parameters)
    u, _ = _turned(math.pi * direction + _uniform(parameters, generator, -0.3, 0.3), size)
    noise = _clouds(parameters, generator, 4, size) + 0.5 * _clouds(parameters, generator, 8, size)
    return torch.sin(u * (2 + 8 * frequency) + noise * (1 + 3 * turbulence))


def plaid(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Two crossed gratings, added (plaid) or multiplied and sharpened (checkerboard)."""
    frequency, ratio, direction, checked = _columns(parameters)
    u, v = _turned(math.pi / 2 * direction + _uniform(parameters, generator, -0.2, 0.2), size)
    waves, phase = 3 + 12 * frequency, _uniform(parameters, generator, 0, 2 * math.pi)
    a, b = torch.sin(u * waves + phase), torch.sin(v * waves * (0.5 + 1.5 * ratio) + phase)
    return torch.where(checked > 0.5, (a * b).sign(), a + b)


def power_law(parameters: Tensor, generator: Generator, size: int) -> Tensor:
    """Noise whose spectrum falls as a power of an elliptic frequency, as natural images' do; grey or black and white.

    Source: Field, "Relations between the statistics of natural images..." (JOSA A 1987).
    """
    exponent, stretch, _, binary = _columns(parameters)
    vertical = torch.fft.fftfreq(size, device=parameters.device)[:, None] * (0.4 + 1.6 * stretch)
    radius = (vertical**2 + torch.fft.rfftfreq(size, device=parameters.device) ** 2).sqrt().clamp_min(1 / size)
    white = torch.randn((len(parameters), 1, size, size), generator=generator, device=generator.device)
    x = torch.fft.irfft2(torch.fft.rfft2(white) * radius ** -(0.2 + 2 * exponent), s=(size, size))
    return torch.where(binary > 0.5, (x > 0).to(x.dtype), x)


FAMILIES: tuple[Family, ...] = (
    value_noise, grating, cellular, dead_leaves, iterated_functions, marble, plaid, power_law,
)  # fmt: skip


def _columns(parameters: Tensor) -> tuple[Tensor, ...]:
    """The four parameters, each [B, 1, 1, 1]."""
    return parameters.T.reshape(4, -1, 1, 1, 1).unbind(0)


def _uniform(parameters: Tensor, generator: Generator, low: float, high: float) -> Tensor:
    """One uniform number a sample, [B, 1, 1, 1]."""
    drawn = torch.rand((len(parameters), 1, 1, 1), generator=generator, device=generator.device)
    return drawn * (high - low) + low


def _clouds(parameters: Tensor, generator: Generator, cells: int, size: int) -> Tensor:
    """Bicubic interpolation of `cells` x `cells` standard normal numbers, [B, 1, size, size]."""
    coarse = torch.randn((len(parameters), 1, cells, cells), generator=generator, device=generator.device)
    return F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)


def _axes(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical coordinates from -1 to 1, each [size, size]."""
    line = torch.linspace(-1, 1, size, device=device)
    v, u = torch.meshgrid(line, line, indexing="ij")
    return u, v


def _turned(angle: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The same coordinates turned by `angle` [B, 1, 1, 1] in radians, each [B, 1, size, size]."""
    u, v = _axes(size, angle.device)
    return u * angle.cos() + v * angle.sin(), v * angle.cos() - u * angle.sin()
