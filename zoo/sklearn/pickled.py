"""A fitted model as bytes: its record and what was trained. What was frozen is loaded again by its name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.adaptations import ADAPTATIONS
from zoo.providers.loading import build
from zoo.providers.weights import load_strictly
from zoo.training.fitted import FittedModel, FittedSpec, blank_head, both
from zoo.training.matching import wants_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.contracts import Backbone


@dataclass(frozen=True)
class Packed:
    """The record as JSON, and tensors as safetensors: of the head alone where the backbone is frozen."""

    record: str
    tensors: bytes


def packed(model: FittedModel) -> Packed:
    """A model as it goes into a pickle."""
    from safetensors.torch import save

    whole = ADAPTATIONS.get(model.spec.method).trains_backbone
    module = both(model.backbone, model.head) if whole else model.head
    tensors = {name: tensor.contiguous().clone() for name, tensor in module.state_dict().items()}
    return Packed(json.dumps(model.spec.to_json()), save(tensors))


def unpacked(pack: Packed, frozen: Callable[[], Backbone]) -> FittedModel:
    """The model again.

    Args:
        pack: what `packed` gave.
        frozen: gives the backbone, where it was frozen.

    Raises:
        WeightsError: the backbone is another one than that which was fitted.
        UnknownName, Offline, MissingDependency: as `zoo.load` says.
    """
    from safetensors.torch import load

    spec = FittedSpec.from_json(json.loads(pack.record))
    whole = ADAPTATIONS.get(spec.method).trains_backbone
    backbone = build(spec.backbone, pretrained=False, seed=0, layers=wants_layers(spec.method)) if whole else frozen()
    head = blank_head(spec, backbone)
    load_strictly(both(backbone, head) if whole else head, load(pack.tensors), spec.backbone.name)
    return FittedModel(spec, backbone, head)
