"""Linear probe: the backbone is frozen, its features are extracted once, and a solver fits a linear head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.adaptations.options import number, pick
from zoo.data.labelled import answer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from zoo.contracts import Backbone, ParameterGroup
    from zoo.tasks.scaled import ScaledLinear


PENALTIES = (0.01, 0.1, 1.0, 10.0)
SURE = 10.0  # logit of a label that all samples have


class LinearProbe:
    """Nothing of the backbone trains; BatchNorm statistics stay as they were.

    Options:
        penalty: inverse strength C of the L2 regularisation, larger means less; validation chooses it by default.
    """

    trains_backbone = False
    searched = "penalty"
    options: ClassVar = {"penalty": number(None, "above 0, such as 0.1", lambda value: value > 0)}

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:  # noqa: ARG002
        """Freeze everything; there is nothing for an optimiser to do."""
        backbone.module.requires_grad_(False)
        return []

    def candidates(self, options: Mapping[str, Any], labels: int) -> list[dict[str, Any]]:  # noqa: ARG002
        """The penalty that was given, or those that validation chooses from."""
        given = pick("linear_probe", self, options)["penalty"]
        return [{"penalty": value} for value in (PENALTIES if given is None else [given])]

    def fit_head(
        self, features: np.ndarray, targets: np.ndarray, options: Mapping[str, Any], classes: int
    ) -> nn.Linear:
        """A linear head [D] -> [classes] on standardised features.

        Classes are fitted by multinomial logistic regression, several labels by one logistic regression each, numbers
        by ridge regression.

        Args:
            features: [N, D] float.
            targets: as `LabelledData` has them.
            options: `penalty`; 1 where it says none.
            classes: number of outputs; a class absent from `targets` gets a logit that never wins.

        Source: the linear evaluation of Kornblith et al. 2019 (https://arxiv.org/abs/1805.08974), by scikit-learn's
        L-BFGS. Standardisation is folded into the layer, so that it applies to raw features.
        """
        import torch
        from torch import nn

        penalty = pick("linear_probe", self, options)["penalty"] or 1.0
        answer = answer_of(targets)
        if answer == "regression":
            return ridge_head(features, targets, penalty)
        fitted = logistic_regression if answer == "classification" else logistic_regressions
        weight, bias = fitted(features, targets, penalty, classes)
        head = nn.Linear(features.shape[1], classes)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            head.bias.copy_(torch.from_numpy(bias))
        return head.requires_grad_(False)


def ridge_head(features: np.ndarray, targets: np.ndarray, penalty: float) -> ScaledLinear:
    """A head [D] -> [1] by ridge regression of standardised targets on standardised features."""
    import torch
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    from zoo.tasks.scaled import ScaledLinear

    scaler = StandardScaler().fit(features)
    mean, deviation = float(targets.mean(dtype=np.float64)), float(targets.std(dtype=np.float64)) or 1.0
    solver = Ridge(alpha=1 / penalty).fit(scaler.transform(features), (targets - mean) / deviation)
    weight = solver.coef_ / scaler.scale_
    head = ScaledLinear(features.shape[1])
    head.settle(mean, deviation)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight)[None])
        head.bias.fill_(float(solver.intercept_ - weight @ scaler.mean_))
    return head.requires_grad_(False)


def logistic_regressions(
    features: np.ndarray, targets: np.ndarray, penalty: float, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weight [classes, D] and bias [classes] of one regression for each label of targets [N, classes] of 0 and 1.

    A label that all samples have, or none, is not learnt: its logit is 10 or -10.

    Example:
        >>> features, targets = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([[0, 1], [0, 1], [1, 1], [1, 1]])
        >>> weight, bias = logistic_regressions(features, targets, penalty=1.0, classes=2)
        >>> (features @ weight.T + bias > 0).astype(int).tolist()
        [[0, 1], [0, 1], [1, 1], [1, 1]]
    """
    weight, bias = np.zeros((classes, features.shape[1])), np.zeros(classes)
    for label in range(classes):
        there = targets[:, label].astype(int)
        if there.min() == there.max():
            bias[label] = SURE if there[0] else -SURE
            continue
        both_weights, both_biases = logistic_regression(features, there, penalty, 2)
        weight[label], bias[label] = both_weights[1] - both_weights[0], both_biases[1] - both_biases[0]
    return weight, bias


def logistic_regression(
    features: np.ndarray, targets: np.ndarray, penalty: float, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weight [classes, D] and bias [classes] of an L2-regularised logistic regression, on raw (unscaled) features.

    Example:
        >>> features, targets = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])
        >>> weight, bias = logistic_regression(features, targets, penalty=1.0, classes=2)
        >>> (features @ weight.T + bias).argmax(1).tolist()
        [0, 0, 1, 1]
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    solver = LogisticRegression(C=penalty, max_iter=2000).fit(scaler.transform(features), targets)
    coefficients, intercepts = solver.coef_, solver.intercept_
    if len(solver.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
    weight, bias = np.zeros((classes, features.shape[1])), np.full(classes, -1e9)
    weight[solver.classes_] = coefficients / scaler.scale_
    bias[solver.classes_] = intercepts - weight[solver.classes_] @ scaler.mean_
    return weight, bias
