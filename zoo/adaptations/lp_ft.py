"""Linear probe, then full fine-tuning: the probe's weights start the head, so that features are not torn at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.full import DECAY, Full
from zoo.adaptations.linear_probe import LinearProbe
from zoo.adaptations.options import number, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from torch import nn

    from zoo.contracts import Backbone, ParameterGroup

FLOOR = -10.0  # logit of a class without labels: never the answer, and no loss of a billion where labels are smoothed


class LpFt:
    """What trains in `full` trains, from a head that was fitted on the frozen features; its rate is the backbone's.

    Options:
        penalty: inverse regularisation of the probe; 1 by default.
        layer_decay: as in `full`.

    Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution"
    (https://arxiv.org/abs/2202.10054).
    """

    trains_backbone = True
    needs_trained = True
    options: ClassVar = {"penalty": number(1.0, "above 0, such as 0.1", lambda value: value > 0), "layer_decay": DECAY}

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """The groups of `full`, and its notes."""
        full = Full()
        groups = full.prepare(backbone, options)
        self.notes = full.notes
        return groups

    def fit_head(
        self, features: np.ndarray, targets: np.ndarray, options: Mapping[str, Any], classes: int
    ) -> nn.Linear:
        """The head of `linear_probe`, from features [N, D] and targets [N]; it trains on."""
        import torch

        penalty = {"penalty": pick("lp_ft", self, options)["penalty"]}
        head = LinearProbe().fit_head(features, targets, penalty, classes)
        with torch.no_grad():
            head.bias.clamp_(min=FLOOR)
        return head.requires_grad_(True)
