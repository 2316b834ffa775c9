"""The network's work in a cell, in FLOPs: part of its result, because it is the same on every machine.

FLOPs of training are those of one real step times the steps; a frozen part whose activations are cached is still
counted in each step. Images have one shape. Texts and sounds are counted at one length, that of a typical sample (see
`typical`), which the row says as `flops_length`: a batch is as many of it, so what padding costs is not counted. It
is done on a network of the same graph that is built for this purpose alone, so counting cannot change a result.
Solvers (the linear probe's, the classical baseline's) are no network: their work counts as 0 FLOPs, and shows in the
seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.adaptations import ADAPTATIONS
from zoo.benchmarking.frozen import length_of
from zoo.contracts import Batch, Padded, Pair
from zoo.providers.bundles import moved
from zoo.providers.loading import load, seeded
from zoo.specs import canonical
from zoo.training.fitting import TaskLearner
from zoo.training.flops import sample_flops, step_flops
from zoo.training.matching import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.contracts import Backbone, TaskKind
    from zoo.specs import RunSpec, TaskSpec


@dataclass(frozen=True)
class Unit:
    """FLOPs of one training step (0 where the backbone is frozen), and of one sample through backbone and head.

    `length` is that of the sample, in tokens, frames or values; 0 where all samples have one shape.
    """

    step: int
    sample: int
    length: int = 0


PROBED = 64  # samples whose lengths are looked at
_KNOWN: dict[str, Unit | str] = {}  # by graph, adaptation and batch shape; workers inherit what their driver counted


class Workload:
    """Counts FLOPs for the cells of one task.

    Args:
        kind, task: the task, for its head and loss.
        samples: raw samples; some of them, evenly spaced, tell the length that work is counted at.
        device: where to count; the number is the same everywhere, only the time is not.
    """

    def __init__(self, kind: TaskKind, task: TaskSpec, samples: Sequence[Any], device: str = "cpu") -> None:
        self.kind, self.task, self.samples, self.device = kind, task, samples, device

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
        flops = {"train": steps * unit.step, "extract": extracted, "evaluate": scored * unit.sample}
        return {"flops": flops} | ({"flops_length": unit.length} if unit.length else {})

    def unit(self, run: RunSpec, graph: str) -> Unit | str:
        """FLOPs of a step and of a sample, counted once a process for each graph, adaptation and batch shape."""
        adaptation = ADAPTATIONS.get(run.recipe["adaptation"])
        own = getattr(adaptation, "options", {}) if adaptation.trains_backbone else {}
        recipe = {name: run.recipe.get(name) for name in ("adaptation", "batch_size", "augmentation", *own)}
        key = canonical([graph, recipe, self.task.kind, self.task.classes, self.task.revision])
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
        modality = answering(backbone.spec, self.task.kind)
        sample = moved(typical(backbone, self.samples), self.device)
        one, length = sample_flops(backbone, head, sample, modality), length_of(sample)
        if not adaptation.trains_backbone:
            return Unit(0, one, length)
        size = run.recipe["batch_size"]
        batch = Batch(repeated(sample, size), torch.zeros(size, dtype=torch.long).to(self.device))
        learner = TaskLearner(backbone, head, self.kind, run.recipe["augmentation"], 0.0, modality)
        return Unit(step_flops(learner, batch), one, length)


def typical(backbone: Backbone, samples: Sequence[Any]) -> Any:
    """A prepared sample, as a batch of one: of up to 64 evenly spaced ones that whose length is nearest to their mean.

    Where nothing is padded, so that all have one shape, it is the first.
    """
    first = backbone.preprocess([samples[0]])
    if not length_of(first):
        return first
    places = np.unique(np.linspace(0, len(samples) - 1, PROBED).round().astype(int)).tolist()
    made = [backbone.preprocess([samples[place]]) for place in places]
    lengths = np.array([length_of(one) for one in made])
    return made[int(np.abs(lengths - lengths.mean()).argmin())]


def repeated(sample: Any, size: int) -> Any:
    """A batch of `size` times the same sample, which is a batch of one.

    Example:
        >>> repeated(torch.zeros(1, 3, 8, 8), 5).shape
        torch.Size([5, 3, 8, 8])
    """
    if isinstance(sample, Padded):
        return Padded(repeated(sample.values, size), repeated(sample.mask, size))
    if isinstance(sample, Pair):
        return Pair(*(None if one is None else repeated(one, size) for one in (sample.vision, sample.text)))
    return sample.repeat(size, *[1] * (sample.ndim - 1))


def _counted(work: Callable[[], Unit]) -> Unit | str:
    """What `work` gives, or why it cannot be known: a network that cannot be counted can still be benchmarked."""
    try:
        return work()
    except Exception as error:  # a network, or the counter, may refuse in any way
        return f"{type(error).__name__}: {error}".splitlines()[0]
