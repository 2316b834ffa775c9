"""`zoo.finetune`: a backbone and a labelled data set in, a fitted model with its scores out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.data.batches import substream
from zoo.data.images import load_images
from zoo.data.labelled import LabelledData
from zoo.data.splits import label_budget, split
from zoo.errors import DataError, IncompatibleError, WeightsError
from zoo.io.atomic import replace
from zoo.providers.loading import build, load, seeded, spec_of
from zoo.providers.weights import load_strictly, read_weights, weights_digest
from zoo.specs import BackboneSpec, Record, TaskSpec, digest_of
from zoo.tasks import NEEDS, TASKS
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled, extract, logits
from zoo.training.inputs import Inputs
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.contracts import Backbone

HEAD_LR = 2e-3  # the least rate of a head, which starts from nothing
RECORD, WEIGHTS = "fitted.json", "model.safetensors"


@dataclass(frozen=True)
class FittedSpec(Record):
    """What a saved model is: its backbone, its task, how it was fitted, and the scores it reached, in percent.

    `notes` say what was decided for the user; `head` what rebuilds a head that is no linear layer.
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


@dataclass(frozen=True)
class FittedModel:
    """A backbone with a fitted head, that takes raw images."""

    spec: FittedSpec
    backbone: Backbone
    head: nn.Module

    @property
    def _modality(self) -> str:
        return answering(self.backbone.spec, self.spec.task.kind)

    def predict_proba(self, images: Sequence[Any]) -> np.ndarray:
        """Class probabilities [N, classes] of PIL images, in the order of `spec.classes`."""
        if not len(images):
            return np.zeros((0, len(self.spec.classes)), dtype=np.float32)
        inputs = Inputs(images, self.backbone.preprocess, self.backbone.spec.padding)
        outputs = logits(self.backbone, self.head, inputs, np.arange(len(images)), modality=self._modality)
        return np.asarray(outputs.softmax(1).numpy())

    def predict(self, images: Sequence[Any]) -> list[str]:
        """The most likely class name of each PIL image."""
        return [self.spec.classes[index] for index in self.predict_proba(images).argmax(1)]

    def evaluate(self, data: str | Path | LabelledData) -> dict[str, float]:
        """Metrics in percent on a labelled data set with the same classes.

        Raises:
            DataError: the data set has classes that the model was not fitted to.
        """
        data = data if isinstance(data, LabelledData) else load_images(data)
        if unseen := sorted(set(data.classes) - set(self.spec.classes)):
            raise DataError(
                f"{data.name} has classes that this model was not fitted to: {', '.join(unseen[:5])}. It knows "
                f"{', '.join(self.spec.classes[:10])}. Fix: leave those samples out, or fit again with them."
            )
        known = np.array([self.spec.classes.index(name) for name in data.classes])
        predictions = self.predict_proba(data.samples).argmax(1)
        metrics: dict[str, float] = TASKS.get(self.spec.task.kind)().metrics(predictions, known[data.targets])
        return metrics

    def save(self, folder: str | Path) -> Path:
        """Write `fitted.json` and `model.safetensors`; `zoo.load_model(folder)` reads them.

        Raises:
            WeightsError: the folder cannot be written, or holds another model, which is left as it is.
        """
        from safetensors.torch import save

        path = writable(folder)
        data = save({name: t.contiguous().clone() for name, t in _both(self.backbone, self.head).state_dict().items()})
        spec = dataclasses.replace(self.spec, digest=hashlib.sha256(data).hexdigest())
        try:
            replace(path / WEIGHTS, data)
            replace(path / RECORD, json.dumps(spec.to_json(), indent=1).encode())
        except OSError as error:
            raise WeightsError(f"cannot write to {path}: {error.strerror}. Fix: choose another folder.") from error
        return path


def answering(spec: BackboneSpec, kind: str) -> str:
    """The modality whose features answer a kind of task; "" where the backbone has only its own.

    Example:
        >>> answering(spec_of("open_clip/ViT-B-32"), "text_classification")
        'text'
    """
    return NEEDS[kind].modalities[0] if spec.modality == "image-text" and kind in NEEDS else ""


def check_task(spec: BackboneSpec, kind: str = "image_classification") -> None:
    """Refuse a backbone that cannot do a kind of task, from its record alone: before anything is downloaded.

    Raises:
        IncompatibleError: the task needs another modality or capability.

    Example:
        >>> check_task(spec_of("pocket/resnet10.glyphs"))
    """
    why = NEEDS[kind].unmet(spec) if kind in NEEDS and spec.modality != "unknown" else ""
    if why:
        raise IncompatibleError(
            f"{spec.name} is a backbone for {spec.modality}, and {kind} {why}. Fix: choose one that fits "
            f"(`zoo list --modality {(NEEDS[kind].modalities or (spec.modality,))[0]}`)."
        )


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


def load_model(folder: str | Path, backbone: Backbone | None = None) -> FittedModel:
    """Read a model that `FittedModel.save` wrote.

    Args:
        folder: what was given to `save`, or to `finetune` as `out`.
        backbone: for a model of your own module, that module as `zoo.wrap` gives it; it takes the saved weights.

    Raises:
        WeightsError: the folder holds no such model, or its weights are damaged or do not fit `backbone`.
    """
    path = Path(folder).expanduser()
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
    backbone = backbone or build(spec.backbone, pretrained=False, seed=0)
    if spec.head:
        head = ADAPTATIONS.get(spec.method)().blank_head(backbone.pooled_dim, spec.task.classes, spec.head)
    else:
        head = TASKS.get(spec.task.kind)().head(backbone, spec.task)
    load_strictly(_both(backbone, head), read_weights(path / WEIGHTS, spec.digest), str(path))
    return FittedModel(spec, backbone, head)


def finetune(
    backbone: str | Backbone,
    data: str | Path | LabelledData,
    *,
    method: str = "full",
    pretrained: bool = True,
    labels_per_class: int | None = None,
    steps: int = 200,
    batch_size: int = 32,
    lr: float = 1e-3,
    augmentation: str | None = None,
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    quiet: bool = False,
    **options: Any,
) -> FittedModel:
    """Fit a backbone to a labelled image data set.

    The data is split once (60 % train, 20 % validation, 20 % test, stratified). Validation chooses the penalty of a
    linear probe and the k of `knn`; the test part is read once, at the end, for the scores in the result.

    Args:
        backbone: a name, a folder, or a `Backbone` (which is trained in place).
        data: a folder with one sub-folder for each class, a known data set, or `LabelledData`.
        method: an adaptation: `full`, `linear_probe`, `knn`, `lp_ft`, `lora`, `top_k`, or a third party's.
        pretrained: False fits the same architecture from scratch.
        labels_per_class: use only so many labels of each class; None uses all of the train part.
        steps, batch_size, lr, augmentation: of training; not used where the backbone is frozen. An augmentation of None
            is `warp`, and `none` for `top_k`, whose frozen part then runs once.
        seed: of the split, the label subset, the order and the initialisation.
        device: `auto`, `cpu`, `cuda` or `mps`.
        out: folder to save the model in; until it is saved checkpoints lie there, and the same call goes on from them.
        quiet: no progress.
        options: of the method, such as `rank=4` of `lora`; each is told where the method is defined.

    Raises:
        UnknownName: backbone, data, method, augmentation or an option of the method.
        InvalidRecord: an option that cannot have the value given.
        IncompatibleError: the method does not fit this backbone.
        DataError: data that cannot be read or split, or a budget above what a class has.
        WeightsError: `out` cannot be written, or holds another model or run.
        TrainingDiverged: the loss left for good.

    Example:
        >>> model = finetune("pocket/resnet10.glyphs", "digits", method="linear_probe", labels_per_class=5)
        >>> model.spec.scores["accuracy"] > 50
        True
    """
    adaptation = ADAPTATIONS.get(method)()
    chosen_options = own_options(method, adaptation, options)
    how = augmentation or str(getattr(adaptation, "augmentation", "warp"))
    folder = writable(out) if out else None
    data = data if isinstance(data, LabelledData) else load_images(data)
    task = TaskSpec(data.name, data.kind, data.name, len(data.classes), revision=data.digest)
    kind = TASKS.get(task.kind)()
    parts = split(data.targets, test=0.2, validation=0.2, seed=seed)
    chosen = parts.train
    if labels_per_class is not None:
        chosen = label_budget(data.targets, parts.train, labels_per_class, seed, data.classes)
    if isinstance(backbone, str):
        check_task(spec_of(backbone), data.kind)
        backbone = load(backbone, pretrained=pretrained, seed=seed)
    check_task(backbone.spec, data.kind)
    with seeded(substream(seed, "head")):
        head = kind.head(backbone, task)
    inputs = Inputs(data.samples, backbone.preprocess, backbone.spec.padding)
    modality = answering(backbone.spec, data.kind)
    known = Labelled(inputs, data.targets, chosen, modality)
    spec = TrainSpec(steps, batch_size, lr, weight_decay=0.02, label_smoothing=0.1, seed=seed, device=device)
    settings = {"lr": lr, "weight_decay": spec.weight_decay, **chosen_options}
    groups = prepared(adaptation, backbone, settings, seed)
    notes: tuple[str, ...] = ()

    def score(head: nn.Module, indices: np.ndarray) -> dict[str, float]:
        outputs = logits(backbone, head, inputs, indices, device, modality)
        metrics: dict[str, float] = kind.metrics(kind.predict(outputs).numpy(), data.targets[indices])
        return metrics

    if adaptation.trains_backbone:
        start = weights_digest(_both(backbone, head))
        identity = digest_of([start, data.digest, chosen.tolist(), data.classes, method, settings, how, HEAD_LR])
        notes = fit_adapted(
            adaptation, groups, backbone, head, kind, known, spec, chosen_options, classes=task.classes,
            head_lr=HEAD_LR, augmentation=how, checkpoints=folder / "checkpoints" if folder else None,
            identity=identity, quiet=quiet,
        )  # fmt: skip
        used: dict[str, Any] = spec.to_json() | {"augmentation": how} | chosen_options
    else:
        features = extract(backbone, inputs, chosen, device, modality=modality).numpy()
        checked = extract(backbone, inputs, parts.validation, device, modality=modality)
        tried = adaptation.candidates(chosen_options, len(chosen))
        heads = [adaptation.fit_head(features, data.targets[chosen], each, task.classes) for each in tried]

        def on_validation(index: int) -> float:
            predictions = kind.predict(heads[index].eval()(checked)).numpy()
            return float(kind.metrics(predictions, data.targets[parts.validation])[task.metric])

        best = max(range(len(heads)), key=on_validation)
        head, used = heads[best], {**tried[best], "seed": seed}
    scores = {
        **score(head, parts.test),
        "validation": score(head, parts.validation)[task.metric],
        "labels": len(chosen),
        "test_items": len(parts.test),
        "validation_items": len(parts.validation),
    }
    fitted = FittedSpec(
        backbone.spec, task, data.classes, method, used, scores, notes=notes, head=getattr(head, "facts", {})
    )
    model = FittedModel(fitted, backbone, head)
    if folder:
        model.save(folder)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return model


def _both(backbone: Backbone, head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"backbone": backbone.module, "head": head})
