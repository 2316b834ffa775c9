"""Whether a backbone, a task and a method go together, told from records alone: before anything is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import adaptations
from zoo.adaptations import ADAPTATIONS
from zoo.catalog.fit import fits
from zoo.errors import IncompatibleError, InvalidRecord
from zoo.tasks import NEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.specs import BackboneSpec


def answering(spec: BackboneSpec, kind: str) -> str:
    """The modality whose features answer a kind of task; "" where the backbone has only its own.

    Example:
        >>> from zoo.catalog.query import describe
        >>> answering(describe("open_clip/ViT-B-32"), "text_classification")
        'text'
    """
    return NEEDS[kind].modalities[0] if spec.modality == "image-text" and kind in NEEDS else ""


def wants_layers(method: str) -> bool:
    """Whether a method reads all hidden layers and not the pooled features."""
    return getattr(ADAPTATIONS.get(method), "features", "pooled") == "layers"


def check_method(method: str, kind: str, *, pretrained: bool) -> None:
    """Refuse a method that cannot do a kind of task, or can do nothing without trained weights.

    Raises:
        IncompatibleError: zero-shot for other than images with one class each, or for a network from scratch.
    """
    adaptation = ADAPTATIONS.get(method)
    if getattr(adaptation, "needs_names", False) and kind != "image_classification":
        raise IncompatibleError(
            f"{method} names the one class of an image, and the task is {kind}. Fix: another method, or other data."
        )
    if getattr(adaptation, "needs_names", False) and not pretrained:
        raise IncompatibleError(f"{method} needs trained weights. Fix: leave pretrained=False (--scratch) out.")


def check_training(
    method: str,
    *,
    class_weights: str | Mapping[str, float] = "none",
    early_stopping: int | None = None,
    search: int = 0,
) -> None:
    """Refuse settings of training for a method that trains nothing of the backbone, and numbers that none can be.

    Raises:
        IncompatibleError: class weights, early stopping or a search, and the method is frozen.
        InvalidRecord: a patience below 1, or a negative number of trials.

    Example:
        >>> check_training("full", early_stopping=3)
    """
    if early_stopping is not None and early_stopping < 1:
        raise InvalidRecord(
            f"early_stopping is the number of scores without a new best, 1 or more, received {early_stopping}. "
            "Fix: leave it out, or 3.",
            ("early_stopping",),
        )
    if search < 0:
        raise InvalidRecord(f"a search has 1 trial or more, received {search}. Fix: leave it out, or 20.", ("search",))
    adaptation = ADAPTATIONS.get(method)
    asked = {"class_weights": class_weights != "none", "early_stopping": early_stopping is not None, "search": search}
    if adaptation.trains_backbone or not any(asked.values()):
        return
    what = getattr(adaptation, "searched", "")
    chosen = f"validation chooses its {what} already" if what else "it has nothing to choose"
    why = {
        "class_weights": "weighs no classes",
        "early_stopping": "takes no steps that could stop early",
        "search": f"trains nothing of the backbone, and {chosen}",
    }
    name = next(name for name, there in asked.items() if there)
    raise IncompatibleError(f"{method} {why[name]}. Fix: leave {name} out, or a method that trains, such as full.")


def check_fit(method: str, spec: BackboneSpec) -> None:
    """Refuse a method that does not fit a kind of backbone, as `zoo show` tells it.

    Raises:
        IncompatibleError: the method needs another modality or capability.

    Example:
        >>> from zoo.catalog.query import describe
        >>> check_fit("top_k", describe("pocket/resnet10.glyphs"))
    """
    why = adaptations.NEEDS[method].unmet(spec) if method in adaptations.NEEDS and spec.modality != "unknown" else ""
    if why:
        fitting = [name for name, lacks in fits(spec, adaptations.NEEDS, adaptations.NEEDS).items() if not lacks]
        raise IncompatibleError(
            f"{spec.name} is a backbone for {spec.modality}, and {method} {why}. Fix: choose one of the methods that "
            f"fit: {', '.join(fitting)}."
        )


def check_task(spec: BackboneSpec, kind: str = "image_classification") -> None:
    """Refuse a backbone that cannot do a kind of task.

    Raises:
        IncompatibleError: the task needs another modality or capability.

    Example:
        >>> from zoo.catalog.query import describe
        >>> check_task(describe("pocket/resnet10.glyphs"))
    """
    why = NEEDS[kind].unmet(spec) if kind in NEEDS and spec.modality != "unknown" else ""
    if why:
        raise IncompatibleError(
            f"{spec.name} is a backbone for {spec.modality}, and {kind} {why}. Fix: choose one that fits "
            f"(`zoo list --modality {(NEEDS[kind].modalities or (spec.modality,))[0]}`)."
        )
