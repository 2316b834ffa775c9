"""Classification with one answer: linear head, cross-entropy, accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from zoo.tasks.calibration import ece, top_label
from zoo.tasks.weights import class_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Backbone, Weights
    from zoo.specs import TaskSpec


class Classification:
    """One class of `task.classes` for each sample; metrics are in percent, but for `log_loss` (nats).

    `primary` is balanced accuracy, the mean over classes of the share found: naming the most common class every time
    scores as low as guessing, whatever the shares of the classes.
    """

    primary: ClassVar = "balanced_accuracy"
    greater_is_better: ClassVar = True

    def head(self, backbone: Backbone, task: TaskSpec) -> nn.Module:
        """A freshly initialised linear layer [D] -> [classes]."""
        from torch import nn

        return nn.Linear(backbone.pooled_dim, task.classes)

    def start(
        self,
        head: nn.Module,  # noqa: ARG002  (that of a regression learns mean and deviation here)
        targets: np.ndarray,
        classes: Sequence[str],
        how: str | Mapping[str, float] = "none",
    ) -> Weights:
        """Weights of the classes for `loss`, from the train part: `zoo.tasks.weights.class_weights`."""
        return class_weights(targets, classes, how)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Mean cross-entropy of logits [B, classes] against targets [B]; with weights [classes] the weighted mean."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets, weight=weights, label_smoothing=smoothing)

    def predict(self, outputs: Tensor) -> Tensor:
        """The most likely class [B]."""
        return outputs.argmax(1)

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Of each class, [B, classes]; they sum to 1."""
        return outputs.softmax(1)

    def metrics(self, predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Accuracy and balanced accuracy (mean recall over the classes that occur), in percent.

        Example:
            >>> Classification().metrics(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]))["accuracy"]
            75.0
        """
        from sklearn.metrics import accuracy_score, recall_score

        recall = recall_score(targets, predictions, labels=np.unique(targets), average="macro", zero_division=0.0)
        return {
            "accuracy": 100.0 * float(accuracy_score(targets, predictions)),
            "balanced_accuracy": 100.0 * float(recall),
        }

    def score(self, outputs: Tensor, targets: np.ndarray, classes: int) -> dict[str, float]:
        """All metrics: those of `metrics`, macro F1, log loss (nats) and expected calibration error (percent).

        Balanced accuracy and macro F1 are means over the classes that occur in `targets`. A class that does not can be
        neither found nor missed, and counts as neither right nor wrong; an item that is taken for it is still an error
        of its own class. `zoo.tasks.intervals.support` says which classes those are.

        Args:
            outputs: [N, classes] logits.
            targets: [N] class indices.
            classes: how many there are.

        Example:
            >>> import torch
            >>> found = Classification().score(torch.eye(3)[[0, 1, 1]], np.array([0, 1, 0]), classes=3)
            >>> found["balanced_accuracy"]
            75.0
        """
        from sklearn.metrics import f1_score, log_loss

        present = np.unique(targets)
        predictions = self.predict(outputs).cpu().numpy()
        probabilities = self.probabilities(outputs.detach().double()).cpu().numpy()
        macro = f1_score(targets, predictions, labels=present, average="macro", zero_division=0.0)
        return {
            **self.metrics(predictions, targets),
            "macro_f1": 100.0 * float(macro),
            "log_loss": float(log_loss(targets, probabilities, labels=np.arange(classes))),
            "ece": ece(*top_label(probabilities, targets)),
        }
