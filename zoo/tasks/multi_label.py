"""Classification with any number of answers: linear head, binary cross-entropy, average precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from zoo.tasks.weights import positive_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Backbone, Weights
    from zoo.specs import TaskSpec


class MultiLabel:
    """Each of `task.classes` is there or not, by itself; metrics are in percent.

    `primary` is macro average precision: every class counts the same however rare it is, saying "not there" of all
    scores no more than the share of positives, and it needs no threshold.
    """

    primary: ClassVar = "macro_average_precision"
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
        """Weights of the positive answers for `loss`, from the train part: `zoo.tasks.weights.positive_weights`."""
        return positive_weights(targets, classes, how)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """Mean binary cross-entropy of logits [B, classes] against targets [B, classes].

        Smoothing draws 0 and 1 towards a half: 1 becomes 1 - smoothing / 2. Weights [classes] multiply the loss of
        positive answers.
        """
        from torch.nn import functional

        soft = targets.to(outputs.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(outputs, soft, pos_weight=weights)

    def predict(self, outputs: Tensor) -> Tensor:
        """Which classes are more likely there than not: [B, classes] of 0 and 1, int64."""
        return (outputs > 0).long()

    def probabilities(self, outputs: Tensor) -> Tensor:
        """That each class is there, [B, classes]."""
        return outputs.sigmoid()

    def metrics(self, predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """What can be said of answers of 0 and 1, in percent: micro and macro F1, and items with no error at all.

        Example:
            >>> MultiLabel().metrics(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]]))["exact_match"]
            50.0
        """
        from sklearn.metrics import accuracy_score, f1_score

        targets = np.asarray(targets).astype(int)
        each, present = f1_score(targets, predictions, average=None, zero_division=0.0), targets.any(0)
        macro = float(each[present].mean()) if present.any() else 0.0  # one column alone would count as two classes
        return {
            "micro_f1": 100.0 * float(f1_score(targets.ravel(), predictions.ravel(), zero_division=0.0)),
            "macro_f1": 100.0 * macro,
            "exact_match": 100.0 * float(accuracy_score(targets, predictions)),
        }

    def score(self, outputs: Tensor, targets: np.ndarray, classes: int) -> dict[str, float]:  # noqa: ARG002
        """All metrics: macro and micro average precision, and those of `metrics` at probability 0.5.

        Macro average precision is the mean over the classes that have both answers in `targets`: without a positive
        item it is not defined, and without a negative one it is 100 for any model. Macro F1 is over the classes with a
        positive item. Where no class is left the score is 0, never a free 100; `zoo.tasks.intervals.support` says so.

        Args:
            outputs: [N, classes] logits.
            targets: [N, classes] of 0 and 1.
            classes: how many there are.

        Example:
            >>> import torch
            >>> outputs, targets = torch.tensor([[2.0, 1.0], [-1.0, 3.0]]), np.array([[1, 0], [0, 1]])
            >>> MultiLabel().score(outputs, targets, classes=2)["macro_average_precision"]
            100.0
        """
        from sklearn.metrics import average_precision_score

        answers = np.asarray(targets).astype(int)
        values = outputs.detach().cpu().double().numpy()
        mixed = two_sided(answers)
        macro = average_precision_score(answers[:, mixed], values[:, mixed], average="macro") if mixed.any() else 0.0
        both = 0 < answers.sum() < answers.size
        micro = average_precision_score(answers.ravel(), values.ravel()) if both else 0.0
        return {
            "macro_average_precision": 100.0 * float(macro),
            "micro_average_precision": 100.0 * float(micro),
            **self.metrics(self.predict(outputs).cpu().numpy(), answers),
        }


def two_sided(targets: np.ndarray) -> np.ndarray:
    """Which classes [classes] have a positive and a negative item in [N, classes].

    Example:
        >>> two_sided(np.array([[1, 0, 1], [0, 0, 1]])).tolist()
        [True, False, False]
    """
    positives = targets.sum(0)
    return np.asarray((positives > 0) & (positives < len(targets)))
