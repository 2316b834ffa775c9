"""Fits the model of one cell: a network that trains, or a head on features that were read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from zoo.adaptations import ADAPTATIONS
from zoo.benchmarking.frozen import extracted
from zoo.benchmarking.linter import check_scratch
from zoo.benchmarking.starts import start
from zoo.data.batches import substream
from zoo.providers.loading import fingerprint, load, seeded
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

    from zoo.benchmarking.frozen import Frozen
    from zoo.contracts import Backbone, TaskKind
    from zoo.specs import RunSpec, TaskSpec
    from zoo.training.inputs import Inputs

    Fitted = tuple[Callable[[np.ndarray], Tensor], dict[str, Any]]
    """A function from sample indices to outputs [n, classes], and facts about what was trained."""

SHARED = ("steps", "batch_size", "lr", "weight_decay", "warmup", "clip_norm", "label_smoothing")


@dataclass(frozen=True)
class Setting:
    """What the cells of a task share: targets [N] of all samples, the task, and `notes` on the data."""

    targets: np.ndarray
    task: TaskSpec
    kind: TaskKind
    device: str
    notes: tuple[str, ...] = ()


def fit_trained(setting: Setting, run: RunSpec, inputs: Inputs, labels: np.ndarray, modality: str = "") -> Fitted:
    """Train backbone and head on the samples at `labels`.

    Raises:
        ScratchArmError: a from-scratch arm that the linter refuses.
        TrainingDiverged: the loss left for good.
    """
    backbone = start(run.role, run.backbone, run.seed)
    adaptation, recipe = ADAPTATIONS.get(run.recipe["adaptation"])(), run.recipe
    groups = prepared(adaptation, backbone, recipe, run.seed, modality)
    if run.role == "S":
        check_scratch(
            backbone, groups, recipe["batch_size"], run.seed,
            lambda seed: load(run.backbone, pretrained=False, seed=seed),
        )  # fmt: skip
    with seeded(substream(run.seed, "head")):
        head = setting.kind.head(backbone, setting.task)
    spec = TrainSpec(**{name: recipe[name] for name in SHARED}, seed=run.seed, device=setting.device)
    notes = fit_adapted(
        adaptation, groups, backbone, head, setting.kind, Labelled(inputs, setting.targets, labels, modality), spec,
        recipe, classes=setting.task.classes, head_lr=recipe["head_lr"], augmentation=recipe["augmentation"],
        quiet=True,
    )  # fmt: skip

    def outputs(indices: np.ndarray) -> Tensor:
        with torch.no_grad():
            result: Tensor = head.eval()(extracted(backbone, inputs, indices, setting.device, modality))
            return result

    weights = [parameter for group in groups for parameter in group["params"]]
    return outputs, facts(setting, run, backbone, head, weights, notes)


def fit_frozen(setting: Setting, run: RunSpec, frozen: Frozen, labels: np.ndarray) -> Fitted:
    """Fit a head on the features of the samples at `labels`; the backbone stays as it is."""
    adaptation = ADAPTATIONS.get(run.recipe["adaptation"])()
    known = frozen[labels].numpy()
    head = adaptation.fit_head(known, setting.targets[labels], run.recipe, setting.task.classes)

    def outputs(indices: np.ndarray) -> Tensor:
        with torch.no_grad():
            result: Tensor = head.eval()(frozen[indices])
            return result

    return outputs, facts(setting, run, frozen.backbone, head, [], ())


def facts(
    setting: Setting, run: RunSpec, backbone: Backbone, head: Any, weights: list[Any], notes: tuple[str, ...]
) -> dict[str, Any]:
    """What a row says of its model: `weights` are those of the backbone that trained."""
    trained = [*head.parameters(), *weights]
    return {
        "trained_parameters": sum(parameter.numel() for parameter in trained),
        "total_parameters": sum(p.numel() for part in (backbone.module, head) for p in part.parameters()),
        "graph": fingerprint(backbone),
        "pretraining_flops": None if run.role == "S" else backbone.spec.pretraining_flops,
        "warnings": [*setting.notes, *backbone.notes, *notes],
    }
