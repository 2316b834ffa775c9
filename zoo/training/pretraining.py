"""Pre-train a backbone by a recipe, and write a folder that `zoo.load` reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Backbone, Batch, Objective
from zoo.data.augment import AUGMENTATIONS
from zoo.data.batches import generator_at
from zoo.data.generated import SOURCES, Source
from zoo.data.images import load_images
from zoo.errors import IncompatibleError, WeightsError
from zoo.io.atomic import replace
from zoo.objectives import OBJECTIVES
from zoo.providers.loading import RECORD, WEIGHTS, load, seeded
from zoo.providers.weights import weights_digest
from zoo.specs import BackboneSpec, digest_of
from zoo.training.flops import step_flops
from zoo.training.inputs import Inputs
from zoo.training.loop import History, train
from zoo.training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.data.labelled import LabelledData

MARKER = "recipe.json"


class ImageSource:
    """A labelled image data set as pre-training data: samples drawn with replacement, mildly warped."""

    def __init__(self, data: LabelledData, backbone: Backbone) -> None:
        self.name, self.digest, self.classes = data.name, data.digest, len(data.classes)
        self._inputs = Inputs(data.samples, backbone.preprocess)
        self._targets = torch.from_numpy(data.targets)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Preprocessed inputs [size, C, H, W] and their classes."""
        chosen = torch.randint(len(self._targets), (size,), generator=generator)
        return Batch(self._inputs[chosen.numpy()], self._targets[chosen])

    def corrupt(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """The same mild warp as in fine-tuning."""
        return AUGMENTATIONS["warp"](inputs, generator)


class ObjectiveLearner(nn.Module):
    """Backbone and pre-training heads as one module whose forward is the objective's loss."""

    def __init__(self, backbone: Backbone, objective: Objective) -> None:
        super().__init__()
        self.module = backbone.module
        self.heads = objective.build(backbone)
        self._backbone, self._objective = backbone, objective
        self.divisible = bool(getattr(objective, "divisible", False))

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """What the objective learns from."""
        return self._objective.views(batch, generator)

    def forward(self, batch: Batch, generator: torch.Generator | None) -> Tensor:
        """The loss of a batch, or of views (without a generator)."""
        seen = batch if generator is None else self.views(batch, generator)
        return self._objective.loss(self._backbone, self.heads, seen)


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

    An unfinished run found in `out` goes on where it stopped, and ends with the same weights; a finished one is loaded.

    Args:
        recipe: the name of one that comes with zoo, the path of a TOML file, or a `Recipe`.
        out: folder for the result (`backbone.json`, `model.safetensors`, and the loss of every step and the cost in
            `history.json`) and, until it is finished, its checkpoints.
        steps: instead of the recipe's; the recipe digest in the result then differs from the shipped one.
        seed: instead of the recipe's; likewise.
        device: instead of the recipe's.
        quiet: no progress.

    Raises:
        UnknownName, InvalidRecord: the recipe, its backbone, data or objective cannot be found or read.
        IncompatibleError: the objective needs something that the backbone cannot do, or sizes differ.
        WeightsError: `out` holds a run of another recipe or on other data, or cannot be written.

    Example:
        >>> pretrain("glyphs", "runs/glyphs")                                            # doctest: +SKIP
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    changes: dict[str, Any] = {"steps": steps, "seed": seed, "device": device}
    training = dataclasses.replace(recipe.training, **{k: v for k, v in changes.items() if v is not None})
    recipe = dataclasses.replace(recipe, training=training)
    folder = Path(out).expanduser()

    backbone = load(recipe.backbone, pretrained=False, seed=training.seed)
    source = _source(recipe, backbone)
    objective_class = OBJECTIVES.get(recipe.objective)
    if lacking := set(objective_class.needs) - set(backbone.spec.can):
        raise IncompatibleError(
            f"objective {recipe.objective!r} needs {', '.join(sorted(lacking))}, which {recipe.backbone} does not give "
            f"(it gives {', '.join(backbone.spec.can)}). Fix: choose another backbone or objective."
        )
    objective = objective_class(source.classes, source.corrupt, training.label_smoothing)
    if _claim(folder, recipe, source):
        return load(str(folder))
    with seeded(training.seed):
        learner = ObjectiveLearner(backbone, objective)
    history = train(
        learner,
        parameter_groups(learner, lr=training.lr, weight_decay=training.weight_decay),
        lambda step: source.batch(training.batch_size, generator_at(training.seed, step, stream=1)),
        training,
        after_step=objective.after_step,
        checkpoints=folder / "checkpoints",
        identity=digest_of([recipe.digest, source.digest, weights_digest(learner)]),
        label=f"pre-training {recipe.backbone} on {recipe.data}",
        quiet=quiet,
    )
    cost = _cost(recipe, history)
    replace(folder / "history.json", json.dumps({"losses": history.losses, "cost": cost}).encode())
    return save_backbone(backbone, recipe, source, folder, cost["flops"])


def pretraining_flops(recipe: str | Path | Recipe) -> int:
    """FLOPs of the whole pre-training by this recipe: those of one step times the steps. Nothing is trained.

    Raises:
        UnknownName, InvalidRecord: the recipe, its backbone, data or objective cannot be found or read.
        IncompatibleError: the network has recurrent layers, which torch's counter does not see.

    Example:
        >>> pretraining_flops("glyphs") % load_recipe("glyphs").training.steps
        0
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    training = recipe.training
    backbone = load(recipe.backbone, pretrained=False, seed=training.seed)
    source = _source(recipe, backbone)
    objective = OBJECTIVES.get(recipe.objective)(source.classes, source.corrupt, training.label_smoothing)
    with seeded(training.seed):
        learner = ObjectiveLearner(backbone, objective)
    batch = source.batch(training.batch_size, generator_at(training.seed, 0, stream=1))
    return training.steps * step_flops(learner, batch)


def _cost(recipe: Recipe, history: History) -> dict[str, Any]:
    """FLOPs of the whole run (None where they cannot be counted), and the seconds of the steps that were timed here.

    A run that was resumed knows only the seconds of its last part: `timed_steps` says how many steps that were.
    """
    try:
        flops: int | None = pretraining_flops(recipe)
    except Exception:  # a network, or the counter, may refuse in any way; the weights are worth keeping all the same
        flops = None
    seconds = {"seconds": round(history.seconds, 3), "cpu_seconds": round(history.cpu_seconds, 3)}
    return {"flops": flops, **seconds, "timed_steps": history.timed_steps, "steps": recipe.training.steps}


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


def _claim(folder: Path, recipe: Recipe, source: Source) -> bool:
    """Leave a marker of this run in `folder`, or refuse one that holds another run. Returns whether it is finished."""
    marker = {"recipe": recipe.to_json(), "recipe_digest": recipe.digest, "data_digest": source.digest}
    path = folder / MARKER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            replace(path, json.dumps(marker, indent=1).encode())
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
        same = [found["recipe_digest"] == marker["recipe_digest"], found["data_digest"] == marker["data_digest"]]
    except OSError as error:
        raise WeightsError(f"cannot write to {folder}: {error.strerror}. Fix: choose another --out folder.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} is damaged ({error}). Fix: move it away, or choose another --out folder."
        ) from error
    if not all(same):
        what = "of another recipe" if not same[0] else "on other data"
        raise WeightsError(
            f"{folder} holds the run {what} (see {path}); it is left as it is. Fix: choose another --out folder."
        )
    return (folder / RECORD).is_file()


def save_backbone(
    backbone: Backbone, recipe: Recipe, source: Source, folder: Path, flops: int | None = None
) -> Backbone:
    """Write `model.safetensors` and `backbone.json`, and remove the checkpoints.

    Returned is the backbone as `zoo.load(folder)` gives it.
    """
    from safetensors.torch import save

    dtype = getattr(torch, recipe.dtype)
    state = backbone.module.state_dict()
    tensors = {n: (t.to(dtype) if t.is_floating_point() else t).contiguous().clone() for n, t in state.items()}
    data = save(tensors, metadata={"format": "pt"})  # one key: the order of several is random
    spec = dataclasses.replace(
        BackboneSpec.from_json(backbone.spec.to_json()),
        name=f"{backbone.spec.provider}/{backbone.spec.arch}.{recipe.name}",
        tag=recipe.name,
        digest=hashlib.sha256(data).hexdigest(),
        objective=recipe.objective,
        pretrained_on=f"{source.name} (data digest {source.digest[:12]})",
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        pretraining_flops=flops,
    )
    replace(folder / WEIGHTS, data)
    replace(folder / RECORD, json.dumps(spec.to_json(), indent=1).encode())
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return load(str(folder))
