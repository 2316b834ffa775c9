"""SimMIM: squares of an image are painted over, and a network of maps (a convolutional one) says what was there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import Option, number, own_options, whole
from zoo.contracts import Backbone, Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LARGEST = 32  # pixels, as in the paper


class Simmim:
    """Hide `ratio` of an image's squares behind one learned colour; the loss is the mean error of their pixels (L1).

    Source: Xie et al. 2022 (https://arxiv.org/abs/2111.09886): squares of 32 pixels, 60 % hidden, and a decoder of one
    linear layer on the last map. Squares are a quarter of an image's side where that is less than 32 pixels. Images are
    augmented as their source does it.

    Example:
        >>> Simmim(ratio=0.5).ratio
        0.5
    """

    needs: ClassVar[frozenset[str]] = frozenset({"maps"})
    options: ClassVar[dict[str, Option]] = {
        "ratio": number(0.6, "a share above 0 and below 1", lambda ratio: 0 < ratio < 1),
        "square": whole(None),
    }
    divisible = True

    def __init__(self, **options: Any) -> None:
        chosen = own_options("simmim", self, options)
        self.ratio, self.square = chosen["ratio"], chosen["square"]

    def build(self, backbone: Backbone, source: Any) -> nn.Module:
        """The colour and the decoder.

        Raises:
            IncompatibleError: the network gives no maps, or images have too few squares to hide some.
        """
        import torch

        from zoo.errors import IncompatibleError

        name, size = backbone.spec.name, backbone.spec.input_size or (3, 224, 224)
        weights = next(backbone.module.parameters())
        training = backbone.module.training
        backbone.module.eval()
        with torch.no_grad():
            maps = backbone.encode(torch.zeros(1, *size, device=weights.device))["vision"].maps
        backbone.module.train(training)
        if not maps:
            raise IncompatibleError(
                f"{name} gives no maps to paint from. Fix: choose objective mae, or a network that can give maps."
            )
        self._corrupt = source.corrupt
        self._side = self.square or min(LARGEST, min(size[1:]) // 4)
        self._grid = (math.ceil(size[1] / self._side), math.ceil(size[2] / self._side))
        self._hidden = math.ceil(self._grid[0] * self._grid[1] * self.ratio)
        if self._hidden >= self._grid[0] * self._grid[1]:
            raise IncompatibleError(
                f"images of {size[1]} x {size[2]} for {name} have {self._grid[0] * self._grid[1]} squares of "
                f"{self._side} pixels, and a ratio of {self.ratio} hides all of them. Fix: a smaller square or ratio."
            )
        return painter(maps[-1].shape[1], size, maps[-1].shape[2])

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Augmented images [B, C, H, W], and which pixels [B, 1, H, W] are hidden: as many squares in each."""
        from zoo.data.draws import uniform

        images = self._corrupt(batch.inputs, generator)
        count = self._grid[0] * self._grid[1]
        order = uniform(images, generator, (len(images), count), 0.0, 1.0).argsort(dim=1).argsort(dim=1)
        squares = (order < self._hidden).view(-1, 1, *self._grid)
        pixels = squares.repeat_interleave(self._side, 2).repeat_interleave(self._side, 3)
        return Batch(images, pixels[:, :, : images.shape[2], : images.shape[3]])

    def loss(self, backbone: Backbone, heads: Any, views: Batch) -> Tensor:
        """Mean absolute error over the hidden pixels."""
        import torch

        images, hidden = views.inputs, views.targets
        maps = backbone.encode(torch.where(hidden, heads["colour"].weight[:, :, None, None], images))["vision"].maps
        assert maps is not None  # `needs` asks for maps
        errors = (_painted(heads, maps[-1], images) - images).abs() * hidden
        error: Tensor = errors.sum() / (hidden.sum() * images.shape[1])
        return error

    def mass(self, views: Batch) -> int:
        """How many pixels are hidden: squares at the rim may be cut, so images differ."""
        return int(views.targets.sum())

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""


def painter(width: int, size: tuple[int, ...], rows: int) -> nn.Module:
    """The colour that hides (of each channel) and the layer that paints `stride` x `stride` pixels for each place.

    Args:
        width: channels of the last map.
        size: [C, H, W] of an image.
        rows: height of the last map.
    """
    from torch import nn

    stride = size[1] // rows if size[1] % rows == 0 else 2 ** round(math.log2(size[1] / rows))
    colour = nn.Embedding(1, size[0])
    nn.init.zeros_(colour.weight)
    return nn.ModuleDict({"colour": colour, "paint": nn.Conv2d(width, stride * stride * size[0], 1)})


def _painted(heads: Any, last: Tensor, images: Tensor) -> Tensor:
    """Pixels of the size of `images`, whatever the map covers.

    What padded convolutions see beyond an image is cut off, and what unpadded ones
    (of Inception) never centre on is filled with its neighbours, so that every place keeps the same distance.
    """
    from torch.nn.functional import pad, pixel_shuffle

    height, width = images.shape[2:]
    stride = round((heads["paint"].out_channels / images.shape[1]) ** 0.5)
    found = pixel_shuffle(heads["paint"](last), stride)[:, :, :height, :width]
    down, right = height - found.shape[2], width - found.shape[3]
    if down or right:
        found = pad(found, (right // 2, right - right // 2, down // 2, down - down // 2), mode="replicate")
    return found
