"""A learned mix of all hidden layers on a frozen backbone: what a task needs may lie deeper inside than the last layer.

Source: the weighted sum of hidden states of SUPERB (Yang et al. 2021, https://arxiv.org/abs/2105.01051). There frames
are summed and pooled afterwards; the mean is linear, so each layer is pooled once here and the sum is the same. (With
`normalise` it is the pooled vector that is normalised, and not each frame.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from zoo.adaptations.linear_probe import PENALTIES
from zoo.adaptations.options import flag, number, pick
from zoo.data.labelled import answer_of
from zoo.errors import IncompatibleError
from zoo.providers.masking import masked_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zoo.contracts import Backbone, Features, ParameterGroup

STEPS = 500  # of L-BFGS; tens are enough where a layer stands out


class LayerMix:
    """Nothing of the backbone trains; a weight for each hidden layer and a linear classifier are fitted together.

    It needs a backbone that was loaded with `layers=True`; `features` says that `fit_head` and its head take all layers
    of a sample, as `pooled_layers` gives them, and not one vector.

    Options:
        penalty: inverse strength C of the L2 regularisation of the classifier; validation chooses it by default.
        normalise: bring the vector of each layer to mean 0 and variance 1 before the sum (true by default), so that the
            shares tell what layers say and not how large their numbers are.
    """

    trains_backbone = False
    features = "layers"
    searched = "penalty"
    options: ClassVar = {
        "penalty": number(None, "above 0, such as 0.1", lambda value: value > 0),
        "normalise": flag(True),
    }

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:  # noqa: ARG002
        """Freeze everything; there is nothing for an optimiser to do."""
        backbone.module.requires_grad_(False)
        return []

    def candidates(self, options: Mapping[str, Any], labels: int) -> list[dict[str, Any]]:  # noqa: ARG002
        """The penalty that was given, or those that validation chooses from."""
        given = pick("layer_mix", self, options)
        return [given | {"penalty": value} for value in (PENALTIES if given["penalty"] is None else [given["penalty"]])]

    def fit_head(
        self, features: np.ndarray, targets: np.ndarray, options: Mapping[str, Any], classes: int
    ) -> LayerMixHead:
        """A head [B, L, D] -> [B, classes] by a linear model of the mix, both fitted by L-BFGS.

        The loss is cross-entropy for classes, binary cross-entropy for several labels, and half the squared error for
        numbers.

        Args:
            features: [N, L, D] float, of `pooled_layers`.
            targets: as `LabelledData` has them.
            options: `penalty` (1 where it says none) and `normalise`.
            classes: number of outputs; a class absent from `targets` gets a logit that never wins.

        Nothing is random: the fit begins with equal shares and a classifier of zeros.

        Raises:
            IncompatibleError: features of another shape.
        """
        chosen = pick("layer_mix", self, options)
        if features.ndim != 3:
            raise IncompatibleError(
                f"layer_mix fits features [N, L, D] of all layers, received {list(features.shape)}. Fix: pooled_layers "
                "of a backbone that was loaded with layers=True."
            )
        head = LayerMixHead(features.shape[1], features.shape[2], classes, normalise=chosen["normalise"])
        answer = answer_of(targets)
        known, places = np.unique(targets, return_inverse=True) if answer == "classification" else (
            np.arange(classes), targets.astype(np.float64))  # fmt: skip
        mean, deviation = (places.mean(), places.std() or 1.0) if answer == "regression" else (0.0, 1.0)
        if answer == "regression":
            places = (places[:, None] - mean) / deviation
        with torch.no_grad():
            layers = head.normalised(torch.from_numpy(np.asarray(features, dtype=np.float64)))
        mix, weight, bias = _fitted(
            layers, torch.from_numpy(places), len(known), chosen["penalty"] or 1.0, _LOSSES[answer]
        )
        with torch.no_grad():
            head.mix.copy_(mix)
            head.linear.weight.zero_()
            head.linear.bias.fill_(-1e9)
            head.linear.weight[torch.from_numpy(known)] = (weight * deviation).float()
            head.linear.bias[torch.from_numpy(known)] = (bias * deviation + mean).float()
        return head.requires_grad_(False)

    def blank_head(self, width: int, classes: int, facts: Mapping[str, Any]) -> LayerMixHead:  # noqa: ARG002
        """A head of the right shapes, for saved weights; its `facts` have its width, which need not be of `pooled`."""
        return LayerMixHead(facts["layers"], facts["width"], classes, normalise=facts["normalise"])


class LayerMixHead(nn.Module):
    """Pooled layers [B, L, D] to outputs [B, classes]; `shares` [L] sum to 1, and `facts` rebuild it.

    Example:
        >>> head = LayerMixHead(4, 3, 2, normalise=True)
        >>> head(torch.zeros(5, 4, 3)).shape, head.shares.tolist()
        (torch.Size([5, 2]), [0.25, 0.25, 0.25, 0.25])
    """

    def __init__(self, layers: int, width: int, classes: int, *, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        self.mix = nn.Parameter(torch.zeros(layers))
        self.linear = nn.Linear(width, classes)

    @property
    def shares(self) -> Tensor:
        """How much of the sum each layer is, [L]."""
        return self.mix.softmax(0)

    @property
    def facts(self) -> dict[str, Any]:
        """What `LayerMix.blank_head` needs."""
        return {"layers": len(self.mix), "width": self.linear.in_features, "normalise": self.normalise}

    def normalised(self, layers: Tensor) -> Tensor:
        """Each layer of each sample at mean 0 and variance 1 over its width, if that is asked for."""
        return nn.functional.layer_norm(layers, layers.shape[-1:]) if self.normalise else layers

    def forward(self, layers: Tensor) -> Tensor:
        outputs: Tensor = self.linear(torch.einsum("l,bld->bd", self.shares, self.normalised(layers)))
        return outputs


def pooled_layers(features: Features) -> Tensor:
    """The hidden layers [B, L, D], each the mean over its real tokens, or over its places if it is a map.

    Raises:
        IncompatibleError: there are no layers, or they differ in width, so that no sum of them exists.

    Example:
        >>> from zoo.contracts import Features
        >>> layers = [torch.ones(2, 5, 4), 3 * torch.ones(2, 5, 4)]
        >>> pooled_layers(Features(torch.ones(2, 4), layers=layers))[0, :, 0].tolist()
        [1.0, 3.0]
    """
    if not features.layers:
        raise IncompatibleError("there are no hidden layers. Fix: load the backbone with layers=True.")
    pooled = [
        layer.mean((2, 3)) if layer.ndim == 4 else masked_mean(layer, _mask_of(layer, features))
        for layer in features.layers
    ]
    if len(widths := {layer.shape[1] for layer in pooled}) > 1:
        raise IncompatibleError(
            f"the layers have the widths {', '.join(map(str, sorted(widths)))}, so they have no sum. "
            "Fix: a network whose blocks all have one width, such as a transformer; or another method."
        )
    return torch.stack(pooled, 1)


def _mask_of(layer: Tensor, features: Features) -> Tensor | None:
    """The mask of the tokens where the layer has these tokens."""
    return features.mask if features.mask is not None and features.mask.shape == layer.shape[:2] else None


def _several(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, summed over labels and averaged over samples."""
    return nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(1).mean()


def _half_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the mean squared error: with it a penalty means what it does in a ridge regression."""
    return nn.functional.mse_loss(outputs, targets) / 2


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "classification": nn.functional.cross_entropy,
    "multi_label": _several,
    "regression": _half_squared,
}


def _fitted(
    layers: Tensor, targets: Tensor, classes: int, penalty: float, loss_of: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Mix [L], weight [classes, D] and bias [classes] at the least of penalty * sum of losses + |weight|^2 / 2.

    The classifier sees the mix standardised by the statistics of the plain mean of the layers, which keeps the solver
    fast and the penalty independent of the features' scale; this is folded into what is returned.
    """
    plain = layers.mean(1)
    centre, spread = plain.mean(0), plain.std(0, correction=0)
    spread = torch.where(spread > 1e-12, spread, torch.ones_like(spread))
    mix = torch.zeros(layers.shape[1], dtype=layers.dtype, requires_grad=True)
    weight = torch.zeros(classes, layers.shape[2], dtype=layers.dtype, requires_grad=True)
    bias = torch.zeros(classes, dtype=layers.dtype, requires_grad=True)
    standard = (layers - centre) / spread
    solver = torch.optim.LBFGS(
        [mix, weight, bias], max_iter=STEPS, tolerance_grad=1e-8, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        outputs = torch.einsum("l,bld->bd", mix.softmax(0), standard) @ weight.T + bias
        found = loss_of(outputs, targets) + weight.square().sum() / (2 * penalty * len(targets))
        found.backward()  # type: ignore[no-untyped-call]
        return found

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call]
    raw = weight.detach() / spread
    return mix.detach(), raw, bias.detach() - raw @ centre
