"""Are probabilities to be believed? Reliability, expected calibration error, and one temperature that mends it.

Source: Guo, Pleiss, Sun and Weinberger 2017, On calibration of modern neural networks
(https://arxiv.org/abs/1706.04599). Bins have equal width, 15 of them, as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

BINS = 15
COOLEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature: without them a validation part without errors would ask for 0."""


@dataclass(frozen=True)
class Bin:
    """Predictions whose confidence is in (low, high]: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def top_label(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence [N] of the most likely class, and whether it is right [N], from [N, classes] and [N].

    Example:
        >>> confidence, right = top_label(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
        >>> confidence.tolist(), right.tolist()
        ([0.9, 0.6], [True, False])
    """
    return probabilities.max(1), probabilities.argmax(1) == targets


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The reliability table: `bins` bins of equal width from 0 to 1, of which those that hold something are given.

    Args:
        confidence: [M] probabilities: of the answers given (`top_label`), or of each class of each item (multi-label).
        correct: [M] bool: whether the answer is right, or the class is there.

    Raises:
        DataError: nothing to look at, arrays of two lengths, or a confidence outside [0, 1].

    Example:
        >>> [(each.count, each.accuracy) for each in reliability(np.array([0.55, 0.58, 0.95]), np.array([1, 0, 1]))]
        [(2, 0.5), (1, 1.0)]
    """
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if confidence.shape != correct.shape or confidence.ndim != 1 or not len(confidence):
        raise DataError(
            f"confidences and answers must be two lists of one length above 0, received shapes {confidence.shape} "
            f"and {correct.shape}. Fix: `top_label(probabilities, targets)` makes them."
        )
    if not (np.isfinite(confidence) & (confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise DataError("a confidence is not in [0, 1]. Fix: give probabilities, not the outputs of the network.")
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(which, minlength=bins)
    sums, right = (np.bincount(which, weights=values, minlength=bins) for values in (confidence, correct))
    return [
        Bin(at / bins, (at + 1) / bins, int(counts[at]), float(sums[at] / counts[at]), float(right[at] / counts[at]))
        for at in range(bins)
        if counts[at]
    ]


def ece(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error, in percent: the mean over items of |accuracy - confidence| of their bin.

    It is 0 for perfect calibration, and with few items it is above 0 by noise alone.

    Example:
        >>> round(ece(np.full(10, 0.8), np.arange(10) < 6), 6)
        20.0
    """
    table = reliability(confidence, correct, bins)
    return 100.0 * sum(each.count * abs(each.accuracy - each.confidence) for each in table) / len(confidence)


def fit_temperature(outputs: Tensor, targets: np.ndarray) -> float:
    """The T for which outputs / T have the least negative log likelihood on a validation part; answers do not change.

    Targets are drawn a little towards ignorance, by 1 / (N + 2), as Platt does for his scaling (1999): without it a
    validation part with no error would ask for probabilities of 0 and 1, however few items it has. The likelihood then
    has one minimum in log T, which a bounded search finds; where T is not better than 1, it is 1.

    Args:
        outputs: [N, classes] float, as the head gives them.
        targets: [N] class indices for a softmax; [N, classes] of 0 and 1 for a sigmoid of each.

    Raises:
        DataError: nothing to fit, or outputs that are not finite.

    Example:
        >>> import torch
        >>> sure = torch.tensor([[8.0, 0.0], [8.0, 0.0], [8.0, 0.0], [8.0, 0.0]])  # and right 3 times of 4
        >>> round(fit_temperature(sure, np.array([0, 0, 0, 1])), 2)
        9.02
    """
    import torch
    from scipy.optimize import minimize_scalar

    if not len(targets) or not bool(torch.isfinite(outputs).all()):
        raise DataError("a temperature needs at least one item and finite outputs. Fix: give a validation part.")
    values = outputs.detach().cpu().double()
    answers = torch.as_tensor(np.asarray(targets))

    smoothing = 1 / (len(targets) + 2)

    def loss(log: float) -> float:
        return float(nll(values / float(np.exp(log)), answers, smoothing))

    bounds = float(np.log(COOLEST)), float(np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(min((0.0, float(found.x), *bounds), key=loss)))  # the search stops short of the bounds


def nll(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean negative log likelihood of targets [N] (softmax) or [N, classes] (sigmoid), in nats; smoothed if asked for.

    Example:
        >>> import torch
        >>> round(float(nll(torch.zeros(3, 4), torch.tensor([0, 1, 2]))), 4)  # log 4
        1.3863
    """
    from torch.nn import functional

    if targets.ndim == 1:
        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)
    soft = targets.to(outputs.dtype) * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(outputs, soft)
