"""Networks that no library loads by a name: the state dict as safetensors, and the code that builds the class."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zoo.hub.native.parts import LAYOUT, Staged, import_line, write_tensors
from zoo.hub.native.samples import reading

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.hub.native.parts import Model

RESNET10 = """\
from timm.models.resnet import BasicBlock, ResNet

model = ResNet(
    BasicBlock, (1, 1, 1, 1), channels=(16, 32, 96, 256), stem_type="deep", stem_width=8, in_chans=1,
    num_classes={classes},
)
model.maxpool = torch.nn.Identity()
"""
LOADED = """\
model.load_state_dict(load_file(f"{folder}/model.safetensors"))
model.eval()
"""
RUN = """
with torch.inference_mode():
    {result} = model(transform(image)[None]{layout})
"""
POOLED = {2: "", 3: "features = features.mean(1)\n", 4: "features = features.mean((2, 3))\n"}


def stage_pocket(model: Model, folder: Path) -> Staged:
    """The ResNet class of timm with arguments and a change that none of timm's names stands for; its head as `fc`."""
    names: tuple[str, ...] = ()
    tensors, count = model.state, 0
    if model.linear:
        names, count = ("fc.weight", "fc.bias"), len(model.linear[1])
        tensors |= dict(zip(names, model.linear, strict=True))
    write_tensors(folder / "model.safetensors", tensors)
    _describe(model, folder, "timm.models.resnet.ResNet")
    result = "outputs" if names else "features"
    code = RESNET10.format(classes=count) + LOADED + timm_transform(model) + reading("image", "L")
    return Staged(
        "torch",
        code + RUN.format(result=result, layout=LAYOUT),
        "logits" if names else "features",
        inside=bool(names),
        head_keys=names,
        notes=("no name of timm stands for this network: the snippet builds its class",),
    )


def stage_own(model: Model, folder: Path) -> Staged:
    """A person's own module: its class is theirs, so the snippet names it and the person builds it."""
    import torch

    from zoo.providers.timm import image_preprocess

    write_tensors(folder / "model.safetensors", model.state)
    spec, kind = model.spec, type(model.backbone.module)
    place, _, function = spec.arch.partition(":")
    if function:
        made = f"from {place} import {function} as build\n\nmodel = build()\n"
    elif kind.__module__.startswith("torch."):
        made = "model = build()  # your own function, which builds the network\n"
    else:
        made = f"{import_line(kind)} as build\n\nmodel = build()  # with the arguments that you built it with\n"
    _describe(model, folder, f"{kind.__module__}.{kind.__qualname__}")
    mode = "L" if (spec.input_size or (3,))[0] == 1 else "RGB"
    own = model.backbone.preprocess([model.sample])
    usual = image_preprocess(spec)([model.sample])
    prepared = timm_transform(model)
    notes = [f"the class {kind.__qualname__} is your own: whoever loads it needs its code"]
    if not isinstance(own, torch.Tensor) or own.shape != usual.shape or not torch.equal(own, usual):
        prepared = ""
        notes.append("its preprocessing is your own function, which no file describes: the snippet calls it transform")
    run = RUN.format(result="features", layout="") + POOLED[own_dims(model)]
    return Staged("torch", made + LOADED + prepared + reading("image", mode) + run, notes=tuple(notes))


def own_dims(model: Model) -> int:
    """How many axes the output of a person's own network has."""
    import torch

    with torch.no_grad():
        return int(model.backbone.module(model.backbone.preprocess([model.sample])).ndim)


def timm_transform(model: Model) -> str:
    """Code for timm's evaluation transform with the settings of the record."""
    spec = model.spec
    size = tuple(spec.input_size or (3, 224, 224))
    options: dict[str, Any] = {
        "input_size": size, "interpolation": spec.interpolation, "mean": spec.mean or (0.0,) * size[0],
        "std": spec.std or (1.0,) * size[0], "crop_pct": spec.crop_pct, "crop_mode": spec.crop_mode,
    }  # fmt: skip
    said = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return f"from timm.data import create_transform\n\ntransform = create_transform({said})\n"


def preprocessing_of(model: Model) -> dict[str, Any]:
    """What images must be before they go in, as JSON."""
    names = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")
    return {name: getattr(model.spec, name) for name in names}


def _describe(model: Model, folder: Path, builder: str) -> None:
    told = {"builder": builder, "preprocessing": preprocessing_of(model), "label_names": model.classes}
    (folder / "config.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
