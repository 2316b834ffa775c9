"""The network's work in a cell, in FLOPs: part of its result, because it is the same on every machine.

FLOPs of training are those of one real step times the steps, because all steps have the same shapes; a frozen part
whose activations are cached is still counted in each step. They are counted
on a network of the same graph that is built for this purpose alone, so counting cannot change a result. Solvers (the
linear probe's, the classical baseline's) are no network: their work counts as 0 FLOPs, and shows in the seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from zoo.adaptations import ADAPTATIONS
from zoo.contracts import Batch
from zoo.providers.loading import load, seeded
from zoo.specs import canonical
from zoo.training.fitting import TaskLearner
from zoo.training.flops import sample_flops, step_flops

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.contracts import TaskKind
    from zoo.specs import RunSpec, TaskSpec


@dataclass(frozen=True)
class Unit:
    """FLOPs of one training step (0 where the backbone is frozen), and of one sample through backbone and head."""

    step: int
    sample: int


_KNOWN: dict[str, Unit | str] = {}  # by graph, adaptation and batch shape; workers inherit what their driver counted


class Workload:
    """Counts FLOPs for the cells of one task.

    Args:
        kind, task: the task, for its head and loss.
        image: one raw sample; its preprocessed shape is that of all.
        device: where to count; the number is the same everywhere, only the time is not.
    """

    def __init__(self, kind: TaskKind, task: TaskSpec, image: Any, device: str = "cpu") -> None:
        self.kind, self.task, self.image, self.device = kind, task, image, device

    def cell(self, run: RunSpec, graph: str, labels: int, scored: int) -> dict[str, Any]:
        """The entry `flops` of a row: `train`, `extract` (frozen features of the labels) and `evaluate`.

        None, with the entry `flops_unknown` saying why, where the network cannot be counted.
        """
        if run.role == "C":
            return {"flops": {"train": 0, "extract": 0, "evaluate": 0}}
        unit = self.unit(run, graph)
        if isinstance(unit, str):
            return {"flops": None, "flops_unknown": unit}
        steps = int(run.recipe.get("steps", 0))
        once = hasattr(ADAPTATIONS.get(run.recipe["adaptation"]), "fit_head")  # features of the labels, for the head
        extracted = labels * unit.sample if once else 0
        return {"flops": {"train": steps * unit.step, "extract": extracted, "evaluate": scored * unit.sample}}

    def unit(self, run: RunSpec, graph: str) -> Unit | str:
        """FLOPs of a step and of a sample, counted once a process for each graph, adaptation and batch shape."""
        adaptation = ADAPTATIONS.get(run.recipe["adaptation"])
        own = getattr(adaptation, "options", {}) if adaptation.trains_backbone else {}
        recipe = {name: run.recipe.get(name) for name in ("adaptation", "batch_size", "augmentation", *own)}
        key = canonical([graph, recipe, self.task.kind, self.task.classes])
        if key not in _KNOWN:
            _KNOWN[key] = _counted(lambda: self._count(run))
        return _KNOWN[key]

    def _count(self, run: RunSpec) -> Unit:
        backbone = load(run.backbone, pretrained=False, seed=0)
        adaptation = ADAPTATIONS.get(run.recipe["adaptation"])()
        with seeded(0):
            adaptation.prepare(backbone, run.recipe)
            head = self.kind.head(backbone, self.task).to(self.device)
        backbone.module.to(self.device)
        sample = backbone.preprocess([self.image]).to(self.device)
        one = sample_flops(backbone, head, sample)
        if not adaptation.trains_backbone:
            return Unit(0, one)
        size = run.recipe["batch_size"]
        batch = Batch(
            sample.repeat(size, *[1] * (sample.ndim - 1)), torch.zeros(size, dtype=torch.long).to(self.device)
        )
        return Unit(step_flops(TaskLearner(backbone, head, self.kind, run.recipe["augmentation"], 0.0), batch), one)


def _counted(work: Callable[[], Unit]) -> Unit | str:
    """What `work` gives, or why it cannot be known: a network that cannot be counted can still be benchmarked."""
    try:
        return work()
    except Exception as error:  # a network, or the counter, may refuse in any way
        return f"{type(error).__name__}: {error}".splitlines()[0]
