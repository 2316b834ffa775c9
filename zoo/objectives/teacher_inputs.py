"""What one backbone's preprocessing made, as another takes it: the same samples for a student and its teacher.

Only preprocessed batches reach an objective. Images can be turned back into pixels and shown to another network; texts
and sound go to a teacher that reads the same tokens or values, and others are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch.nn import functional

from zoo.contracts import Padded
from zoo.data.augment_colours import greyed
from zoo.errors import IncompatibleError, ZooError
from zoo.providers.bundles import Bundle, bundled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.contracts import Backbone
    from zoo.specs import BackboneSpec

TEXTS = ["The quick brown fox, 1984!", "naïve café", "zoo"]
RATE = 16_000


def translation(student: Backbone, teacher: Backbone) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    """How the teacher is given a student's batch, and what there is to tell of it.

    Raises:
        IncompatibleError: it cannot be, with the reason.
    """
    ours, theirs = student.spec, teacher.spec
    if ours.modality == "vision" and theirs.modality in ("vision", "image-text"):
        return _of_images(ours, theirs)
    if ours.modality != theirs.modality or ours.modality not in ("text", "speech"):
        raise IncompatibleError(
            f"{ours.name} is for {ours.modality} and the teacher {theirs.name} for {theirs.modality}: the same samples "
            "cannot be given to both. Fix: choose a teacher of the student's modality; images also go to image-text."
        )
    probe: list[Any] = TEXTS if ours.modality == "text" else [_noise()]
    if not _equal(student, teacher, probe):
        what = "tokens" if ours.modality == "text" else "values"
        raise IncompatibleError(
            f"{ours.name} and the teacher {theirs.name} read other {what} of the same {ours.modality}, and only "
            f"preprocessed samples reach an objective. Fix: choose a teacher with the same "
            f"{'tokenizer' if ours.modality == 'text' else 'sample rate and normalisation'}."
        )
    return lambda batch: regrouped(batch, theirs.padding), ()


def shown(x: Tensor, ours: BackboneSpec, theirs: BackboneSpec) -> Tensor:
    """Images [B, C, H, W] in one backbone's statistics, channels and size as another expects them.

    Example:
        >>> import torch
        >>> from zoo.specs import BackboneSpec
        >>> grey = BackboneSpec("a/net", "a", "net", mean=(0.0,), std=(1.0,), input_size=(1, 8, 8))
        >>> colour = BackboneSpec("a/net", "a", "net", mean=(0.5,) * 3, std=(0.5,) * 3, input_size=(3, 4, 4))
        >>> shown(torch.ones(2, 1, 8, 8), grey, colour).mean((0, 2, 3))
        tensor([1., 1., 1.])
    """
    channels, height, width = theirs.input_size or (3, 224, 224)
    x = x * x.new_tensor(ours.std).view(-1, 1, 1) + x.new_tensor(ours.mean).view(-1, 1, 1)
    if x.shape[1] != channels:
        x = greyed(x)[:, :1].expand(-1, channels, -1, -1)
    if tuple(x.shape[2:]) != (height, width):
        x = functional.interpolate(x, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
    return (x - x.new_tensor(theirs.mean).view(-1, 1, 1)) / x.new_tensor(theirs.std).view(-1, 1, 1)


def regrouped(batch: Any, padding: str) -> Any:
    """A batch of samples of several lengths as a network takes them whose padding is this; real places come first.

    Example:
        >>> import torch
        >>> text = Padded(torch.tensor([[5, 6], [7, 0]]), torch.tensor([[True, True], [True, False]]))
        >>> [part.values.shape[1] for part in regrouped(text, "equal_length").parts]
        [2, 1]
    """
    if isinstance(batch, Bundle):
        return Bundle(tuple(regrouped(part, padding) for part in batch.parts), batch.order)
    if padding != "equal_length" or not isinstance(batch, Padded) or bool(batch.mask.all()):
        return batch
    lengths = batch.mask.sum(1).tolist()
    rows = [Padded(batch.values[i : i + 1, :n], batch.mask[i : i + 1, :n]) for i, n in enumerate(lengths)]
    return bundled(rows, padding)


def _of_images(ours: BackboneSpec, theirs: BackboneSpec) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    for spec in (ours, theirs):
        if not spec.mean or not spec.std or not spec.input_size:
            raise IncompatibleError(
                f"the mean, std or size of the images of {spec.name} is not known, so {ours.name} and the teacher "
                f"{theirs.name} cannot be shown the same ones. Fix: choose another teacher."
            )
    if (ours.mean, ours.std, ours.input_size) == (theirs.mean, theirs.std, theirs.input_size):
        return lambda batch: batch, ()
    note = (
        f"the teacher {theirs.name} is shown what the preprocessing of {ours.name} keeps of an image, brought from "
        f"{list(ours.input_size or ())} to {list(theirs.input_size or ())} and to its mean and std"
    )
    return lambda batch: shown(batch, ours, theirs), (note,)


def _equal(student: Backbone, teacher: Backbone, probe: list[Any]) -> bool:
    try:
        one, other = student.preprocess(probe), teacher.preprocess(probe)
    except ZooError:
        return False
    return _flat(one) == _flat(other)


def _flat(batch: Any) -> list[Any]:
    """The real values of each sample, rounded."""
    if not isinstance(batch, Padded):
        return [type(batch).__name__]
    rounded = batch.values if not batch.values.is_floating_point() else (batch.values * 1e4).round()
    return [row[real].tolist() for row, real in zip(rounded, batch.mask, strict=True)]


def _noise() -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).normal(0.1, 0.2, RATE).astype(np.float32), RATE
