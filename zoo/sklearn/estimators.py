"""`zoo.finetune` as scikit-learn's estimators: raw images, sounds or texts in, classes or numbers out.

Example:
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 5, 10, 15, 240, 245, 250, 255)]
    >>> model = Classifier("pocket/resnet10.glyphs").fit(images, ["dark"] * 4 + ["bright"] * 4)
    >>> model.predict(images[:1]).tolist(), model.classes_.tolist()
    (['dark'], ['bright', 'dark'])
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.data.augment import check_augmentation
from zoo.data.images import SUFFIXES as IMAGES
from zoo.data.sources import read_data
from zoo.data.splits import split_validation
from zoo.errors import DataError
from zoo.providers.loading import load, spec_of
from zoo.sklearn.featurizer import shared
from zoo.sklearn.pickled import packed, unpacked
from zoo.training.device import choose_device
from zoo.training.finetuning import fitted_on, readable, task_of, usual_augmentation
from zoo.training.jobs import Job
from zoo.training.matching import check_method, check_task, check_training, wants_layers
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.contracts import Backbone
    from zoo.data.labelled import LabelledData
    from zoo.specs import BackboneSpec
    from zoo.training.fitted import FittedModel


class _Estimator(BaseEstimator):  # type: ignore[misc]  # no types
    """What `Classifier` and `Regressor` have in common.

    Samples are PIL images, uint8 arrays, paths of images and sounds, (waveform, Hz), texts and pairs of texts. All that
    `fit` is given is used: a share of it, `validation`, chooses what is chosen (a penalty, the step to stop at, the
    temperature of probabilities), the rest is learnt from. Scores are for scikit-learn to take, on other data.

    Clones of a frozen method share the backbone. A pickle holds what was trained; of a frozen method that is the head,
    and the backbone is loaded again by its name where the pickle is read. `model_` is the `FittedModel`, whose
    `spec.notes` say what was decided.
    """

    def __init__(
        self,
        backbone: str = "pocket/resnet10.glyphs",
        *,
        method: str = "linear_probe",
        options: Mapping[str, Any] | None = None,
        pretrained: bool = True,
        weights: str | Path | None = None,
        allow_pickle: str = "",
        steps: int = 200,
        batch_size: int = 32,
        lr: float = 1e-3,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.1,
        class_weights: str | Mapping[str, float] = "none",
        augmentation: str | None = None,
        early_stopping: int | None = None,
        validation: float = 0.2,
        seed: int = 0,
        device: str = "auto",
    ) -> None:
        """Settings; they are looked at by `fit`.

        Args:
            backbone: what `zoo.load` takes.
            method: an adaptation, such as `linear_probe`, `knn`, `lora`, `full`.
            options: of the method, such as `{"rank": 4}`.
            pretrained, weights, allow_pickle: as `zoo.load` takes them.
            steps, batch_size, lr, weight_decay, label_smoothing, class_weights, augmentation, early_stopping, seed,
                device: as `zoo.finetune` takes them.
            validation: the share that chooses, above 0 and below 1.
        """
        self.backbone = backbone
        self.method = method
        self.options = options
        self.pretrained = pretrained
        self.weights = weights
        self.allow_pickle = allow_pickle
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.augmentation = augmentation
        self.early_stopping = early_stopping
        self.validation = validation
        self.seed = seed
        self.device = device

    def _fitted(self, samples: Sequence[Any], labels: Any, answer: str, names: Any = ()) -> FittedModel:
        """The model of these samples; `names` are shown for the classes 0, 1, ..."""
        adaptation = ADAPTATIONS.get(self.method)()
        own = own_options(self.method, adaptation, self.options or {})
        check_training(self.method, class_weights=self.class_weights, early_stopping=self.early_stopping)
        spec = TrainSpec(
            self.steps, self.batch_size, self.lr, weight_decay=self.weight_decay, label_smoothing=self.label_smoothing,
            seed=self.seed, device=choose_device(self.device),
        )  # fmt: skip
        about = spec_of(self.backbone)
        data = _labelled(samples, labels, answer, about)
        data = dataclasses.replace(data, classes=tuple(map(str, names)) or data.classes)
        check_method(self.method, data.kind, pretrained=self.pretrained)
        check_task(about, data.kind)
        how = usual_augmentation(adaptation, data, self.augmentation)
        check_augmentation(how, data.inputs)
        backbone = self._backbone(adaptation.trains_backbone)
        data, inputs = readable(data, backbone, "error")
        parts, notes = split_validation(data, self.validation, self.seed)
        job = Job(
            backbone, data, inputs, parts, parts.train, task_of(data), self.method, spec.device, how,
            self.class_weights, self.early_stopping, None, True,
        )  # fmt: skip
        start = "as given" if self.weights is not None else "pre-trained" if self.pretrained else "from scratch"
        return fitted_on(job, spec, own, notes=(*backbone.notes, *data.notes, *notes), start=start)

    def _backbone(self, trains: bool) -> Backbone:
        """One of its own where it trains, else the one that equal settings share."""
        weights = None if self.weights is None else str(self.weights)
        layers = wants_layers(self.method)
        if not trains:  # kept for pickles: parameters may be set after `fit`
            self.loaded_ = (self.backbone, self.pretrained, weights, self.seed, "cpu", self.allow_pickle, layers)
            return shared(*self.loaded_)
        return load(
            self.backbone, pretrained=self.pretrained, weights=weights, seed=self.seed, layers=layers,
            allow_pickle=self.allow_pickle,
        )  # fmt: skip

    def _answers(self, X: Sequence[Any]) -> tuple[FittedModel, Any]:  # noqa: N803
        """The model, and what its head gives of raw samples: [N, K]."""
        check_is_fitted(self)
        return self.model_, self.model_.outputs(_plain(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks: it takes any kind of sample."""
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "model_": packed(state["model_"])} if "model_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self.model_ = unpacked(state["model_"], lambda: shared(*self.loaded_))


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """One class for each sample, or several; `fit` says of which types. Settings: `help(Classifier.__init__)`."""

    def fit(self, X: Sequence[Any], y: Any) -> Self:  # noqa: N803  # scikit-learn's names
        """Learn classes y [N] of any type, or labels y [N, K] of 0 and 1.

        Raises:
            DataError: samples that cannot be read, one class only, or a class of one sample.
            UnknownName, InvalidRecord, IncompatibleError, MissingDependency: as `zoo.finetune` says.
        """
        labels = np.asarray(y)
        if labels.ndim == 2:
            self.classes_ = np.arange(labels.shape[1])
            self.model_ = self._fitted(X, labels, "multi_label")
            return self
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.model_ = self._fitted(X, codes, "classification", self.classes_)
        return self

    def predict(self, X: Sequence[Any]) -> NDArray[Any]:  # noqa: N803
        """Classes [N] as they were in y, or labels [N, K] of 0 and 1.

        Raises:
            DataError: a sample that cannot be read.
        """
        model, outputs = self._answers(X)
        found: NDArray[Any] = model.kind.predict(outputs).numpy()
        return self.classes_[found] if found.ndim == 1 else found

    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float32]:  # noqa: N803
        """Calibrated probabilities [N, classes], in the order of `classes_`.

        Raises:
            DataError: a sample that cannot be read.
        """
        check_is_fitted(self)
        found: NDArray[np.float32] = self.model_.predict_proba(_plain(X))
        return found


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A number for each sample. Settings: `help(Regressor.__init__)`."""

    def fit(self, X: Sequence[Any], y: Any) -> Self:  # noqa: N803
        """Learn numbers y [N].

        Raises:
            DataError: samples that cannot be read, numbers that are not finite, or all the same.
            UnknownName, InvalidRecord, IncompatibleError, MissingDependency: as `zoo.finetune` says.
        """
        self.model_ = self._fitted(X, np.asarray(y), "regression")
        return self

    def predict(self, X: Sequence[Any]) -> NDArray[np.float32]:  # noqa: N803
        """Numbers [N].

        Raises:
            DataError: a sample that cannot be read.
        """
        model, outputs = self._answers(X)
        found: NDArray[np.float32] = model.kind.predict(outputs).numpy()
        return found


def _labelled(samples: Sequence[Any], labels: Any, answer: str, spec: BackboneSpec) -> LabelledData:
    samples = _plain(samples)
    if not len(samples):
        raise DataError("no samples. Fix: give some.")
    kind = {"vision": "image", "speech": "audio"}.get(spec.modality, "")
    if not kind and isinstance(samples[0], str):  # paths of images, for a backbone of images and texts
        kind = "image" if spec.modality == "image-text" and samples[0].lower().endswith(IMAGES) else "text"
    return read_data((samples, labels), inputs=kind, answer=answer)


def _plain(samples: Any) -> Any:
    """Paths as texts, in a list; arrays of images stay arrays, and columns of pandas become lists."""
    if isinstance(samples, np.ndarray) and samples.dtype.kind not in "OUS":
        return samples
    listed = samples if isinstance(samples, list) else list(samples)
    return [os.fspath(each) if isinstance(each, os.PathLike) else each for each in listed]
