"""A fitted model back from a folder that `zoo.export` wrote in the format of another library."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from zoo.errors import WeightsError
from zoo.providers.exported import HEAD, RECORD, read_exported, tensors_of
from zoo.providers.loading import build
from zoo.providers.weights import load_strictly, read_weights
from zoo.training.fitted import FittedModel, FittedSpec, blank_head
from zoo.training.matching import wants_layers

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.contracts import Backbone


def load_exported(folder: Path, backbone: Backbone | None = None) -> FittedModel:
    """The fitted model of such a folder: every file compared with its digest, the head as it was fitted.

    Args:
        folder: what `zoo.export` wrote.
        backbone: for a model of your own module, as `zoo.load_model` takes it.

    Raises:
        WeightsError: a backbone without a head, a file that is not the one that was exported, or your own module and
            no `backbone`.

    Example:
        >>> load_exported(folder).predict(["new/1.jpg"])           # doctest: +SKIP
        ['cat']
    """
    found = read_exported(folder)
    if not found.fitted or HEAD not in found.files:
        raise WeightsError(
            f"{folder} holds a backbone without a fitted head, as its {RECORD} says. Fix: zoo.load({str(folder)!r})."
        )
    spec = FittedSpec.from_json(found.fitted)
    spec = dataclasses.replace(spec, licence=found.licence or spec.licence)  # so that it goes where the model goes
    tensors = tensors_of(found)
    if backbone is None and found.backbone.provider == "module":
        raise WeightsError(
            f"{folder} holds a model of your own module {found.backbone.name!r}, and zoo runs no code that a folder "
            "names. Fix: zoo.load_model(folder, backbone=zoo.wrap(module))."
        )
    if backbone is None:
        backbone = build(found.spec, pretrained=True, tensors=tensors, seed=0, layers=wants_layers(spec.method))
    else:
        load_strictly(backbone.module, tensors, str(folder))
    head = blank_head(spec, backbone)
    load_strictly(head, read_weights(folder / HEAD, found.files[HEAD]), str(folder / HEAD))
    return FittedModel(spec, backbone, head)
