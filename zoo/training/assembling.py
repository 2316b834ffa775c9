"""The parts of a pre-training run, out of what a person says: recipe, objective and source."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import TYPE_CHECKING, Any

from zoo.data.batches import generator_at
from zoo.data.generated import SOURCES, Source
from zoo.data.images import DATASETS
from zoo.data.labelled import LabelledData
from zoo.data.raw import from_labelled
from zoo.data.raw_files import read_raw
from zoo.data.sources import read_data
from zoo.errors import IncompatibleError, UsageError, nearest
from zoo.objectives import OBJECTIVES
from zoo.training.recipe import Recipe, load_recipe
from zoo.training.sources import SampleSource, bytes_of_context
from zoo.training.trainspec import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.contracts import Backbone, Objective

USUAL: dict[str, Any] = {"steps": 1000, "batch_size": 32, "weight_decay": 0.05}
RATES = {"scratch": 1e-3, "pretrained": 1e-4}
"""Settings of a run that is told by a backbone and data, unless said; the rate by where the weights start."""
SUITED = {"vision": "pocket/resnet10", "text": "pocket/gpt2", "speech": "pocket/whisper3"}


def recipe_with(what: str | Path | Recipe, given: Mapping[str, Any], settings: Mapping[str, Any]) -> Recipe:
    """A recipe with other settings."""
    unlike = {"init": "scratch", "bad_samples": "error"}
    if wrong := [name for name, value in given.items() if value != unlike.get(name, type(value)())]:
        raise UsageError(
            f"{', '.join(wrong)} belong{'s' * (len(wrong) == 1)} to a run that is told by backbone and data, and "
            f"{what!s:.60} is taken for a recipe, which says them itself. Fix: data=..., or leave them out."
        )
    recipe = what if isinstance(what, Recipe) else load_recipe(what)
    changes = {name: value for name, value in settings.items() if value is not None}
    _check_settings(changes)
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **changes))


def recipe_of(backbone: str, data: Any, given: Mapping[str, Any], settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a run that is told by a backbone and data."""
    if not given["objective"]:
        known = ", ".join(OBJECTIVES.names())
        raise UsageError(f"what {backbone} shall learn from the data is not said. Fix: objective=..., one of {known}.")
    changes = {name: value for name, value in settings.items() if value is not None}
    _check_settings(changes)
    training = TrainSpec(**({**USUAL, "lr": RATES.get(given["init"], 1e-3)} | changes))
    where = str(data) if isinstance(data, (str, os.PathLike)) else getattr(data, "name", type(data).__name__)
    name = given["name"] or re.sub(r"[^A-Za-z0-9_-]", "-", given["objective"])
    return Recipe(**{**given, "name": name, "backbone": backbone, "data": where, "training": training})


def _check_settings(changes: Mapping[str, Any]) -> None:
    known = [field.name for field in dataclasses.fields(TrainSpec)]
    for name in changes:
        if name not in known:
            near = ", ".join(nearest(name, known)) or ", ".join(known)
            raise UsageError(
                f"pretrain has no setting {name!r}. Nearest: {near}. Fix: options of the objective stand in options."
            )


def objective_of(recipe: Recipe, backbone: Backbone) -> Objective:
    """The objective of a recipe, with its options.

    Raises:
        IncompatibleError: it needs something that the backbone cannot do, or larger batches.
        UnknownName, InvalidRecord: an option that it does not have, or cannot have.
    """
    made = OBJECTIVES.get(recipe.objective)
    if lacking := set(made.needs) - set(backbone.spec.can):
        raise IncompatibleError(
            f"objective {recipe.objective!r} needs {', '.join(sorted(lacking))}, which {recipe.backbone} does not give "
            f"(it gives {', '.join(backbone.spec.can)}). Fix: choose another backbone or objective."
        )
    if recipe.training.batch_size < (least := getattr(made, "least", 1)):
        raise IncompatibleError(
            f"{recipe.objective} tells the samples of a batch apart, so that a batch of {recipe.training.batch_size} "
            f"teaches nothing. Fix: a batch size of {least} or more; the larger the better."
        )
    shared = {"label_smoothing": recipe.training.label_smoothing} if recipe.training.label_smoothing else {}
    taken = {name: value for name, value in shared.items() if name in getattr(made, "options", {})}
    objective: Objective = made(**taken | recipe.options)
    return objective


def source_of(recipe: Recipe, backbone: Backbone, data: Any, objective: Objective) -> Source:
    """The data of a run, as batches for this backbone."""
    if not (isinstance(data, str) and data in SOURCES.names()):
        return _samples(recipe, backbone, data, objective)
    made = SOURCES.get(data)
    if (kind := getattr(made, "modality", "vision")) != backbone.spec.modality:
        raise IncompatibleError(
            f"source {data!r} is for {kind}, and {recipe.backbone} is for {backbone.spec.modality}. Fix: another "
            f"backbone, such as {SUITED.get(kind, 'one of that modality')}."
        )
    source: Source = made()
    if not getattr(source, "clean", False):
        size = list(source.corrupt(source.batch(2, generator_at(0, 0)).inputs, generator_at(0, 0)).shape[1:])
        if size != list(backbone.spec.input_size or ()):
            raise IncompatibleError(
                f"source {data!r} makes images of shape {size} and {recipe.backbone} takes "
                f"{list(backbone.spec.input_size or ())}. Fix: choose a backbone for {size}, such as pocket/resnet10."
            )
    return source


def _samples(recipe: Recipe, backbone: Backbone, data: Any, objective: Objective) -> SampleSource:
    modality, labelled = backbone.spec.modality, getattr(objective, "labelled", False)
    known = isinstance(data, str) and data in DATASETS.names()
    if labelled or known or isinstance(data, LabelledData):
        labels = data if isinstance(data, LabelledData) else read_data(data)
        if labels.modality != modality:
            raise IncompatibleError(
                f"{labels.name} holds samples for {labels.modality}, and {recipe.backbone} is for {modality}. "
                "Fix: other data, or another backbone."
            )
        raw = from_labelled(labels)
    else:
        most = (lambda texts: bytes_of_context(backbone, texts)) if modality == "text" else None
        raw = read_raw(data, modality, column=recipe.column, most=most)
    if raw.pairs and not getattr(objective, "pairs", False):
        raise IncompatibleError(
            f"{recipe.objective} learns from single texts, and {raw.name} holds pairs of texts. Fix: name one column, "
            "give a list of texts, or choose objective sentence_pairs."
        )
    return SampleSource(raw, backbone, augmentation=recipe.augmentation, policy=recipe.bad_samples)
