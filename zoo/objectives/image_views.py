"""Augmented views of images for self-supervised objectives: the source's own, or those of a paper.

A source knows what leaves its samples what they are (a mirrored digit is another sign), so its own view is the default.
The crops and colours of the papers are for photographs, and work on what preprocessing made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.data.augment_colours import colour_view
from zoo.data.augment_images import crop_flip
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from zoo.specs import BackboneSpec


def photo_view(
    x: Tensor,
    generator: torch.Generator,
    spec: BackboneSpec,
    *,
    area: tuple[float, float],
    size: tuple[int, int] | None = None,
    **colours: Any,
) -> Tensor:
    """A crop that may be mirrored, with other colours, of preprocessed images.

    Args:
        x: images [B, C, H, W] as the backbone's preprocessing makes them.
        generator: the only source of randomness.
        spec: of the backbone; its mean and std lead back to colours from 0 to 1.
        area: least and largest share of the image that is seen.
        size: height and width of the view; None keeps those of `x`.
        colours: for `zoo.data.augment_colours.colour_view`.

    Example:
        >>> import torch
        >>> from zoo.specs import BackboneSpec
        >>> spec = BackboneSpec("a/net", "a", "net", mean=(0.5,), std=(0.5,))
        >>> photo_view(
        ...     torch.zeros(2, 1, 8, 8), torch.Generator(), spec, area=(0.1, 1.0), jitter=(0.4, 0.4, 0.2, 0.1)
        ... ).shape
        torch.Size([2, 1, 8, 8])
    """
    mean = x.new_tensor(spec.mean).view(-1, 1, 1)
    std = x.new_tensor(spec.std).view(-1, 1, 1)
    cropped = crop_flip(x, generator, area=area, size=size)
    return (colour_view((cropped * std + mean).clamp(0, 1), generator, **colours) - mean) / std


def check_statistics(name: str, spec: BackboneSpec) -> None:
    """Refuse photographs' views for a backbone whose mean and std are not known.

    Raises:
        IncompatibleError: they are not.
    """
    if not spec.mean or not spec.std:
        raise IncompatibleError(
            f"{name} was asked for the views of its paper, which change colours, and the mean and std of the pixels of "
            f"{spec.name} are not known. Fix: augmentation=source."
        )
