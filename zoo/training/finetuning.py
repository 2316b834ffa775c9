"""`zoo.finetune`: a backbone and a labelled data set in, a fitted model with its scores out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from zoo.adaptations import ADAPTATIONS
from zoo.data.images import Inputs, LabelledImages, load_images
from zoo.data.splits import label_budget, split
from zoo.errors import DataError, InvalidRecord, WeightsError
from zoo.providers.loading import load, seeded
from zoo.providers.weights import load_strictly, read_weights
from zoo.specs import BackboneSpec, Record, TaskSpec
from zoo.tasks import TASKS
from zoo.training.fitting import Labelled, extract, fit_network, logits
from zoo.training.loop import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.contracts import Backbone

PENALTIES = (0.01, 0.1, 1.0, 10.0)
RECORD, WEIGHTS = "fitted.json", "model.safetensors"


@dataclass(frozen=True)
class FittedSpec(Record):
    """What a saved model is: its backbone, its task, how it was fitted, and the scores it reached, in percent."""

    backbone: BackboneSpec
    task: TaskSpec
    classes: tuple[str, ...]
    method: str
    options: dict[str, Any]
    scores: dict[str, Any]
    digest: str = ""


@dataclass(frozen=True)
class FittedModel:
    """A backbone with a fitted head, that takes raw images."""

    spec: FittedSpec
    backbone: Backbone
    head: nn.Module

    def predict_proba(self, images: Sequence[Any]) -> np.ndarray:
        """Class probabilities [N, classes] of PIL images, in the order of `spec.classes`."""
        if not len(images):
            return np.zeros((0, len(self.spec.classes)), dtype=np.float32)
        outputs = logits(self.backbone, self.head, Inputs(images, self.backbone.preprocess), np.arange(len(images)))
        return np.asarray(outputs.softmax(1).numpy())

    def predict(self, images: Sequence[Any]) -> list[str]:
        """The most likely class name of each PIL image."""
        return [self.spec.classes[index] for index in self.predict_proba(images).argmax(1)]

    def evaluate(self, data: str | Path | LabelledImages) -> dict[str, float]:
        """Metrics in percent on a labelled data set with the same classes.

        Raises:
            DataError: the data set has classes that the model was not fitted to.
        """
        data = data if isinstance(data, LabelledImages) else load_images(data)
        if unseen := sorted(set(data.classes) - set(self.spec.classes)):
            raise DataError(
                f"{data.name} has classes that this model was not fitted to: {', '.join(unseen[:5])}. It knows "
                f"{', '.join(self.spec.classes[:10])}. Fix: leave those samples out, or fit again with them."
            )
        known = np.array([self.spec.classes.index(name) for name in data.classes])
        predictions = self.predict_proba(data.images).argmax(1)
        metrics: dict[str, float] = TASKS.get(self.spec.task.kind)().metrics(predictions, known[data.targets])
        return metrics

    def save(self, folder: str | Path) -> Path:
        """Write `fitted.json` and `model.safetensors`; `zoo.load_model(folder)` reads them."""
        from safetensors.torch import save

        path = Path(folder).expanduser()
        data = save({name: t.contiguous().clone() for name, t in _both(self.backbone, self.head).state_dict().items()})
        spec = dataclasses.replace(self.spec, digest=hashlib.sha256(data).hexdigest())
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name, content in ((WEIGHTS, data), (RECORD, json.dumps(spec.to_json(), indent=1).encode())):
                partial = path / f".{name}.partial"
                partial.write_bytes(content)
                partial.replace(path / name)
        except OSError as error:
            raise WeightsError(f"cannot write to {path}: {error.strerror}. Fix: choose another folder.") from error
        return path


def load_model(folder: str | Path) -> FittedModel:
    """Read a model that `FittedModel.save` wrote.

    Raises:
        WeightsError: the folder holds no such model, or its weights are damaged.
    """
    path = Path(folder).expanduser()
    try:
        spec = FittedSpec.from_json(json.loads((path / RECORD).read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError, InvalidRecord) as error:
        raise WeightsError(
            f"{path} holds no fitted model: {RECORD} cannot be read ({error}). "
            "Fix: give the --out folder of `zoo finetune`."
        ) from error
    tagless = (
        spec.backbone.name if spec.backbone.provider == "module" else f"{spec.backbone.provider}/{spec.backbone.arch}"
    )
    backbone = dataclasses.replace(load(tagless, pretrained=False, seed=0), spec=spec.backbone)
    head = nn.Linear(backbone.pooled_dim, spec.task.classes)
    load_strictly(_both(backbone, head), read_weights(path / WEIGHTS, spec.digest), str(path))
    return FittedModel(spec, backbone, head)


def finetune(
    backbone: str | Backbone,
    data: str | Path | LabelledImages,
    *,
    method: str = "full",
    pretrained: bool = True,
    labels_per_class: int | None = None,
    steps: int = 200,
    batch_size: int = 32,
    lr: float = 1e-3,
    penalty: float | None = None,
    augmentation: str = "warp",
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    quiet: bool = False,
) -> FittedModel:
    """Fit a backbone to a labelled image data set.

    The data is split once (60 % train, 20 % validation, 20 % test, stratified). Validation chooses the penalty of a
    linear probe; the test part is read once, at the end, for the scores in the result.

    Args:
        backbone: a name, a folder, or a `Backbone` (which is trained in place).
        data: a folder with one sub-folder for each class, a known data set, or `LabelledImages`.
        method: an adaptation, `full` or `linear_probe`.
        pretrained: False fits the same architecture from scratch.
        labels_per_class: use only so many labels of each class; None uses all of the train part.
        steps, batch_size, lr, augmentation: of training; not used by `linear_probe`.
        penalty: inverse regularisation of `linear_probe`; None chooses from 0.01 to 10 on validation.
        seed: of the split, the label subset, the order and the initialisation.
        device: `auto`, `cpu`, `cuda` or `mps`.
        out: folder to save the model in; checkpoints lie there too, and an interrupted run goes on from them.
        quiet: no progress.

    Raises:
        UnknownName: backbone, data, method or augmentation.
        DataError: data that cannot be read or split, or a budget above what a class has.
        TrainingDiverged: the loss left for good.

    Example:
        >>> model = finetune("pocket/resnet10.glyphs", "digits", method="linear_probe", labels_per_class=5)
        >>> model.spec.scores["accuracy"] > 50
        True
    """
    adaptation = ADAPTATIONS.get(method)()
    data = data if isinstance(data, LabelledImages) else load_images(data)
    task = TaskSpec(data.name, "image_classification", data.name, len(data.classes), revision=data.digest)
    kind = TASKS.get(task.kind)()
    parts = split(data.targets, test=0.2, validation=0.2, seed=seed)
    chosen = parts.train
    if labels_per_class is not None:
        chosen = label_budget(data.targets, parts.train, labels_per_class, seed, data.classes)
    if isinstance(backbone, str):
        backbone = load(backbone, pretrained=pretrained, seed=seed)
    with seeded(seed):
        head = kind.head(backbone, task)
    inputs = Inputs(data.images, backbone.preprocess)
    known = Labelled(inputs, data.targets, chosen)
    spec = TrainSpec(steps, batch_size, lr, weight_decay=0.02, label_smoothing=0.1, seed=seed, device=device)
    groups = adaptation.prepare(backbone, {"lr": lr, "weight_decay": spec.weight_decay})

    def score(head: nn.Module, indices: np.ndarray) -> dict[str, float]:
        outputs = logits(backbone, head, inputs, indices, device)
        metrics: dict[str, float] = kind.metrics(kind.predict(outputs).numpy(), data.targets[indices])
        return metrics

    if adaptation.trains_backbone:
        checkpoints = Path(out).expanduser() / "checkpoints" if out else None
        fit_network(
            backbone, head, kind, groups, known, spec,
            head_lr=2e-3, augmentation=augmentation, checkpoints=checkpoints, quiet=quiet,
        )  # fmt: skip
        options: dict[str, Any] = spec.to_json() | {"augmentation": augmentation}
    else:
        features = extract(backbone, inputs, chosen, device).numpy()
        checked = extract(backbone, inputs, parts.validation, device)
        tried = [penalty] if penalty is not None else list(PENALTIES)
        heads = {value: adaptation.fit_head(features, data.targets[chosen], value, task.classes) for value in tried}

        def on_validation(value: float) -> float:
            predictions = kind.predict(heads[value](checked)).numpy()
            return float(kind.metrics(predictions, data.targets[parts.validation])[task.metric])

        best = max(heads, key=on_validation)
        head, options = heads[best], {"penalty": best, "seed": seed}
    scores = {
        **score(head, parts.test),
        "validation": score(head, parts.validation)[task.metric],
        "labels": len(chosen),
        "test_items": len(parts.test),
    }
    model = FittedModel(FittedSpec(backbone.spec, task, data.classes, method, options, scores), backbone, head)
    if out:
        model.save(out)
    return model


def _both(backbone: Backbone, head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"backbone": backbone.module, "head": head})
