"""Weights that a task's gradient reaches: no other is said to train, and weight decay moves no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.adaptations.probe import receiving

if TYPE_CHECKING:
    from collections.abc import Collection

    from zoo.contracts import Backbone


def as_seen(backbone: Backbone, modality: str) -> Backbone:
    """The same network as a task of one modality sees it; "" for the backbone's own.

    Of an image-text network a task reads one tower, so that a probe goes through that tower alone and nothing of the
    other counts as trained.

    Example:
        >>> import zoo
        >>> as_seen(zoo.load("pocket/resnet10.glyphs"), "").spec.modality
        'vision'
    """
    return replace(backbone, spec=replace(backbone.spec, modality=modality)) if modality else backbone


def train_reached(backbone: Backbone, wanted: Collection[str]) -> tuple[str, ...]:
    """Let those of the wanted weights train that receive a gradient, and freeze all others; returns what to tell.

    What receives none differs by network: the other tower of a pair, the vector that masks frames in pre-training, the
    temperature of a contrastive loss.

    Example:
        >>> import zoo
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> train_reached(backbone, [name for name, _ in backbone.module.named_parameters()])
        ()
    """
    named = dict(backbone.module.named_parameters())
    asked = {name: named[name] for name in named if name in wanted}
    reached = receiving(backbone, asked)
    for name, weight in named.items():
        weight.requires_grad_(name in reached)
    idle = [name for name in asked if name not in reached]
    if not idle:
        return ()
    return (
        f"{len(idle)} of {len(asked)} weights of {backbone.spec.name} receive no gradient from "
        f"{backbone.spec.modality} and stay as they are (first: {idle[0]})",
    )
