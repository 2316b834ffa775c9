"""Regression of one number: a linear head that answers in the user's units, squared error, explained variance."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.contracts import Weights
from zoo.errors import DataError, IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Backbone
    from zoo.specs import TaskSpec


class Regression:
    """One number for each sample; `rmse` and `mae` are in its units, `r2` and `spearman` in percent.

    `primary` is r2, the percent of the variance that is explained: always saying the mean scores 0 whatever the units
    and however skewed the targets are, and worse than that is below 0.
    """

    primary: ClassVar = "r2"
    greater_is_better: ClassVar = True

    def head(self, backbone: Backbone, task: TaskSpec) -> nn.Module:  # noqa: ARG002  (one number, always)
        """A freshly initialised layer [D] -> [1], which `start` tells the mean and deviation of the targets."""
        from zoo.tasks.scaled import ScaledLinear

        return ScaledLinear(backbone.pooled_dim)

    def start(
        self,
        head: nn.Module,
        targets: np.ndarray,
        classes: Sequence[str] = (),  # noqa: ARG002  (there are none)
        how: str | Mapping[str, float] = "none",
    ) -> Weights:
        """Set the head's mean and deviation by the targets [N] of the train part.

        Returns:
            Weights [1], 1 / deviation: errors in the user's units, times it, are those of standardised targets.

        Raises:
            DataError: no targets, or some that are not finite.
            IncompatibleError: weights of classes were asked for.
        """
        if how != "none":
            raise IncompatibleError(f"a regression has no classes to weigh, received {how!r}. Fix: 'none'.")
        if not len(targets) or not np.isfinite(targets).all():
            raise DataError("a regression needs at least one target, and finite ones. Fix: leave such samples out.")
        mean, deviation = float(np.mean(targets, dtype=np.float64)), float(np.std(targets, dtype=np.float64))
        notes = () if deviation else (f"all targets are {mean:g}; there is nothing to learn",)
        deviation = deviation or 1.0
        scaled: Any = head
        scaled.settle(mean, deviation)
        return Weights(np.array([1 / deviation], dtype=np.float32), notes)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Mean squared error of [B, 1] against [B]; errors count `weights` [1] times (see `start`).

        They are weighed before they are squared: squares of very small or large units do not fit into 32 bits.
        """
        error = outputs[:, 0] - targets.to(outputs.dtype)
        return (error if weights is None else error * weights[0]).square().mean()

    def predict(self, outputs: Tensor) -> Tensor:
        """The numbers [B], in the units of the targets."""
        return outputs[:, 0]

    def probabilities(self, outputs: Tensor) -> None:
        """None: a number has no probability."""

    def metrics(self, predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Root mean squared and mean absolute error (units of the targets), r2 and Spearman's correlation (percent).

        Targets that are all the same leave nothing to explain or to rank: r2 and spearman are 0 then, also where the
        predictions are perfect. Predictions that are all the same rank nothing: spearman is 0.

        Example:
            >>> found = Regression().metrics(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
            >>> {name: round(value, 2) for name, value in found.items()}
            {'rmse': 0.58, 'mae': 0.33, 'r2': 50.0, 'spearman': 100.0}
        """
        from scipy.stats import ConstantInputWarning, spearmanr
        from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

        said, true = (np.asarray(values, dtype=np.float64) for values in (predictions, targets))
        varied = bool(np.ptp(true))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantInputWarning)
            rank = float(spearmanr(said, true).statistic) if varied and np.ptp(said) else 0.0
        return {
            "rmse": float(root_mean_squared_error(true, said)),
            "mae": float(mean_absolute_error(true, said)),
            "r2": 100.0 * float(r2_score(true, said)) if varied else 0.0,
            "spearman": 100.0 * rank,
        }

    def score(self, outputs: Tensor, targets: np.ndarray, classes: int = 1) -> dict[str, float]:  # noqa: ARG002
        """All metrics, those of `metrics`, from outputs [N, 1] and targets [N]."""
        return self.metrics(self.predict(outputs).detach().cpu().numpy(), targets)
