"""Runs one cell of a suite: an arm at a label budget with a seed, scored on validation (tune) or on test (final)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.adaptations import ADAPTATIONS
from zoo.benchmarking.arm_checks import check_arm, check_shared, trains
from zoo.benchmarking.classical import Classical
from zoo.benchmarking.fits import Setting, fit_frozen, fit_trained
from zoo.benchmarking.frozen import Frozen
from zoo.benchmarking.meter import metered
from zoo.benchmarking.task_data import as_revised, task_data
from zoo.benchmarking.workload import Workload
from zoo.data.augment import augmented, check_augmentation
from zoo.data.batches import generator_at
from zoo.data.splits import label_budget
from zoo.errors import UnknownName
from zoo.providers.loading import fingerprint, load
from zoo.providers.weights import weights_digest
from zoo.specs import RunSpec, digest_of
from zoo.tasks import TASKS
from zoo.training.adapting import prepared
from zoo.training.features import preprocessing_digests
from zoo.training.inputs import Inputs
from zoo.training.matching import answering

if TYPE_CHECKING:
    from collections.abc import Collection

    from zoo.benchmarking.fits import Fitted
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
        IncompatibleError: an arm that does not go with its role, the task or its scratch arm; an augmentation that is
            not for these samples; data of another kind.
        DataError: data that cannot be read or divided, or a class with fewer labels than the largest budget.
    """

    def __init__(self, suite: Suite, device: str = "cpu") -> None:
        self.suite, self.device = suite, device
        self.data, self.split, notes = task_data(suite)
        self.task = as_revised(suite.task, self.data, self.split)
        self.kind = TASKS.get(self.task.kind)()
        one = self.data.targets[:1]
        if suite.task.metric not in (known := self.kind.metrics(one, one)):
            raise UnknownName("metric", suite.task.metric, known, f"Known: {', '.join(known)}.")
        check_augmentation(suite.training["augmentation"], self.data.inputs)
        for arm in suite.arms:
            check_arm(arm, self.task.kind)
        for budget in suite.budgets:  # a budget that the data cannot give is refused before anything runs
            self.labels(budget, seed=0)
        self.setting = Setting(self.data.targets, self.task, self.kind, device, (*self.data.notes, *notes))
        self.classical = Classical(self.data.inputs, self.data.samples)
        self._inputs: dict[str, Inputs] = {}  # arms whose samples become the same, and may be padded alike, share them
        self._inputs_of: dict[str, Inputs] = {}
        self._modality: dict[str, str] = {}
        self._frozen: dict[str, Frozen] = {}
        self._shared: dict[str, dict[str, Any]] = {}
        self.digests = {arm.id: self._digest(arm) for arm in suite.arms}
        check_shared(suite, self._shared)
        self.workload = Workload(self.kind, self.task, self.data.samples, device)
        for arm in (arm for arm in suite.arms if arm.role != "C"):  # counted here, workers need not do it again
            run = self.run_spec(arm, suite.budgets[0], 0, "tune", suite.grids[arm.search][0])
            self.workload.unit(run, self._shared[arm.id]["architecture"])

    def labels(self, budget: int, seed: int) -> np.ndarray:
        """Indices of the labelled samples of one cell: the same for all arms."""
        return label_budget(self.data.targets, self.split.train, budget, seed, self.data.classes)

    def read_once(self, arms: Collection[str]) -> None:
        """Read what the cells of these arms share, so that workers start with it: inputs, and features of frozen ones.

        Inputs of the test part are read with them, and none of its targets.
        """
        everything = np.unique(np.concatenate(self.parts))
        for inputs in {id(one): one for name, one in self._inputs_of.items() if name in arms}.values():
            for index in everything.tolist():
                inputs.one(index)
        for arm in (arm for arm in self.suite.arms if arm.id in arms):
            if arm.role == "C":
                self.classical.read(everything)
            elif not trains(arm):
                self._features(arm.id, arm.backbone).read()

    @cached_property
    def parts(self) -> list[np.ndarray]:
        """The samples that cells may ask for: validation, test, and all that any seed labels at the largest budget."""
        seeds = (*self.suite.tuning_seeds, *self.suite.seeds)
        labels = np.unique(np.concatenate([self.labels(max(self.suite.budgets), seed) for seed in seeds]))
        return [self.split.validation, self.split.test, labels]

    def _digest(self, arm: Arm) -> str:
        """What the arm starts from: its weights (its graph, from scratch) and its preprocessing."""
        if arm.role == "C":
            return ""
        backbone = load(arm.backbone, pretrained=arm.role != "S", seed=0)
        graph, inputs = fingerprint(backbone), self._preprocessing(backbone)
        self._shared[arm.id] = {"architecture": graph, "preprocessing": inputs}
        self._modality[arm.id] = answering(backbone.spec, self.task.kind)
        spec, made = backbone.spec, preprocessing_digests(backbone, self.data.samples)
        same = digest_of(
            [spec.provider, spec.padding, inputs, made]
        )  # what one may pad, another may have to keep apart
        shared = self._inputs.setdefault(same, Inputs(self.data.samples, backbone.preprocess, spec.padding))
        self._inputs_of[arm.id] = shared
        if trains(arm):  # a network that takes other inputs than the augmentation is for is refused here
            augmented(self.suite.training["augmentation"], shared.one(int(self.split.train[0])), generator_at(0, 0))
        return digest_of([graph if arm.role == "S" else weights_digest(backbone.module), inputs])

    def _preprocessing(self, backbone: Backbone) -> list[Any]:
        """What must be the same in arms that are compared: of images the record's fields, else also what comes out."""
        spec = backbone.spec
        if self.data.inputs == "image":
            return [spec.input_size, spec.mean, spec.std, spec.interpolation, spec.crop_pct, spec.crop_mode]
        fields = [spec.sample_rate, spec.normalize_waveform, spec.context, spec.tokenizer, spec.lower_case]
        return [*fields, *preprocessing_digests(backbone, self.data.samples)]

    def _graph(self, run: RunSpec) -> str:
        return str(self._shared.get(run.arm, {}).get("architecture", ""))

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
            if self.data.groups is not None:  # speakers, documents: intervals are made over these
                result["clusters"] = np.unique(self.data.groups[scored], return_inverse=True)[1].tolist()
        return result

    def _fit(self, run: RunSpec, labels: np.ndarray) -> Fitted:
        """A function from sample indices to outputs [n, classes], and facts about what was trained."""
        if run.role == "C":
            return self._fit_classical(run, labels)
        if not ADAPTATIONS.get(run.recipe["adaptation"]).trains_backbone:
            return fit_frozen(self.setting, run, self._features(run.arm, run.backbone), labels)
        return fit_trained(self.setting, run, self._inputs_of[run.arm], labels, self._modality[run.arm])

    def _fit_classical(self, run: RunSpec, labels: np.ndarray) -> Fitted:
        model = self.classical.fit(labels, self.data.targets[labels], run.recipe["penalty"], self.task.classes)
        facts = {"trained_parameters": model.parameters, "total_parameters": model.parameters}
        return lambda indices: torch.from_numpy(model.outputs(indices)), facts

    def _features(self, arm: str, name: str) -> Frozen:
        """What a frozen backbone says of the samples: one for all arms that freeze it."""
        if name not in self._frozen:
            backbone = load(name, seed=0)
            adaptation = next(one.adaptation for one in self.suite.arms if one.id == arm)
            prepared(ADAPTATIONS.get(adaptation)(), backbone, {}, 0)
            self._frozen[name] = Frozen(backbone, self._inputs_of[arm], self.parts, self.device, self._modality[arm])
        return self._frozen[name]


def timed(workbench: Workbench, job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """The `result` of a cell, and what running it took: seconds, peak memory and energy (see `meter.metered`)."""
    with metered(workbench.device) as measured:
        result = workbench.run(job)
    return result, measured
