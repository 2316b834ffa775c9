"""The folder of a pre-training run: whose it is, its history, and the backbone that comes out.

recipe.json          the recipe and the digests of the run; what claims the folder
checkpoints/         until the run is finished
history.json         losses, the probe's scores, cost, what was said
bad_samples.jsonl    samples that could not be read, where there were any
preprocessing/       tokenizer or processor, where the backbone has one
model.safetensors, backbone.json    the backbone, as `zoo.load` reads it; written last
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import DataError, WeightsError
from zoo.io.atomic import replace
from zoo.providers.loading import RECORD, WEIGHTS
from zoo.providers.repositories import origin_of
from zoo.specs import BackboneSpec
from zoo.training.carried import carry
from zoo.training.processes import rank, wait

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.contracts import Backbone
    from zoo.data.generated import Source
    from zoo.training.recipe import Recipe

MARKER, HISTORY, CHECKPOINTS = "recipe.json", "history.json", "checkpoints"


def claim(folder: Path, recipe: Recipe, source: Source) -> bool:
    """Leave a marker of this run in `folder`, or refuse one that holds another run. Returns whether it is finished.

    Raises:
        WeightsError: another run, a damaged marker, or a folder that cannot be written.
    """
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


def claim_together(folder: Path, recipe: Recipe, source: Source) -> bool:
    """`claim`, by several processes that train together: one after the other, so that all get one answer."""
    finished = claim(folder, recipe, source) if rank() == 0 else False
    wait()
    if rank() > 0:
        finished = claim(folder, recipe, source)
    wait()
    return finished


def unread(error: DataError, folder: Path, done: int, steps: int) -> DataError:
    """The error of data that could not be read in the middle of a run, with how far it got and what is kept.

    Example:
        >>> from pathlib import Path
        >>> print(unread(DataError("a.png is no image. Fix: mend it."), Path("runs/a"), 7, 10))
        a.png is no image. This was after step 7 of 10, and there is no checkpoint yet. \
Fix: mend it.
    """
    what, _, fix = str(error).partition(" Fix: ")
    saved = sorted((folder / CHECKPOINTS).glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))
    there = f"the checkpoint {saved[-1]} is kept" if saved else "there is no checkpoint yet"
    on = " The same command with another policy for bad samples goes on from there; other data begin anew."
    return DataError(f"{what} This was after step {done} of {steps}, and {there}. Fix: {fix}{on * bool(saved)}")


def save_backbone(
    backbone: Backbone, recipe: Recipe, source: Source, folder: Path, history: dict[str, Any] | None = None
) -> None:
    """Write the backbone with all that belongs to it, and remove the checkpoints.

    Raises:
        WeightsError: the folder cannot be written; the checkpoints stay, and the same call saves again.
    """
    from safetensors.torch import save

    dtype, said = getattr(torch, recipe.dtype), history or {}
    state = backbone.module.state_dict()
    tensors = {n: (t.to(dtype) if t.is_floating_point() else t).contiguous().clone() for n, t in state.items()}
    data = save(tensors, metadata={"format": "pt"})  # one key: the order of several is random
    on = recipe.init == "pretrained"  # else the weights owe nothing to those that the name stands for
    spec = dataclasses.replace(
        BackboneSpec.from_json(backbone.spec.to_json()),
        name=f"{backbone.spec.provider}/{backbone.spec.arch}.{recipe.name}",
        tag=recipe.name,
        digest=hashlib.sha256(data).hexdigest(),
        objective=recipe.objective,
        pretrained_on=f"{source.name} (data digest {source.digest[:12]})",
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        pretraining_flops=said.get("cost", {}).get("flops"),
        licence=backbone.spec.licence if on else "unknown",
        origin=origin_of(backbone.spec) if on else "scratch",
    )
    try:
        carry(backbone.spec, folder, texts=backbone.spec.modality == "image-text")
        replace(folder / HISTORY, json.dumps(said).encode())
        replace(folder / WEIGHTS, data)
        replace(folder / RECORD, json.dumps(spec.to_json(), indent=1).encode())
    except OSError as error:
        raise WeightsError(
            f"the backbone cannot be written to {folder}: {error.strerror or error}; its checkpoints are kept. "
            "Fix: free space there, then run the same command again."
        ) from error
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
