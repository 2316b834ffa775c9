"""Classification with one answer: linear head, cross-entropy, accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.contracts import Backbone
    from zoo.specs import TaskSpec


class Classification:
    """One class of `task.classes` for each sample; metrics are in percent."""

    def head(self, backbone: Backbone, task: TaskSpec) -> nn.Module:
        """A freshly initialised linear layer [D] -> [classes]."""
        from torch import nn

        return nn.Linear(backbone.pooled_dim, task.classes)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean cross-entropy of logits [B, classes] against targets [B]."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def predict(self, outputs: Tensor) -> Tensor:
        """The most likely class [B]."""
        return outputs.argmax(1)

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
