"""`zoo.finetune`: a backbone and a labelled data set in, a fitted model with its scores out."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.data.augment import check_augmentation
from zoo.data.bad_samples import examine
from zoo.data.duplicates import duplicates
from zoo.data.sources import read_data
from zoo.data.splits import label_budget, split_data
from zoo.errors import IncompatibleError
from zoo.providers.loading import load, spec_of
from zoo.specs import TaskSpec
from zoo.tasks import TASKS
from zoo.training.device import choose_device
from zoo.training.fitted import FittedModel, FittedSpec, writable
from zoo.training.inputs import Inputs
from zoo.training.jobs import Job, fit, scored
from zoo.training.matching import check_fit, check_method, check_task, check_training, wants_layers
from zoo.training.searching import import_optuna, search_settings
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from zoo.contracts import Backbone
    from zoo.data.labelled import LabelledData
    from zoo.data.splits import Split


def finetune(
    backbone: str | Backbone,
    data: Any,
    *,
    method: str = "full",
    pretrained: bool = True,
    labels_per_class: int | None = None,
    steps: int = 200,
    batch_size: int = 32,
    lr: float = 1e-3,
    weight_decay: float = 0.02,
    label_smoothing: float = 0.1,
    class_weights: str | Mapping[str, float] = "none",
    augmentation: str | None = None,
    early_stopping: int | None = None,
    search: int = 0,
    roles: Mapping[str, str] | None = None,
    inputs: str = "",
    answer: str = "",
    bad_samples: str = "error",
    seed: int = 0,
    device: str = "auto",
    out: str | Path | None = None,
    quiet: bool = False,
    tell: Callable[[str], None] | None = None,
    **options: Any,
) -> FittedModel:
    """Fit a backbone to labelled images, texts, pairs of texts or sounds: one class, several, or a number for each.

    The data is split once (60 % train, 20 % validation, 20 % test, stratified; groups stay together, and parts that the
    data gives are used). Validation chooses what is chosen (the penalty of a linear probe, the k of `knn`, what
    `search` and `early_stopping` decide, the temperature of the probabilities); the test part is read once, at the end.

    Args:
        backbone: a name, a folder, or a `Backbone` (which is trained in place).
        data: what `zoo.read_data` reads: a folder with one sub-folder for each class, a CSV, JSONL or Parquet file, a
            data set of `datasets` or torchvision, a data frame, arrays; or `LabelledData`.
        method: an adaptation: `full`, `linear_probe`, `knn`, `lp_ft`, `lora`, `top_k`, `layer_mix`, `zero_shot`, or a
            third party's.
        pretrained: False fits the same architecture from scratch.
        labels_per_class: use only so many labels of each class; None uses all of the train part.
        steps, batch_size, lr, weight_decay, label_smoothing: of training; not used where the backbone is frozen.
        class_weights: `none`, `balanced`, or a weight by class; for methods that train.
        augmentation: by name; None is the usual one of images (`warp`), and none for the rest and for `top_k`, whose
            frozen part then runs once.
        early_stopping: score validation ten times in the course of training, stop after so many scores without a new
            best, and keep the best weights; None trains all steps and keeps the last. For methods that train.
        search: so many trials of learning rate, weight decay and the method's own options, scored on validation; for
            methods that train.
        roles: which column is what, such as `{"text": "review", "label": "stars", "group": "author"}`.
        inputs, answer: what samples and labels are (`image`, `text` ...; `classification`, `multi_label`,
            `regression`), where the data leaves it open.
        bad_samples: what becomes of samples that cannot be read: `error`, `skip`, or `cap 5%`; they are listed.
        seed: of the split, the label subset, the order and the initialisation.
        device: `auto`, `cpu`, `cuda` or `mps`.
        out: folder to save the model in; until it is saved checkpoints lie there, and the same call goes on from them.
        quiet: say nothing.
        tell: called with each line for the user, such as the plan; None writes them to stderr.
        options: of the method, such as `rank=4` of `lora`; each is told where the method is defined.

    Raises:
        UnknownName: backbone, data, method, augmentation or an option of the method.
        InvalidRecord: an option that cannot have the value given.
        IncompatibleError: the method does not fit this backbone or task, or a setting not this method.
        MissingDependency: a library that the backbone, the data, the method or the search needs.
        UsageError: `roles` of data that has no columns.
        DataError: data that cannot be read or split, or a budget above what a class has.
        WeightsError: `out` cannot be written, or holds another model or run.
        TrainingDiverged: the loss left for good.

    Example:
        >>> model = finetune("pocket/resnet10.glyphs", "digits", method="linear_probe", labels_per_class=5, quiet=True)
        >>> model.spec.scores["accuracy"] > 50
        True
    """
    adaptation = ADAPTATIONS.get(method)()
    own = own_options(method, adaptation, options)
    spec = TrainSpec(
        steps, batch_size, lr, weight_decay=weight_decay, label_smoothing=label_smoothing, seed=seed,
        device=choose_device(device),
    )  # fmt: skip
    check_training(method, class_weights=class_weights, early_stopping=early_stopping, search=search)
    if search:
        import_optuna()
    folder = writable(out) if out else None
    tell = (lambda _: None) if quiet else tell or _on_stderr
    data = read_data(data, inputs=inputs, answer=answer, roles=roles)
    check_method(method, data.kind, pretrained=pretrained)
    how = usual_augmentation(adaptation, data, augmentation)
    check_augmentation(how, data.inputs)
    start = "as given"
    if isinstance(backbone, str):
        start = "pre-trained" if pretrained else "from scratch"
        check_task(spec_of(backbone), data.kind)
        check_fit(method, spec_of(backbone))
        backbone = load(backbone, pretrained=pretrained, seed=seed, layers=wants_layers(method))
    check_task(backbone.spec, data.kind)
    check_fit(method, backbone.spec)
    tell(f"{backbone.spec.name}, {start}: a new head on {backbone.pooled_dim} features; {spec.device}")
    data, prepared = readable(data, backbone, bad_samples)
    parts, notes = split_data(data, seed=seed)
    notes = (*backbone.notes, *data.notes, *notes, *filter(None, [duplicates(data, parts).note(data)]))
    if not pretrained and getattr(adaptation, "needs_trained", False):
        notes = (*notes, f"{method} is made for trained weights, and these are from scratch")
    for note in notes:
        tell(note)
    chosen = _budget(data, parts, labels_per_class, seed)
    job = Job(
        backbone, data, prepared, parts, chosen, task_of(data), method, spec.device, how, class_weights,
        early_stopping, folder, quiet,
    )  # fmt: skip
    if search:
        spec, own, said = search_settings(job, spec, own, search, tell, fixed=options)
        notes = (*notes, *said)
    model = fitted_on(job, spec, own, None if quiet else tell, notes, start)
    if folder:
        model.save(folder)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return model


def fitted_on(
    job: Job,
    spec: TrainSpec,
    options: Mapping[str, Any],
    say: Callable[[str], None] | None = None,
    notes: tuple[str, ...] = (),
    start: str = "as given",
) -> FittedModel:
    """Fit a job with these settings, score it, and make the model of it; the test part may be empty.

    Args:
        job: what is fitted.
        spec, options: all settings of training and of the method.
        say: is given the plan.
        notes: on what was decided before.
        start: what the backbone's weights began as, for the record.
    """
    fitted = fit(job, spec, options, say)
    scores, temperature = scored(job, fitted.head, spec.seed)
    record = FittedSpec(
        job.backbone.spec, job.task, job.data.classes, job.method, fitted.used, scores,
        notes=(*notes, *fitted.notes), head=getattr(fitted.head, "facts", {}), temperature=temperature,
        data={"digest": job.data.digest, "split": job.split.digest, "seed": spec.seed},
        start=start,
    )  # fmt: skip
    return FittedModel(record, job.backbone, fitted.head)


def task_of(data: LabelledData) -> TaskSpec:
    """The record of the task that labelled data set."""
    primary = TASKS.get(data.kind)().primary
    return TaskSpec(data.name, data.kind, data.name, len(data.classes) or 1, primary, data.digest)


def readable(data: LabelledData, backbone: Backbone, policy: str) -> tuple[LabelledData, Inputs]:
    """The data without samples that cannot be read, as `policy` says, and its preprocessed inputs."""
    inputs = Inputs(data.samples, backbone.preprocess, backbone.spec.padding)
    kept, bad = examine(data, inputs.one, policy)
    return (data, inputs) if not bad else (kept, inputs.without([each.index for each in bad]))


def _budget(data: LabelledData, parts: Split, labels_per_class: int | None, seed: int) -> np.ndarray:
    """What of the train part is used."""
    if labels_per_class is None:
        return parts.train
    if data.answer != "classification":
        raise IncompatibleError(
            f"labels_per_class counts labels of a class, and {data.name} is for {data.answer}. Fix: leave it out."
        )
    return label_budget(data.targets, parts.train, labels_per_class, seed, data.classes)


def usual_augmentation(adaptation: Any, data: LabelledData, asked: str | None) -> str:
    """The augmentation that was asked for, or the method's own, or that of the kind of samples."""
    usual = "warp" if data.inputs == "image" else "none"
    return asked or str(getattr(adaptation, "augmentation", usual))


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr)
