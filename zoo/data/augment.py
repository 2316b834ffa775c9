"""Augmentations by name: what each is for, and how it is applied to a batch of any kind.

What is random comes from one explicit generator: the same batch and the same generator state give the same answer.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Generator, Tensor

from zoo.contracts import Padded, Pair
from zoo.data.augment_images import crop_flip, warp_mild
from zoo.data.augment_sounds import shift_gain_noise, spec_masks
from zoo.data.augment_texts import token_dropout
from zoo.errors import IncompatibleError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound=Tensor | Padded)


@dataclass(frozen=True)
class Augmentation:
    """One way to vary a batch.

    `inputs` are the kinds of samples that it is for (`zoo.data.labelled.INPUTS`), none for all. `layout` is what
    preprocessing must have made of them: `images` [B, C, H, W], `waveforms` [B, T], `frames` [B, T, F] or `tokens`
    [B, T] of integers; "" for any. `apply` takes (values, generator), and but for images the mask [B, T] between them.
    """

    apply: Callable[..., Tensor]
    inputs: tuple[str, ...] = ()
    layout: str = ""

    def __call__(self, batch: T, generator: Generator) -> T:
        """The batch with its values changed; of a Padded the mask stays."""
        found: Tensor | Padded
        if self.layout in ("", "images"):
            found = self.apply(batch, generator)
        elif isinstance(batch, Padded):
            found = Padded(self.apply(batch.values, batch.mask, generator), batch.mask)
        else:
            found = self.apply(batch, torch.ones(batch.shape[:2], dtype=torch.bool, device=batch.device), generator)
        return cast("T", found)


def unchanged(x: Any, generator: Generator) -> Any:  # noqa: ARG001  (the signature that all augmentations share)
    """No augmentation: `x` itself; the generator does not move.

    Example:
        >>> unchanged(torch.ones(1), torch.Generator())
        tensor([1.])
    """
    return x


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(unchanged),
    "warp": Augmentation(warp_mild, ("image",), "images"),
    "crop_flip": Augmentation(crop_flip, ("image",), "images"),
    "shift_gain_noise": Augmentation(shift_gain_noise, ("audio",), "waveforms"),
    "spec_masks": Augmentation(spec_masks, ("audio",), "frames"),
    "token_dropout": Augmentation(token_dropout, ("text", "text_pair"), "tokens"),
}


def augmented(name: str, inputs: Any, generator: Generator) -> Any:
    """A batch as `name` varies it; of a batch in several parts (a Bundle, a Pair) each part.

    Args:
        name: one of `AUGMENTATIONS`.
        inputs: what preprocessing gave: a Tensor, a Padded, a Pair, or a Bundle of them.
        generator: the only source of randomness.

    Raises:
        UnknownName: no such augmentation.
        IncompatibleError: it is for something else than this batch holds; the message names the right ones.

    Example:
        >>> text = Padded(torch.tensor([[1, 5, 6, 2]]), torch.ones(1, 4, dtype=torch.bool))
        >>> augmented("token_dropout", text, torch.Generator().manual_seed(0)).values.shape
        torch.Size([1, 4])
        >>> augmented("warp", text, torch.Generator())  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        IncompatibleError: the augmentation warp is for images, and this batch holds tokens. Nearest: token_dropout.
    """
    known = named(name)
    if not known.layout:
        return inputs
    if hasattr(inputs, "parts"):  # a Bundle, which is made two floors above
        return dataclasses.replace(inputs, parts=tuple(augmented(name, part, generator) for part in inputs.parts))
    if isinstance(inputs, Pair):
        side = "text" if inputs.vision is None or (known.layout == "tokens" and inputs.text is not None) else "vision"
        return dataclasses.replace(inputs, **{side: augmented(name, getattr(inputs, side), generator)})
    layout = layout_of(inputs)
    if known.layout != layout:
        near = [other for other, one in AUGMENTATIONS.items() if one.layout == layout]
        raise _refusal(name, known.layout, f"this batch holds {layout}", near)
    return known(inputs, generator)


def check_augmentation(name: str, inputs: str) -> None:
    """Refuse an augmentation that is not for a kind of samples, before anything runs.

    Raises:
        UnknownName: no such augmentation.
        IncompatibleError: it is for other kinds; the message names the right ones.

    Example:
        >>> check_augmentation("crop_flip", "image")
    """
    known = named(name)
    if known.inputs and inputs not in known.inputs:
        near = [other for other, one in AUGMENTATIONS.items() if inputs in one.inputs]
        raise _refusal(name, " and ".join(known.inputs), f"the samples are {inputs}", near)


def named(name: str) -> Augmentation:
    """The augmentation of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in AUGMENTATIONS:
        raise UnknownName("augmentation", name, AUGMENTATIONS, f"Known: {', '.join(AUGMENTATIONS)}.")
    return AUGMENTATIONS[name]


def layout_of(batch: Tensor | Padded) -> str:
    """What a batch holds: `images`, `waveforms`, `frames` or `tokens`; told from its type and shape.

    Example:
        >>> layout_of(torch.zeros(2, 3, 8, 8)), layout_of(torch.zeros(2, 100)), layout_of(torch.zeros(2, 9).long())
        ('images', 'waveforms', 'tokens')
    """
    values = batch.values if isinstance(batch, Padded) else batch
    if not values.is_floating_point():
        return "tokens"
    return {2: "waveforms", 3: "frames", 4: "images"}.get(values.ndim, f"a tensor of shape {list(values.shape)}")


def _refusal(name: str, wanted: str, received: str, near: list[str]) -> IncompatibleError:
    nearest = f" Nearest: {', '.join(near)}. Fix: choose {'that' if len(near) == 1 else 'one'}, or 'none'."
    return IncompatibleError(
        f"the augmentation {name} is for {wanted}, and {received}." + (nearest if near else " Fix: 'none'.")
    )
