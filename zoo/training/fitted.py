"""A fitted model: a backbone and a head that take raw files or texts, with all that is needed to use them again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from zoo.adaptations import ADAPTATIONS
from zoo.data.labelled import ANSWERS, LabelledData, Opened, inputs_of
from zoo.data.sources import read_data
from zoo.errors import DataError, IncompatibleError, WeightsError
from zoo.io.atomic import replace
from zoo.io.fetch import HUB
from zoo.providers.exported import is_exported
from zoo.providers.loading import build
from zoo.providers.published import published_folder
from zoo.providers.weights import load_strictly, read_weights
from zoo.specs import BackboneSpec, Record, TaskSpec
from zoo.tasks import TASKS
from zoo.training.carried import carried, carry
from zoo.training.extraction import extract_fast
from zoo.training.inputs import Inputs
from zoo.training.matching import answering, wants_layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from zoo.contracts import Backbone, TaskKind

RECORD, WEIGHTS = "fitted.json", "model.safetensors"
BATCH = 64  # samples that go through the network together


@dataclass(frozen=True)
class FittedSpec(Record):
    """What a saved model is: its backbone, its task, how it was fitted, and the scores it reached.

    `notes` say what was decided for the user; `head` what rebuilds a head that is no linear layer; `temperature` what
    outputs are divided by before they become probabilities; `data` the digests of the data and of its split; `start`
    what the backbone's weights began as (`pre-trained`, `from scratch` or `as given`; "" where nobody wrote it down);
    `licence` what a model that was published, and read from there, is under.
    """

    backbone: BackboneSpec
    task: TaskSpec
    classes: tuple[str, ...]
    method: str
    options: dict[str, Any]
    scores: dict[str, Any]
    digest: str = ""
    notes: tuple[str, ...] = ()
    head: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    data: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    licence: str = ""


@dataclass(frozen=True)
class FittedModel:
    """A backbone with a fitted head, which takes raw samples.

    Samples are PIL images or paths of images, texts, pairs of texts, paths of sounds or (waveform, Hz); each gets the
    answer that it would get alone.

    Example:
        >>> model = zoo.load_model("runs/photos")                                      # doctest: +SKIP
        >>> model.predict(["new/1.jpg", "new/2.jpg"])                                  # doctest: +SKIP
        ['cat', 'dog']
    """

    spec: FittedSpec
    backbone: Backbone
    head: nn.Module

    @property
    def kind(self) -> TaskKind:
        """The kind of its task."""
        found: TaskKind = TASKS.get(self.spec.task.kind)()
        return found

    def outputs(self, samples: Sequence[Any], batch_size: int = BATCH) -> Tensor:
        """What the head gives, [N, K] float32 on the CPU: logits, or numbers in the units of the targets.

        Raises:
            DataError: a sample that cannot be read, or that is none of this kind.
        """
        if isinstance(samples, str | os.PathLike) or not hasattr(samples, "__len__"):
            raise DataError(
                f"samples must be a list, received {type(samples).__name__} {str(samples)!r:.60}. "
                "Fix: pass [sample, ...]."
            )
        opened = Opened(samples, inputs_of(self.spec.task.kind))
        inputs = Inputs(opened, self.backbone.preprocess, self.backbone.spec.padding, keep_bytes=0)
        return self.outputs_of(inputs, np.arange(len(samples)), batch_size)

    def outputs_of(self, inputs: Inputs, indices: np.ndarray, batch_size: int = BATCH) -> Tensor:
        """What `outputs` gives, of the samples at `indices` [n] of inputs that are preprocessed already."""
        if not len(indices):
            return torch.zeros(0, self.spec.task.classes)
        features = extract_fast(
            self.backbone,
            inputs,
            indices,
            modality=answering(self.backbone.spec, self.spec.task.kind),
            layers=wants_layers(self.spec.method),
            size=batch_size,
            fold=False,  # so that the number of samples changes no answer
        )
        with torch.no_grad():
            found: Tensor = self.head.eval()(torch.from_numpy(features))
        return found

    def predict_proba(self, samples: Sequence[Any], batch_size: int = BATCH) -> np.ndarray:
        """Probabilities [N, classes] in the order of `spec.classes`, calibrated on the validation part.

        Of one answer they sum to 1; of several each class has its own.

        Raises:
            IncompatibleError: a regression, whose answers have no probability.
            DataError: as `outputs` says.
        """
        found = self.kind.probabilities(self.outputs(samples, batch_size) / self.spec.temperature)
        if found is None:
            raise IncompatibleError(
                f"{self.spec.task.name} is a regression, whose answers have no probability. Fix: predict."
            )
        return np.asarray(found.numpy())

    def predict(self, samples: Sequence[Any], batch_size: int = BATCH) -> list[Any]:
        """The answer for each sample: a class, a tuple of all classes that are more likely there than not, or a number.

        Raises:
            DataError: as `outputs` says.
        """
        return self.answers(self.outputs(samples, batch_size))

    def answers(self, outputs: Tensor) -> list[Any]:
        """What `predict` says, of outputs [N, K] that are there already."""
        found = self.kind.predict(outputs).tolist()
        if not self.spec.classes:
            return found
        if found and isinstance(found[0], list):
            return [tuple(name for name, there in zip(self.spec.classes, row, strict=True) if there) for row in found]
        return [self.spec.classes[index] for index in found]

    def evaluate(
        self, data: Any, batch_size: int = BATCH, roles: Mapping[str, str | Sequence[str]] | None = None
    ) -> dict[str, float]:
        """All scores of the task on labelled data with the same classes.

        Args:
            data: whatever `zoo.read_data` reads; its samples and answers are taken for those of the model's task.
            batch_size: samples that go through the network together; it changes no score.
            roles: which column is what, as `zoo.finetune` takes it.

        Raises:
            DataError: the data has classes that the model was not fitted to, or is for another kind of task.
        """
        if not isinstance(data, LabelledData):
            inputs = inputs_of(self.spec.task.kind)
            answer = self.spec.task.kind.removeprefix(f"{inputs}_")
            data = read_data(data, inputs=inputs, answer=answer if answer in ANSWERS else "", roles=roles)
        if data.kind != self.spec.task.kind:
            raise DataError(
                f"{data.name} is for {data.kind}, and this model does {self.spec.task.kind}. Fix: other data."
            )
        if unseen := sorted(set(data.classes) - set(self.spec.classes)):
            raise DataError(
                f"{data.name} has classes that this model was not fitted to: {', '.join(unseen[:5])}. It knows "
                f"{', '.join(self.spec.classes[:10])}. Fix: leave those samples out, or fit again with them."
            )
        place = [self.spec.classes.index(name) for name in data.classes]
        targets = data.targets
        if data.answer == "classification":
            targets = np.array(place)[targets]
        elif data.answer == "multi_label":
            targets = np.zeros((len(data), len(self.spec.classes)), dtype=np.float32)
            targets[:, place] = data.targets
        outputs = self.outputs(data.samples, batch_size) / self.spec.temperature
        return self.kind.score(outputs, targets, self.spec.task.classes)

    def save(self, folder: str | Path) -> Path:
        """Write `fitted.json`, `model.safetensors` and the preprocessing's files; `zoo.load_model(folder)` reads them.

        Raises:
            WeightsError: the folder cannot be written, or holds another model, which is left as it is.
        """
        from safetensors.torch import save

        path = writable(folder)
        data = save({name: t.contiguous().clone() for name, t in both(self.backbone, self.head).state_dict().items()})
        spec = dataclasses.replace(self.spec, digest=hashlib.sha256(data).hexdigest())
        try:
            texts = inputs_of(spec.task.kind).startswith("text")
            carry(self.backbone.spec, path, texts=texts)  # a model that was loaded has its files where that was
            replace(path / WEIGHTS, data)
            replace(path / RECORD, json.dumps(spec.to_json(), indent=1).encode())
        except OSError as error:
            raise WeightsError(f"cannot write to {path}: {error.strerror}. Fix: choose another folder.") from error
        return path


def both(backbone: Backbone, head: nn.Module) -> nn.ModuleDict:
    """Backbone and head as one module, as they are saved."""
    return nn.ModuleDict({"backbone": backbone.module, "head": head})


def writable(folder: str | Path) -> Path:
    """`folder`, made if need be, when a fitted model can be saved there.

    Raises:
        WeightsError: it cannot be written, or holds a model already.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
        replace(path / ".probe", b"")
        (path / ".probe").unlink()
    except OSError as error:
        raise WeightsError(f"cannot write to {path}: {error.strerror}. Fix: choose another --out folder.") from error
    if (path / RECORD).exists():
        raise WeightsError(
            f"{path} holds a fitted model already, and it is left as it is. Fix: choose another --out folder, or move "
            "that one away."
        )
    return path


def blank_head(spec: FittedSpec, backbone: Backbone) -> nn.Module:
    """A head of the saved one's shapes, for its weights to be loaded into.

    Raises:
        WeightsError: the record does not say them.
    """
    if spec.head:
        make = ADAPTATIONS.get(spec.method)().blank_head
        try:
            found: nn.Module = make(backbone.pooled_dim, spec.task.classes, spec.head)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise WeightsError(
                f"the record of the model says no head of `{spec.method}` ({type(error).__name__} {str(error)[:80]}). "
                "Fix: copy or fetch the model again."
            ) from error
        return found
    return TASKS.get(spec.task.kind)().head(backbone, spec.task)  # type: ignore[no-any-return]


def load_model(folder: str | Path, backbone: Backbone | None = None) -> FittedModel:
    """Read a model that `FittedModel.save`, `zoo.export` or `zoo.publish` wrote.

    Args:
        folder: what was given to `save` or `export`, or to `finetune` as `out`; or `hf-hub:OWNER/NAME[@REVISION]`.
        backbone: for a model of your own module, that module as `zoo.wrap` gives it; it takes the saved weights.

    Raises:
        WeightsError: the folder holds no such model, or its weights are damaged or do not fit `backbone`.
        Offline, UnsafeContent: as `zoo.load` says of repositories.
    """
    if str(folder).startswith(HUB):
        folder = published_folder(str(folder))
    path = Path(folder).expanduser()
    if is_exported(path):
        from zoo.training.exported import load_exported

        return load_exported(path, backbone)
    try:
        spec = FittedSpec.from_json(json.loads((path / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} holds no fitted model: {RECORD} cannot be read ({error}). "
            "Fix: give the --out folder of `zoo finetune`."
        ) from error
    if backbone is None and spec.backbone.provider == "module":
        raise WeightsError(
            f"{path} holds a model of your own module {spec.backbone.name!r}, and zoo runs no code that a folder "
            "names. Fix: zoo.load_model(folder, backbone=zoo.wrap(module))."
        )
    if backbone is None:
        backbone = build(carried(spec.backbone, path), pretrained=False, seed=0, layers=wants_layers(spec.method))
    head = blank_head(spec, backbone)
    load_strictly(both(backbone, head), read_weights(path / WEIGHTS, spec.digest), str(path))
    return FittedModel(spec, backbone, head)
