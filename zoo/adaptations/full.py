"""Full fine-tuning: every weight of the backbone trains, at one learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.adaptations.groups import parameter_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.contracts import Backbone, ParameterGroup


class Full:
    """All parameters train; biases and norms without weight decay."""

    trains_backbone = True

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """Two groups, with and without decay, both at `options["lr"]`."""
        backbone.module.requires_grad_(True)
        return parameter_groups(backbone.module, lr=options["lr"], weight_decay=options.get("weight_decay", 0.0))
