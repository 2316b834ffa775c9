"""Fit a backbone to a task and read it out; `zoo.finetune` and the benchmark both do it through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Backbone, Batch, ParameterGroup, TaskKind
from zoo.data.augment import augmented, named
from zoo.data.batches import EpochOrder
from zoo.providers.bundles import moved, pooled
from zoo.training.device import choose_device
from zoo.training.loop import History, train
from zoo.training.plan import plan_training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from zoo.training.stopping import Judge
    from zoo.training.trainspec import TrainSpec


@dataclass(frozen=True)
class Labelled:
    """Samples to learn from: preprocessed inputs, all targets [N], and the indices [n] that may be used.

    `modality` says which features answer, where that is not the backbone's own: images for an image-text backbone.
    """

    inputs: Samples
    targets: np.ndarray
    indices: np.ndarray
    modality: str = ""


class Samples(Protocol):
    """A data set by position: `samples[indices]` is a batch of inputs that the backbone takes."""

    def __getitem__(self, indices: np.ndarray) -> Any: ...


class TaskLearner(nn.Module):
    """Backbone and head as one module whose forward is the task's loss on an augmented batch."""

    def __init__(
        self,
        backbone: Backbone,
        head: nn.Module,
        kind: TaskKind,
        augmentation: str,
        smoothing: float,
        modality: str = "",
        weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        named(augmentation)  # an unknown one is refused before anything runs
        self.module, self.head = backbone.module, head
        self._backbone, self._kind = backbone, kind
        self._augmentation, self._smoothing = augmentation, smoothing
        self._modality = modality
        self._of_classes = weights

    def train(self, mode: bool = True) -> TaskLearner:
        """Training mode, except for parts in which no weight trains: their BatchNorm and dropout stay as at the end."""
        super().train(mode)
        for part in self.module.modules():
            weights = list(part.parameters())
            if mode and weights and not any(weight.requires_grad for weight in weights):
                part.eval()
        return self

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The augmented batch."""
        return Batch(augmented(self._augmentation, batch.inputs, generator), batch.targets)

    def forward(self, batch: Batch, generator: torch.Generator | None) -> Tensor:
        """The loss of a batch, or of views (without a generator)."""
        seen = batch if generator is None else self.views(batch, generator)
        outputs = self.head(pooled(self._backbone, seen.inputs, self._modality))
        if self._of_classes is None:
            return self._kind.loss(outputs, batch.targets, self._smoothing)
        return self._kind.loss(outputs, batch.targets, self._smoothing, self._of_classes.to(outputs.device))

    def mass(self, batch: Batch) -> float:
        """What the loss of a batch is a mean over: samples, or the weights of their classes."""
        if self._of_classes is None or batch.targets.dtype.is_floating_point:
            return float(len(batch.targets))
        return float(self._of_classes[batch.targets.cpu()].sum())


def fit_network(
    backbone: Backbone,
    head: nn.Module,
    kind: TaskKind,
    groups: list[ParameterGroup],
    data: Labelled,
    spec: TrainSpec,
    *,
    head_lr: float,
    augmentation: str = "none",
    weights: Tensor | None = None,
    judge: Judge | None = None,
    checkpoints: Path | None = None,
    identity: str = "",
    quiet: bool = False,
    say: Callable[[str], None] | None = None,
) -> History:
    """Train head and backbone together. The head's rate is at least `head_lr`, because it starts from nothing.

    `say` is given the plan (`zoo.training.plan`), which is made only then.
    """
    order = EpochOrder(len(data.indices), spec.batch_size, spec.seed)

    def batch(step: int) -> Batch:
        chosen = data.indices[order(step)]
        return Batch(data.inputs[chosen], torch.from_numpy(data.targets[chosen]))

    head_groups = parameter_groups(head, lr=max(spec.lr, head_lr), weight_decay=spec.weight_decay)
    learner = TaskLearner(backbone, head, kind, augmentation, spec.label_smoothing, data.modality, weights)
    if say:
        fresh = -(-len(data.indices) // spec.batch_size)  # batches of the first epoch; what they hold is then kept
        for line in plan_training(learner, [*groups, *head_groups], batch, spec, fresh_steps=fresh).lines():
            say(line)
    return train(
        learner,
        [*groups, *head_groups],
        batch,
        spec,
        judge=judge,
        checkpoints=checkpoints,
        identity=identity,
        label=f"fine-tuning {backbone.spec.name}",
        quiet=quiet,
    )


@torch.no_grad()
def extract(
    backbone: Backbone,
    inputs: Samples,
    indices: np.ndarray,
    device: str = "cpu",
    *,
    modality: str = "",
    size: int = 256,
) -> Tensor:
    """Pooled features [n, D] of the samples at `indices`, in evaluation mode, on the CPU."""
    device = choose_device(device)
    module = backbone.module.eval().to(device)
    parts = [
        pooled(backbone, moved(inputs[indices[start : start + size]], device), modality).cpu()
        for start in range(0, len(indices), size)
    ]
    module.to("cpu")
    return torch.cat(parts)


@torch.no_grad()
def logits(
    backbone: Backbone,
    head: nn.Module,
    inputs: Samples,
    indices: np.ndarray,
    device: str = "cpu",
    modality: str = "",
) -> Tensor:
    """Outputs [n, classes] of a fitted backbone and head."""
    outputs: Tensor = head.eval()(extract(backbone, inputs, indices, device, modality=modality))
    return outputs
