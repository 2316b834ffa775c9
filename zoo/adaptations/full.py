"""Full fine-tuning: every weight that receives a gradient trains, at one rate or at rates that grow with depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.groups import layered_groups, parameter_groups
from zoo.adaptations.options import number, pick
from zoo.adaptations.reached import train_reached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.contracts import Backbone, ParameterGroup

DECAY = number(1.0, "above 0 and at most 1", lambda value: 0 < value <= 1)


class Full:
    """All parameters train that receive a gradient; biases and norms without weight decay.

    Options:
        layer_decay: the factor on the learning rate from one block to the one before it; 1 (one rate) by default.
    """

    trains_backbone = True
    options: ClassVar = {"layer_decay": DECAY}

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """Groups with and without weight decay at `options["lr"]`; with `layer_decay` below 1, two for each depth."""
        self.notes = train_reached(backbone, dict(backbone.module.named_parameters()))
        lr, weight_decay = options["lr"], options.get("weight_decay", 0.0)
        if (decay := pick("full", self, options)["layer_decay"]) < 1:
            return layered_groups(backbone, lr=lr, weight_decay=weight_decay, layer_decay=decay)
        return parameter_groups(backbone.module, lr=lr, weight_decay=weight_decay)
