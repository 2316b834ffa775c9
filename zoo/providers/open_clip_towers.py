"""`encode` over the two towers of an open_clip network: pooled in the space that they share, and hidden layers.

`pooled` is not normalised to length 1 (open_clip's `encode_image(x, normalize=False)`): a cosine does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.contracts import Features, Padded, Pair
from zoo.errors import DataError
from zoo.providers.hidden import watched
from zoo.providers.timm import timm_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.contracts import Encode


def encoder(module: Any) -> Encode:
    """`{"vision": Features, "text": Features}` of what is given.

    Takes a `Pair`; a float Tensor [B, C, H, W], which is images; or token numbers [B, context] with their mask.

    Raises:
        DataError: neither images nor texts.
    """
    see, read = vision_encoder(module.visual), text_encoder(module)

    def encode(inputs: Any, mask: Tensor | None = None) -> dict[str, Features]:
        pair = inputs if isinstance(inputs, Pair) else _pair(inputs, mask)
        found = {}
        if pair.vision is not None:
            found["vision"] = see(pair.vision)
        if pair.text is not None:
            found["text"] = read(pair.text)
        if not found:
            raise DataError("there are neither images nor texts to encode. Fix: give one of them.")
        return found

    return encode


def vision_encoder(visual: Any) -> Callable[[Tensor], Features]:
    """Features of images: tokens of transformers (their class token first), maps of convolutional networks."""
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.timm_model import TimmModel

    if isinstance(visual, TimmModel):
        trunk = timm_encoder(visual.trunk)

        def see_timm(images: Tensor) -> Features:
            given = trunk(images, None)["vision"]
            return Features(visual.head(given.pooled), tokens=given.tokens, maps=given.maps)

        return see_timm
    if isinstance(visual, ModifiedResNet):
        layers = {name: getattr(visual, name) for name in ("layer1", "layer2", "layer3", "layer4")}

        def see_resnet(images: Tensor) -> Features:
            with watched(layers) as kept:
                pooled = visual(images)
            return Features(pooled, maps=list(kept.values()))

        return see_resnet
    parts = {"blocks": visual.transformer, "norm": visual.ln_post}

    def see_transformer(images: Tensor) -> Features:
        with watched(parts) as kept:
            pooled = _first(visual(images))
        return Features(pooled, tokens=_tokens(kept))

    return see_transformer


def text_encoder(module: Any) -> Callable[[Padded], Features]:
    """Features of token numbers [B, context]; the mask goes with the tokens, and the tower itself reads no mask."""
    text = getattr(module, "text", None)
    tower: Callable[[Tensor], Any] = text or module.encode_text
    part = module if text is None else text
    is_hf = not hasattr(part, "ln_final")
    parts = {"blocks": part.transformer} if is_hf else {"blocks": part.transformer, "norm": part.ln_final}
    has_class = getattr(part, "cls_emb", None) is not None  # CoCa adds one token after the text

    def read(given: Padded) -> Features:
        with watched(parts) as kept:
            pooled = _first(tower(given.values))
        tokens = kept["blocks"].last_hidden_state if is_hf else _tokens(kept)
        return Features(pooled, tokens=tokens[:, :-1] if has_class else tokens, mask=given.mask)

    return read


def _tokens(kept: dict[str, Any]) -> Tensor:
    """The last hidden layer, after the last normalisation where that is over all tokens (some towers pool before)."""
    blocks: Tensor = kept["blocks"]
    norm: Tensor = kept["norm"]
    return norm if norm.shape == blocks.shape else blocks


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


def _pair(inputs: Tensor, mask: Tensor | None) -> Pair:
    if inputs.is_floating_point():
        return Pair(vision=inputs)
    return Pair(text=Padded(inputs, inputs.new_ones(inputs.shape).bool() if mask is None else mask))
