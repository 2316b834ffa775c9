"""One fit of one method: what `zoo.finetune` does once, and a search many times."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.adaptations import ADAPTATIONS
from zoo.data.batches import substream
from zoo.providers.loading import seeded
from zoo.providers.weights import weights_digest
from zoo.specs import digest_of
from zoo.tasks import TASKS
from zoo.tasks.calibration import fit_temperature
from zoo.tasks.intervals import score_interval
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.extraction import extract_fast
from zoo.training.features import features_of
from zoo.training.fitted import both
from zoo.training.fitting import Labelled
from zoo.training.matching import answering, wants_layers
from zoo.training.plan import plan_extraction
from zoo.training.stopping import Judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.contracts import Backbone, TaskKind
    from zoo.data.labelled import LabelledData
    from zoo.data.splits import Split
    from zoo.specs import TaskSpec
    from zoo.training.inputs import Inputs
    from zoo.training.trainspec import TrainSpec

HEAD_LR = 2e-3  # the least rate of a head, which starts from nothing
SCORES = 10  # times that validation is scored in the course of training, with early stopping


@dataclass(frozen=True)
class Job:
    """Everything of a fit but its settings.

    `chosen` are the indices that may be learnt from, and `seen` the features that were read out already.
    """

    backbone: Backbone
    data: LabelledData
    inputs: Inputs
    split: Split
    chosen: np.ndarray
    task: TaskSpec
    method: str
    device: str
    augmentation: str
    class_weights: str | Mapping[str, float]
    early_stopping: int | None
    folder: Path | None
    quiet: bool
    seen: dict[bytes, np.ndarray] = field(default_factory=dict)

    @property
    def kind(self) -> TaskKind:
        """The kind of task."""
        found: TaskKind = TASKS.get(self.task.kind)()
        return found

    @property
    def modality(self) -> str:
        """Which features answer."""
        return answering(self.backbone.spec, self.task.kind)

    def features(self, indices: np.ndarray) -> np.ndarray:
        """What a head takes of the samples at `indices`, [n, D] or of all layers [n, L, D]: kept, if nothing trains."""
        self.read(indices)
        return self.seen[indices.tobytes()]

    def read(self, *parts: np.ndarray) -> None:
        """Read the features of several parts in one go, because to find what is kept costs a digest of all weights."""
        fresh = [part for part in parts if part.tobytes() not in self.seen]
        if not fresh:
            return
        every = np.unique(np.concatenate(fresh))
        made = features_of(
            self.backbone, self.data, every, self.device, modality=self.modality, layers=wants_layers(self.method),
            inputs=self.inputs,
        )  # fmt: skip
        self.seen.update((part.tobytes(), made[np.searchsorted(every, part)]) for part in fresh)

    def outputs(self, head: nn.Module, indices: np.ndarray) -> Tensor:
        """Outputs [n, K] of the backbone as it is now, on the CPU."""
        if ADAPTATIONS.get(self.method).trains_backbone:
            made = extract_fast(self.backbone, self.inputs, indices, self.device, modality=self.modality)
        else:
            made = self.features(indices)
        with torch.no_grad():
            found: Tensor = head.eval()(torch.from_numpy(made))
        return found

    def score(self, head: nn.Module, indices: np.ndarray) -> float:
        """The primary score of the samples at `indices`; greater is better."""
        return self.judged(self.outputs(head, indices), indices)

    def judged(self, outputs: Tensor, indices: np.ndarray) -> float:
        """The primary score of outputs, greater being better."""
        kind = self.kind
        found = kind.score(outputs, self.data.targets[indices], self.task.classes)[kind.primary]
        return found if kind.greater_is_better else -found


@dataclass(frozen=True)
class Fit:
    """What one fit gave: a head, the settings that it used, and sentences for the user."""

    head: nn.Module
    used: dict[str, Any]
    notes: tuple[str, ...] = ()


def fit(
    job: Job,
    spec: TrainSpec,
    options: Mapping[str, Any],
    say: Callable[[str], None] | None = None,
    watch: Callable[[float], None] | None = None,
) -> Fit:
    """Fit the job's method with these settings; a backbone that trains is trained in place.

    Args:
        job: what is fitted.
        spec: of training.
        options: all options of the method.
        say: is given the plan; without it none is made.
        watch: is given each score of validation during training; what it raises ends the fit. It changes no weight:
            the fit ends with those that it would have without it.
    """
    adaptation, kind = ADAPTATIONS.get(job.method)(), job.kind
    with seeded(substream(spec.seed, "head")):
        head = kind.head(job.backbone, job.task)
    settings = {"lr": spec.lr, "weight_decay": spec.weight_decay, **options}
    if not adaptation.trains_backbone:
        prepared(adaptation, job.backbone, settings, spec.seed, job.modality)
        return _frozen(job, adaptation, options, spec.seed, say)
    known = Labelled(job.inputs, job.data.targets, job.chosen, job.modality)
    weights = kind.start(head, job.data.targets[job.chosen], job.data.classes, job.class_weights)  # may refuse: first
    groups = prepared(adaptation, job.backbone, settings, spec.seed, job.modality)
    pull = None if weights.values is None else torch.from_numpy(weights.values)
    identity = digest_of([
        weights_digest(both(job.backbone, head)), job.data.digest, job.chosen.tolist(), job.data.classes, job.method,
        settings, job.augmentation, HEAD_LR, None if weights.values is None else weights.values.tolist(),
    ])  # fmt: skip

    def score() -> float:
        found = job.score(head, job.split.validation)
        if watch:
            watch(found)
        return found if job.early_stopping else math.nan  # no score is the best one: the last weights are kept

    judge = None
    if job.early_stopping or watch:
        judge = Judge(score, every=max(1, spec.steps // SCORES), patience=job.early_stopping or spec.steps + 1)
    notes = fit_adapted(
        adaptation, groups, job.backbone, head, kind, known, spec, options, classes=job.task.classes, head_lr=HEAD_LR,
        augmentation=job.augmentation, weights=pull, judge=judge,
        checkpoints=job.folder / "checkpoints" if job.folder and not watch else None, identity=identity,
        quiet=job.quiet or watch is not None, say=say,
    )  # fmt: skip
    return Fit(head, spec.to_json() | {"augmentation": job.augmentation, **options}, (*weights.notes, *notes))


def _frozen(job: Job, adaptation: Any, options: Mapping[str, Any], seed: int, say: Callable[[str], None] | None) -> Fit:
    """A head on features that are extracted once; of several candidates the one that validation likes best."""
    if say:
        everything = np.concatenate([job.chosen, job.split.validation, job.split.test])
        for line in plan_extraction(job.backbone, job.inputs, everything, job.device, modality=job.modality).lines():
            say(line)
    tried = adaptation.candidates(options, len(job.chosen))
    targets, more = job.data.targets[job.chosen], {}
    if getattr(adaptation, "needs_names", False):
        features, more = np.zeros((0, job.backbone.pooled_dim), np.float32), {"names": job.data.classes}
    else:
        job.read(job.chosen, job.split.validation, job.split.test)
        features = job.features(job.chosen)
    heads = [adaptation.fit_head(features, targets, each, job.task.classes, **more) for each in tried]
    best = 0
    if len(heads) > 1:
        checked = torch.from_numpy(job.features(job.split.validation))
        with torch.no_grad():
            marks = [job.judged(head.eval()(checked), job.split.validation) for head in heads]
        best = int(np.argmax(marks))
    return Fit(heads[best], {**tried[best], "seed": seed})


def scored(job: Job, head: nn.Module, seed: int) -> tuple[dict[str, Any], float]:
    """The scores of a fitted model, and the temperature of its probabilities, which validation decides.

    The test part is read here, once. Of the primary score there is a 95 % interval over test items.
    """
    kind, split, targets = job.kind, job.split, job.data.targets
    checked = job.outputs(head, split.validation)
    found: dict[str, Any] = {"metric": kind.primary}
    temperature = 1.0
    if kind.probabilities(checked) is not None and len(split.validation):
        temperature = fit_temperature(checked, targets[split.validation])
    if len(split.test):
        outputs = job.outputs(head, split.test)
        scores = kind.score(outputs / temperature, targets[split.test], job.task.classes)
        found |= scores
        if "ece" in scores:
            raw = kind.score(outputs, targets[split.test], job.task.classes)
            found["ece_uncalibrated"] = raw["ece"]
        groups = None if job.data.groups is None else job.data.groups[split.test]
        interval = score_interval(
            job.data.answer, kind.primary, outputs.numpy(), targets[split.test], groups, seed=seed
        )
        found |= {"low": interval.low, "high": interval.high, "interval": interval.method}
    if len(split.validation):
        found["validation"] = kind.score(checked, targets[split.validation], job.task.classes)[kind.primary]
    counts = {"labels": len(job.chosen), "test_items": len(split.test), "validation_items": len(split.validation)}
    return found | counts, temperature
