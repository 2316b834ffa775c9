"""Masked autoencoding: a vision transformer sees some patches, and a small decoder paints the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import Option, flag, number, own_options, whole
from zoo.contracts import Backbone, Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def _width(value: Any) -> int:
    if isinstance(value, bool) or float(value) != int(float(value)) or int(float(value)) < 32 or int(float(value)) % 32:
        raise ValueError
    return int(float(value))


class Mae:
    """Hide `ratio` of the patches; the loss is the mean square error of their pixels alone.

    Source: He et al. 2021 (https://arxiv.org/abs/2111.06377): 75 % hidden, pixels of each patch normalised by its own
    mean and variance (their best variant, table 1d), a decoder of 8 blocks of width 512. ViT-MAE of transformers has
    its own decoder, with the checkpoint's weights where the backbone has them; `decoder_width` and `decoder_depth` are
    then the configuration's unless they are given. Images are augmented as their source does it.

    Example:
        >>> Mae(ratio=0.6, decoder_width=64).ratio
        0.6
    """

    needs: ClassVar[frozenset[str]] = frozenset({"tokens"})
    options: ClassVar[dict[str, Option]] = {
        "ratio": number(0.75, "a share above 0 and below 1", lambda ratio: 0 < ratio < 1),
        "patch_norm": flag(True),
        "decoder_width": Option(None, "a multiple of 32", _width),
        "decoder_depth": whole(None),
    }
    divisible = True

    def __init__(self, **options: Any) -> None:
        chosen = own_options("mae", self, options)
        self.ratio, self.patch_norm = chosen["ratio"], chosen["patch_norm"]
        self.width, self.depth = chosen["decoder_width"], chosen["decoder_depth"]
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Any) -> nn.Module:
        """The decoder.

        Raises:
            IncompatibleError: a network that wants all patches of an image, or too few patches to hide some.
            WeightsError: the decoder of the checkpoint cannot be read.
        """
        from zoo.errors import IncompatibleError
        from zoo.objectives.visible import visible

        self._corrupt, self._visible = source.corrupt, visible(backbone)
        count = self._visible.patches
        self._shown = int(count * (1 - self.ratio))
        if not 0 < self._shown < count:
            raise IncompatibleError(
                f"{backbone.spec.name} has {count} patches, of which a ratio of {self.ratio} shows {self._shown}. "
                "Fix: another ratio, or a network of smaller patches."
            )
        if backbone.spec.arch == "vit_mae":
            return self._native(backbone)
        from zoo.objectives.mae_decoder import MaeDecoder

        height, width = self._visible.patch
        return MaeDecoder(
            backbone.spec.token_dim or backbone.pooled_dim,
            grid=self._visible.grid,
            prefix=self._visible.prefix,
            pixels=height * width * (backbone.spec.input_size or (3,))[0],
            width=self.width or 512,
            depth=self.depth or 8,
        )

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Augmented images [B, C, H, W], and a number [B, N] for each patch: the lowest are shown."""
        from zoo.data.draws import uniform

        images = self._corrupt(batch.inputs, generator)
        return Batch(images, uniform(images, generator, (len(images), self._visible.patches), 0.0, 1.0))

    def loss(self, _backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Mean square error over the hidden patches."""
        order = views.targets.argsort(dim=1)
        restore = order.argsort(dim=1)
        tokens = self._visible.encode(views.inputs, order[:, : self._shown])
        painted: Any = heads(tokens, restore)
        painted = getattr(painted, "logits", painted)
        return painting_loss(painted, views.inputs, restore >= self._shown, self._visible.patch, norm=self.patch_norm)

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""

    def _native(self, backbone: Backbone) -> nn.Module:
        from zoo.objectives.native_heads import whole_model
        from zoo.providers.positions import fill_positions
        from zoo.providers.transformers_library import library

        changes: dict[str, Any] = {}
        if self.width:
            heads = {"decoder_num_attention_heads": self.width // 32, "decoder_intermediate_size": 4 * self.width}
            changes |= {"decoder_hidden_size": self.width, **heads}
        if self.depth:
            changes["decoder_num_hidden_layers"] = self.depth
        _, model, self.notes = whole_model(backbone, library().AutoModelForPreTraining, **changes)
        fill_positions(model)
        decoder: nn.Module = model.decoder
        return decoder


def painting_loss(
    painted: Tensor, images: Tensor, hidden: Tensor, patch: tuple[int, int], *, norm: bool = True
) -> Tensor:
    """Mean square error of pixels over the hidden patches.

    Args:
        painted: pixels [B, N, P] of each patch, channels last.
        images: [B, C, H, W].
        hidden: [B, N] bool.
        patch: height and width, in pixels.
        norm: bring the pixels of each patch to mean 0 and variance 1 first.
    """
    wanted = patches_of(images, patch)
    if norm:
        wanted = (wanted - wanted.mean(2, keepdim=True)) / (wanted.var(2, keepdim=True) + 1e-6).sqrt()
    errors = (painted.float() - wanted.float()).square().mean(2)
    return (errors * hidden).sum() / hidden.sum()


def patches_of(images: Tensor, patch: tuple[int, int]) -> Tensor:
    """Images [B, C, H, W] as patches [B, N, height * width * C], row by row, channels last.

    Example:
        >>> import torch
        >>> patches_of(torch.arange(8.0).view(1, 1, 2, 4), (2, 2)).tolist()
        [[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]]
    """
    batch, channels, height, width = images.shape
    rows, columns = height // patch[0], width // patch[1]
    cut = images.reshape(batch, channels, rows, patch[0], columns, patch[1]).permute(0, 2, 4, 3, 5, 1)
    return cut.reshape(batch, rows * columns, patch[0] * patch[1] * channels)
