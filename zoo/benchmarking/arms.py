"""Runs one cell of a suite: an arm at a label budget with a seed, scored on validation (tune) or on test (final)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.linear_probe import logistic_regression
from zoo.adaptations.options import own_options
from zoo.benchmarking.classical import pixel_features
from zoo.benchmarking.linter import check_scratch
from zoo.benchmarking.meter import metered
from zoo.benchmarking.starts import start
from zoo.benchmarking.workload import Workload
from zoo.data.batches import substream
from zoo.data.images import load_images
from zoo.data.splits import label_budget, split
from zoo.errors import DataError, IncompatibleError, UnknownName
from zoo.providers.loading import fingerprint, load, seeded
from zoo.providers.weights import weights_digest
from zoo.specs import RunSpec, TaskSpec, digest_of
from zoo.tasks import TASKS
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled, extract
from zoo.training.inputs import Inputs
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor, nn

    from zoo.benchmarking.suite import Arm, Suite
    from zoo.contracts import Backbone


@dataclass(frozen=True)
class Job:
    """A cell to run. `search` holds what the search found (for final cells), to be stored in the row."""

    run: RunSpec
    search: dict[str, Any] = field(default_factory=dict)


class SealedTest:
    """The test split of one cell. Reading it is counted, and only `finalize` reads it."""

    def __init__(self, indices: np.ndarray) -> None:
        self._indices = indices
        self.reads = 0

    def finalize(self) -> np.ndarray:
        """Indices of the test items, for the one time that a final model is scored."""
        self.reads += 1
        return self._indices


class Workbench:
    """What all cells of a suite share, prepared once before workers start: data, splits, and each arm's facts.

    Raises:
        UnknownName, WeightsError: a backbone, adaptation or metric of the suite is not known or cannot be loaded.
        IncompatibleError: an adaptation does not go with the role of its arm.
        DataError: a class has fewer labels than the largest budget.
    """

    def __init__(self, suite: Suite, device: str = "cpu") -> None:
        self.suite, self.device = suite, device
        self.data = load_images(suite.task.source)
        if len(self.data.classes) != suite.task.classes:
            raise DataError(
                f"suite {suite.name!r} says {suite.task.classes} classes, and {suite.task.source} has "
                f"{len(self.data.classes)}. Fix: correct `classes` in the suite file."
            )
        self.split = split(self.data.targets, **suite.split)
        self.task = TaskSpec(
            suite.task.name, suite.task.kind, suite.task.source, suite.task.classes, suite.task.metric,
            revision=digest_of([self.data.digest, self.split.digest]),
        )  # fmt: skip
        self.kind = TASKS.get(self.task.kind)()
        one = self.data.targets[:1]
        if suite.task.metric not in (known := self.kind.metrics(one, one)):
            raise UnknownName("metric", suite.task.metric, known, f"Known: {', '.join(known)}.")
        for arm in suite.arms:
            _check_adaptation(arm)
        for budget in suite.budgets:  # a budget that the data cannot give is refused before anything runs
            self.labels(budget, seed=0)
        self._shared: dict[str, dict[str, Any]] = {}
        self.digests = {arm.id: self._digest(arm) for arm in suite.arms}
        self._check_shared()
        self._inputs: dict[str, Inputs] = {}
        self.workload = Workload(self.kind, self.task, self.data.samples[0], device)
        for arm in (arm for arm in suite.arms if arm.role != "C"):  # counted here, workers need not do it again
            run = self.run_spec(arm, suite.budgets[0], 0, "tune", suite.grids[arm.search][0])
            self.workload.unit(run, self._shared[arm.id]["architecture"])

    def labels(self, budget: int, seed: int) -> np.ndarray:
        """Indices of the labelled samples of one cell: the same for all arms."""
        return label_budget(self.data.targets, self.split.train, budget, seed, self.data.classes)

    def _digest(self, arm: Arm) -> str:
        """What the arm starts from: its weights (its graph, from scratch) and its preprocessing."""
        if arm.role == "C":
            return ""
        backbone = load(arm.backbone, pretrained=arm.role != "S", seed=0)
        spec, graph = backbone.spec, fingerprint(backbone)
        inputs = [spec.input_size, spec.mean, spec.std, spec.interpolation, spec.crop_pct, spec.crop_mode]
        self._shared[arm.id] = {"architecture": graph, "preprocessing": inputs}
        return digest_of([graph if arm.role == "S" else weights_digest(backbone.module), inputs])

    def _graph(self, run: RunSpec) -> str:
        return str(self._shared.get(run.arm, {}).get("architecture", ""))

    def _check_shared(self) -> None:
        """Only the start may differ: each arm has the graph, inputs and adaptation that its scratch arm has.

        An arm of role P may have an adaptation that makes no sense without trained weights (LoRA): scratch cannot have
        it, trains in full, and the verdict is on pre-training used in that way.

        Raises:
            IncompatibleError: an arm has another architecture, preprocessing or (where it trains) adaptation.
        """
        for arm in (arm for arm in self.suite.arms if arm.role in "PFM"):
            scratch = self.suite.baselines(arm)[0]
            what = [name for name, own in self._shared[arm.id].items() if own != self._shared[scratch.id][name]]
            if arm.role in "PM" and arm.adaptation != scratch.adaptation and not _needs_trained(arm):
                what.append("adaptation")
            if arm.role == "M" and arm.options != scratch.options:
                what.append("options")
            if what:
                raise IncompatibleError(
                    f"arm {arm.id!r} ({arm.backbone}) has another {' and '.join(what)} than the from-scratch arm "
                    f"{scratch.id!r} ({scratch.backbone}), so their difference would not be due to pre-training. "
                    "Fix: give the from-scratch arm the same name; it is built without its weights."
                )

    def run_spec(self, arm: Arm, budget: int, seed: int, phase: str, value: float, schedule: int = 1) -> RunSpec:
        """The record of one cell: everything that can change its result."""
        recipe: dict[str, Any] = {"adaptation": arm.adaptation, arm.search: value, "threads": 1, "device": self.device}
        recipe |= arm.options
        if arm.search == "lr":
            recipe |= {"steps": self.suite.steps * schedule, "schedule": schedule, **self.suite.training}
        return RunSpec(
            self.suite.name, self.suite.version, self.task.name, self.task.revision, arm.id, arm.role, arm.backbone,
            self.digests[arm.id], budget, seed, phase, recipe,
        )  # fmt: skip

    def run(self, job: Job) -> dict[str, Any]:
        """The `result` part of a row. Raises whatever goes wrong: the executor turns it into a failed row."""
        run = job.run
        sealed = SealedTest(self.split.test)
        labels = self.labels(run.budget, run.seed)
        outputs, facts = self._fit(run, labels)
        if run.phase == "tune":
            scored = self.split.validation
        elif run.phase == "final":
            scored = sealed.finalize()
        else:
            raise UnknownName("phase", run.phase, ["tune", "final"])
        predicted = outputs(scored)
        targets = torch.from_numpy(self.data.targets[scored])
        predictions = self.kind.predict(predicted).numpy()
        result = {
            "status": "ok",
            "split": "test" if run.phase == "final" else "validation",
            "score": self.kind.metrics(predictions, targets.numpy())[self.task.metric],
            "loss": float(self.kind.loss(predicted, targets)),
            "test_reads": sealed.reads,
            **self.workload.cell(run, self._graph(run), len(labels), len(scored)),
        }
        if run.phase == "final":
            correct = "".join("1" if hit else "0" for hit in predictions == targets.numpy())
            result |= {"correct": correct, "predictions": predictions.tolist(), **job.search, **facts}
        return result

    def _fit(self, run: RunSpec, labels: np.ndarray) -> tuple[Callable[[np.ndarray], Tensor], dict[str, Any]]:
        """A function from sample indices to outputs [n, classes], and facts about what was trained."""
        if run.role == "C":
            return self._fit_classical(run, labels)
        backbone = start(run.role, run.backbone, run.seed)
        adaptation = ADAPTATIONS.get(run.recipe["adaptation"])()
        inputs = self._preprocessed(run.backbone, backbone)
        groups = prepared(adaptation, backbone, run.recipe, run.seed)
        if run.role == "S":
            check_scratch(
                backbone,
                groups,
                run.recipe["batch_size"],
                run.seed,
                lambda seed: load(run.backbone, pretrained=False, seed=seed),
            )
        head, notes = self._head(run, backbone, adaptation, groups, Labelled(inputs, self.data.targets, labels))

        def outputs(indices: np.ndarray) -> Tensor:
            with torch.no_grad():
                result: Tensor = head.eval()(extract(backbone, inputs, indices, self.device))
                return result

        trained = list(head.parameters()) + [p for group in groups for p in group["params"]]
        facts = {
            "trained_parameters": sum(parameter.numel() for parameter in trained),
            "total_parameters": sum(p.numel() for part in (backbone.module, head) for p in part.parameters()),
            "graph": fingerprint(backbone),
            "pretraining_flops": None if run.role == "S" else backbone.spec.pretraining_flops,
            "warnings": [*self.data.notes, *backbone.notes, *notes],
        }
        return outputs, facts

    def _head(
        self, run: RunSpec, backbone: Backbone, adaptation: Any, groups: list[dict[str, Any]], data: Labelled
    ) -> tuple[nn.Module, tuple[str, ...]]:
        recipe = run.recipe
        if not adaptation.trains_backbone:
            features = extract(backbone, data.inputs, data.indices, self.device).numpy()
            return adaptation.fit_head(features, data.targets[data.indices], recipe, self.task.classes), ()
        with seeded(substream(run.seed, "head")):
            head = self.kind.head(backbone, self.task)
        shared = ("steps", "batch_size", "lr", "weight_decay", "warmup", "clip_norm", "label_smoothing")
        spec = TrainSpec(**{name: recipe[name] for name in shared}, seed=run.seed, device=self.device)
        notes = fit_adapted(
            adaptation, groups, backbone, head, self.kind, data, spec, recipe, classes=self.task.classes,
            head_lr=recipe["head_lr"], augmentation=recipe["augmentation"], quiet=True,
        )  # fmt: skip
        return head, notes

    def _fit_classical(self, run: RunSpec, labels: np.ndarray) -> tuple[Callable[[np.ndarray], Tensor], dict[str, Any]]:
        known = pixel_features(self.data.samples, labels)
        weight, bias = logistic_regression(known, self.data.targets[labels], run.recipe["penalty"], self.task.classes)
        facts = {"trained_parameters": weight.size + bias.size, "total_parameters": weight.size + bias.size}
        return lambda indices: torch.from_numpy(pixel_features(self.data.samples, indices) @ weight.T + bias), facts

    def _preprocessed(self, name: str, backbone: Backbone) -> Inputs:
        """Inputs as this backbone wants them, kept from cell to cell."""
        if name not in self._inputs:
            self._inputs[name] = Inputs(self.data.samples, backbone.preprocess)
        return self._inputs[name]


def _check_adaptation(arm: Arm) -> None:
    """Refuse an arm whose adaptation does not go with its role, or has no such options, before anything runs."""
    if arm.role == "C":
        if arm.options:
            raise IncompatibleError(f"arm {arm.id!r} has role C, which takes no options. Fix: leave them out.")
        return
    adaptation, trains = ADAPTATIONS.get(arm.adaptation)(), arm.role in "SPM"
    own_options(arm.adaptation, adaptation, arm.options)
    what = ""
    if adaptation.trains_backbone != trains:
        what = f"which {'trains' if trains else 'freezes'} the backbone, and adaptation {arm.adaptation!r} does not"
    elif arm.role in "SM" and _needs_trained(arm):
        what = f"which has no trained weights, and adaptation {arm.adaptation!r} makes no sense without"
    if arm.search in arm.options:
        raise IncompatibleError(
            f"arm {arm.id!r} sets {arm.search}, which zoo searches. Fix: list its values under grids.{arm.search}."
        )
    if what:
        raise IncompatibleError(
            f"arm {arm.id!r} has role {arm.role}, {what}. Fix: roles S, P and M take 'full' (P also 'lora', 'top_k' "
            "or 'lp_ft'), role F takes 'linear_probe' or 'knn'."
        )


def _needs_trained(arm: Arm) -> bool:
    return bool(getattr(ADAPTATIONS.get(arm.adaptation), "needs_trained", False))


def timed(workbench: Workbench, job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """The `result` of a cell, and what running it took: seconds, peak memory and energy (see `meter.metered`)."""
    with metered(workbench.device) as measured:
        result = workbench.run(job)
    return result, measured
