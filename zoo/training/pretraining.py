"""Pre-train a backbone by a recipe, and write a folder that `zoo.load` reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Backbone, Batch, Objective
from zoo.data.augment import AUGMENTATIONS
from zoo.data.batches import generator_at
from zoo.data.generated import SOURCES, Source
from zoo.data.images import Inputs, LabelledImages, load_images
from zoo.errors import IncompatibleError, WeightsError
from zoo.objectives import OBJECTIVES
from zoo.providers.loading import RECORD, WEIGHTS, load
from zoo.specs import BackboneSpec
from zoo.training.loop import train
from zoo.training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from torch import Tensor


class ImageSource:
    """A labelled image data set as pre-training data: samples drawn with replacement, mildly warped."""

    def __init__(self, data: LabelledImages, backbone: Backbone) -> None:
        self.name, self.digest, self.classes = data.name, data.digest, len(data.classes)
        self._inputs = Inputs(data.images, backbone.preprocess)
        self._targets = torch.from_numpy(data.targets)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        chosen = torch.randint(len(self._targets), (size,), generator=generator)
        return Batch(self._inputs[chosen.numpy()], self._targets[chosen])

    def corrupt(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        return AUGMENTATIONS["warp"](inputs, generator)


class ObjectiveLearner(nn.Module):
    """Backbone and pre-training heads as one module whose forward is the objective's loss."""

    def __init__(self, backbone: Backbone, objective: Objective) -> None:
        super().__init__()
        self.module = backbone.module
        self.heads = objective.build(backbone)
        self._backbone, self._objective = backbone, objective

    def forward(self, batch: Batch, generator: torch.Generator) -> Tensor:
        return self._objective.loss(self._backbone, self.heads, self._objective.views(batch, generator))


def pretrain(
    recipe: str | Path | Recipe,
    out: str | Path,
    *,
    steps: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> Backbone:
    """Pre-train from scratch as the recipe says, and save the backbone in `out`.

    An unfinished run found in `out` goes on where it stopped, and ends with the same weights.

    Args:
        recipe: the name of one that comes with zoo, the path of a TOML file, or a `Recipe`.
        out: folder for the result (`backbone.json`, `model.safetensors`) and its checkpoints.
        steps, seed, device: override the recipe; the digest in the result then tells them apart.
        quiet: no progress.

    Raises:
        UnknownName, InvalidRecord: the recipe, its backbone, data or objective cannot be found or read.
        IncompatibleError: the objective needs something that the backbone cannot do, or sizes differ.
        WeightsError: `out` holds a run of another recipe.

    Example:
        >>> pretrain("glyphs", "runs/glyphs")                                            # doctest: +SKIP
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    changes: dict[str, Any] = {"steps": steps, "seed": seed, "device": device}
    training = dataclasses.replace(recipe.training, **{k: v for k, v in changes.items() if v is not None})
    recipe = dataclasses.replace(recipe, training=training)
    folder = Path(out).expanduser()
    _claim(folder, recipe)

    backbone = load(recipe.backbone, pretrained=False, seed=training.seed)
    source = _source(recipe, backbone)
    objective_class = OBJECTIVES.get(recipe.objective)
    if lacking := set(objective_class.needs) - set(backbone.spec.can):
        raise IncompatibleError(
            f"objective {recipe.objective!r} needs {', '.join(sorted(lacking))}, which {recipe.backbone} does not give "
            f"(it gives {', '.join(backbone.spec.can)}). Fix: choose another backbone or objective."
        )
    objective = objective_class(source.classes, source.corrupt, training.label_smoothing)
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)
        learner = ObjectiveLearner(backbone, objective)
    train(
        learner,
        parameter_groups(learner, lr=training.lr, weight_decay=training.weight_decay),
        lambda step: source.batch(training.batch_size, generator_at(training.seed, step, stream=1)),
        training,
        after_step=objective.after_step,
        checkpoints=folder / "checkpoints",
        label=f"pre-training {recipe.backbone} on {recipe.data}",
        quiet=quiet,
    )
    return save_backbone(backbone, recipe, source, folder)


def _source(recipe: Recipe, backbone: Backbone) -> Source:
    if recipe.data not in SOURCES.names():
        return ImageSource(load_images(recipe.data), backbone)
    source: Source = SOURCES.get(recipe.data)()
    size = list(source.corrupt(source.batch(2, generator_at(0, 0)).inputs, generator_at(0, 0)).shape[1:])
    if size != list(backbone.spec.input_size or ()):
        raise IncompatibleError(
            f"source {recipe.data!r} makes images of shape {size} and {recipe.backbone} takes "
            f"{list(backbone.spec.input_size or ())}. Fix: choose a backbone for {size}, such as pocket/resnet10."
        )
    return source


def _claim(folder: Path, recipe: Recipe) -> None:
    """Refuse a folder that holds another recipe's result; otherwise leave the recipe there."""
    marker = folder / "recipe.json"
    if marker.is_file():
        if Recipe.from_json(json.loads(marker.read_text(encoding="utf-8"))).digest != recipe.digest:
            raise WeightsError(
                f"{folder} holds the run of another recipe (see {marker}); it is left as it is. "
                "Fix: choose another --out folder."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps(recipe.to_json(), indent=1), encoding="utf-8")
    except OSError as error:
        raise WeightsError(f"cannot write to {folder}: {error.strerror}. Fix: choose another --out folder.") from error


def save_backbone(backbone: Backbone, recipe: Recipe, source: Source, folder: Path) -> Backbone:
    """Write `model.safetensors` and `backbone.json`; returned is the backbone as `zoo.load(folder)` gives it."""
    from safetensors.torch import save

    dtype = getattr(torch, recipe.dtype)
    state = backbone.module.state_dict()
    tensors = {n: (t.to(dtype) if t.is_floating_point() else t).contiguous().clone() for n, t in state.items()}
    data = save(tensors, metadata={"format": "pt"})  # one key: the order of several is random
    base = BackboneSpec.from_json(backbone.spec.to_json())
    spec = dataclasses.replace(
        base,
        name=f"{base.provider}/{base.arch}.{recipe.name}",
        tag=recipe.name,
        digest=hashlib.sha256(data).hexdigest(),
        objective=recipe.objective,
        pretrained_on=f"{source.name} (data digest {source.digest[:12]})",
        recipe=recipe.name,
        recipe_digest=recipe.digest,
    )
    for name, content in ((WEIGHTS, data), (RECORD, json.dumps(spec.to_json(), indent=1).encode())):
        partial = folder / f".{name}.partial"
        partial.write_bytes(content)
        partial.replace(folder / name)
    return load(str(folder))
