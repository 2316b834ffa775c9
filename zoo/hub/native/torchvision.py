"""torchvision: the state dict of its own builder as safetensors, and a small description of the images it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from zoo.hub.native.parts import LAYOUT, Staged, write_tensors
from zoo.hub.native.plain import preprocessing_of
from zoo.hub.native.samples import reading
from zoo.providers.torchvision import import_torchvision, remove_head

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.hub.native.parts import Model

CODE = """\
from torchvision.models import {arch}
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

model = {arch}({options})
{cut}model.load_state_dict(load_file(f"{{folder}}/model.safetensors"))
model.eval()
transform = ImageClassification(
    crop_size={crop}, resize_size={resize}, mean={mean}, std={std}, interpolation=InterpolationMode({how!r})
)
"""
RUN = """
with torch.inference_mode():
    {result} = model(transform(image)[None]{layout})
"""


def stage(model: Model, folder: Path) -> Staged:
    """Write `model.safetensors` and `config.json`; a linear head becomes the builder's last layer where it is equal."""
    spec = model.spec
    options = _options(model)
    full, keys = _with_head(model, options)
    tensors = full.state_dict() if keys else model.state
    write_tensors(folder / "model.safetensors", {name: t.detach().clone() for name, t in tensors.items()})
    if keys:
        options["num_classes"] = len(model.classes) or 1
    told = {
        "builder": f"torchvision.models.{spec.arch}",
        "arguments": options,
        "preprocessing": preprocessing_of(model),
        "label_names": model.classes if keys else (),
    }
    (folder / "config.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    side = (spec.input_size or (3, 224, 224))[1]
    code = CODE.format(
        arch=spec.arch, options=", ".join(f"{name}={value!r}" for name, value in options.items()),
        cut="" if keys else _cut(full), crop=side, resize=round(side / spec.crop_pct), mean=spec.mean, std=spec.std,
        how=spec.interpolation,
    )  # fmt: skip
    result = "outputs" if keys else "features"
    return Staged(
        "torchvision", code + reading("image") + RUN.format(result=result, layout=LAYOUT),
        "logits" if keys else "features", inside=bool(keys), head_keys=keys,
    )  # fmt: skip


def _options(model: Model) -> dict[str, Any]:
    """What the builder is told: the size of a ViT, and no auxiliary heads."""
    if model.spec.arch in ("inception_v3", "googlenet"):
        return {"transform_input": True, "aux_logits": False, "init_weights": False}
    if model.spec.arch.startswith("vit_"):
        return {"image_size": (model.spec.input_size or (3, 224, 224))[1]}
    return {}


def _with_head(model: Model, options: dict[str, Any]) -> tuple[nn.Module, tuple[str, ...]]:
    """The builder's network with the head in it and the names of that; no names where it is not equal."""
    build = getattr(import_torchvision().models, model.spec.arch)
    linear = model.linear
    full: nn.Module = build(**options | ({"num_classes": len(linear[1])} if linear else {}))
    if linear is None:
        return full, ()
    told = full.load_state_dict(model.backbone.module.state_dict(), strict=False)
    keys = tuple(told.missing_keys)
    state = full.state_dict()
    if told.unexpected_keys or len(keys) != 2 or state[keys[0]].flatten(1).shape != linear[0].shape:
        return full, ()
    with torch.no_grad():
        state[keys[0]].copy_(linear[0].reshape(state[keys[0]].shape))
        state[keys[1]].copy_(linear[1])
        found = full.eval()(model.backbone.preprocess([model.sample]))
    return full, keys if model.equal(found) else ()


def _cut(full: nn.Module) -> str:
    """The line that takes the builder's last layer away, as `remove_head` does."""
    before = dict(full.named_modules())
    remove_head(full)
    place = next(name for name, part in full.named_modules() if part is not before[name])
    steps = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in place.split("."))
    return f"model{steps} = torch.nn.Identity()\n"
