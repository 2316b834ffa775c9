"""Train a backbone by an adaptation: its head's start, its cut, the one training loop, and what it clears up after."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.adaptations.reached import as_seen
from zoo.data.augment import AUGMENTATIONS
from zoo.data.batches import substream
from zoo.providers.loading import seeded
from zoo.training.device import choose_device
from zoo.training.fitting import extract, fit_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.contracts import Backbone, ParameterGroup, TaskKind
    from zoo.training.fitting import Labelled
    from zoo.training.stopping import Judge
    from zoo.training.trainspec import TrainSpec


def prepared(
    adaptation: Any, backbone: Backbone, settings: Mapping[str, Any], seed: int, modality: str = ""
) -> list[ParameterGroup]:
    """`adaptation.prepare`, with what is random in it drawn from `seed` alone.

    `modality` says which features answer, as in `Labelled`: what trains is then of the tower that gives them.
    """
    seen = as_seen(backbone, modality) if adaptation.trains_backbone else backbone
    with seeded(substream(seed, "adaptation")):
        groups: list[ParameterGroup] = adaptation.prepare(seen, settings)
    return groups


def fit_adapted(
    adaptation: Any,
    groups: list[ParameterGroup],
    backbone: Backbone,
    head: nn.Module,
    kind: TaskKind,
    data: Labelled,
    spec: TrainSpec,
    options: Mapping[str, Any],
    *,
    classes: int,
    head_lr: float,
    augmentation: str = "none",
    weights: Tensor | None = None,
    judge: Judge | None = None,
    checkpoints: Path | None = None,
    identity: str = "",
    quiet: bool = False,
    say: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Train head and backbone as `adaptation` says, in place; returns what the user should know of how it was done.

    Args:
        adaptation: one whose `trains_backbone` is True.
        groups: what its `prepare` gave.
        options: its own options, or a recipe that holds them.
        classes: number of outputs of the head.
        head_lr: the least rate of a head that starts from nothing.
        weights: of the classes, as the task's loss takes them.
        judge, checkpoints, identity, quiet: as `zoo.training.loop.train` takes them.
        say: is given what will be trained, and what it will cost, before it starts.
    """
    notes: tuple[str, ...] = tuple(getattr(adaptation, "notes", ()))
    if say:
        for note in notes:
            say(note)
    learner, samples = backbone, data
    try:
        if hasattr(adaptation, "fit_head"):
            known = extract(backbone, data.inputs, data.indices, spec.device, modality=data.modality).numpy()
            start = adaptation.fit_head(known, data.targets[data.indices], options, classes)
            head.load_state_dict(start.state_dict())
            head_lr = 0.0  # it no longer starts from nothing
        if hasattr(adaptation, "cut"):
            found = _cut(adaptation, backbone, options, augmentation)
            if isinstance(found, str):
                notes += (f"{found}, so the frozen part runs at every step",)
            else:
                notes += ("the frozen part ran once, over images without augmentation",)
                kept = found.activations(data.inputs, data.indices, choose_device(spec.device))
                learner, samples = found.resuming(), dataclasses.replace(data, inputs=kept)
            if say:
                say(f"{backbone.spec.name}: {notes[-1]}")
        history = fit_network(
            learner, head, kind, groups, samples, spec, head_lr=head_lr, augmentation=augmentation,
            weights=weights, judge=judge, checkpoints=checkpoints, identity=identity, quiet=quiet, say=say,
        )  # fmt: skip
        notes += history.notes
    except BaseException:
        if hasattr(adaptation, "drop"):
            adaptation.drop()
        raise
    if hasattr(adaptation, "finish"):
        adaptation.finish(backbone)
    return notes


def _cut(adaptation: Any, backbone: Backbone, options: Mapping[str, Any], augmentation: str) -> Any:
    if augmentation != "none" and augmentation in AUGMENTATIONS:
        return f"images are augmented ({augmentation}) and differ each time"
    found = adaptation.cut(backbone, options)
    return f"{type(backbone.module).__name__} cannot be cut: {found}" if isinstance(found, str) else found
