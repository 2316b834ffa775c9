"""Image-text backbones under a contrastive objective: features of both towers, and what cosines are scaled by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.contracts import Pair
from zoo.errors import IncompatibleError
from zoo.providers.bundles import Bundle

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.contracts import Backbone

MOST = 100.0  # the largest scale, as in CLIP: larger ones made training unstable


class Logits(nn.Module):
    """The scale (its logarithm) and the bias of cosines, as far as the network has none of its own.

    Networks of open_clip and transformers call them `logit_scale` and `logit_bias`; ALIGN has a `temperature`, which
    divides. Those are trained and saved with the network.

    Args:
        network: of the backbone; it is not kept as a part of this module.
        scale: where one begins that the network lacks.
        bias: likewise; None adds none where the network has none.

    Example:
        >>> logits = Logits(nn.Linear(2, 2), scale=10.0, bias=-10.0)
        >>> round(logits.factor().item(), 3), logits.offset().item()
        (10.0, -10.0)
    """

    def __init__(self, network: nn.Module, scale: float, bias: float | None = None) -> None:
        super().__init__()
        self._owner = (network,)  # in a tuple, so that it does not become a part of the heads
        if not self._has("logit_scale") and not self._has("temperature"):
            self.logit_scale = nn.Parameter(torch.tensor(math.log(scale)))
        if not self._has("logit_bias") and bias is not None:
            self.logit_bias = nn.Parameter(torch.tensor(bias))

    def factor(self) -> Tensor:
        """What cosines are multiplied by."""
        if self._has("temperature") and not self._has("logit_scale"):
            divisor: Tensor = self._owner[0].temperature  # type: ignore[assignment]
            return 1 / divisor
        found: Tensor = self._one("logit_scale")
        return found.exp()

    def offset(self) -> Tensor | None:
        """What is added to them."""
        found: Tensor | None = self._one("logit_bias")
        return found

    @torch.no_grad()
    def clamp(self) -> None:
        """Keep the scale from 1 to 100."""
        if self._has("temperature") and not self._has("logit_scale"):
            self._owner[0].temperature.clamp_(1 / MOST, 1)  # type: ignore[operator]
        else:
            self._one("logit_scale").clamp_(0, math.log(MOST))

    def _has(self, name: str) -> bool:
        return isinstance(getattr(self._owner[0], name, None), nn.Parameter)

    def _one(self, name: str) -> Any:
        return getattr(self._owner[0] if self._has(name) else self, name, None)


def towers(backbone: Backbone, inputs: Pair | Bundle) -> tuple[Tensor, Tensor]:
    """Pooled features [B, D] of images and of their texts.

    Raises:
        IncompatibleError: samples that are not pairs of both.
    """
    parts = inputs.parts if isinstance(inputs, Bundle) else (inputs,)
    if not all(isinstance(part, Pair) and part.vision is not None and part.text is not None for part in parts):
        raise IncompatibleError(
            "this objective compares images with their texts, and the samples are not pairs of both. "
            "Fix: give pairs (image, text)."
        )
    found = [backbone.encode(part) for part in parts]
    images, texts = (torch.cat([one[name].pooled for one in found]) for name in ("vision", "text"))
    return (images[inputs.order], texts[inputs.order]) if isinstance(inputs, Bundle) else (images, texts)


def check_pairs(name: str, backbone: Backbone) -> None:
    """Refuse a backbone that has not a tower for images and one for texts.

    Raises:
        IncompatibleError: it has not.
    """
    if backbone.spec.modality != "image-text":
        raise IncompatibleError(
            f"{name} is for images with texts, and {backbone.spec.name} is for {backbone.spec.modality}. "
            "Fix: choose a backbone of the modality image-text, such as open_clip/ViT-B-32."
        )
