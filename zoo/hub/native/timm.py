"""timm's hub format: `config.json` and `model.safetensors`, with a linear head as the network's own classifier."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from zoo.hub.native.parts import LAYOUT, Staged, write_tensors
from zoo.hub.native.samples import reading
from zoo.providers.timm import import_timm, layout_of
from zoo.providers.timm_repositories import repository_options

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.hub.native.parts import Model

CODE = """\
import timm

model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()  # from the hub: "hf-hub:NAMESPACE/NAME"
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
"""
RUN = """
with torch.inference_mode():
    {result} = model(transform(image)[None]{layout})
"""
KEPT = ("first_conv", "classifier", "pool_size", "fixed_input_size", "min_input_size")  # of timm's own entry


def stage(model: Model, folder: Path) -> Staged:
    """Write both files; a head that timm's network has no equal place for is left to travel beside it."""
    full, keys = with_classifier(model)
    write_tensors(folder / "model.safetensors", {n: t.detach().clone() for n, t in full.state_dict().items()})
    (folder / "config.json").write_text(json.dumps(config(model, full, inside=bool(keys)), indent=1), encoding="utf-8")
    mode = "L" if (model.spec.input_size or (3,))[0] == 1 else "RGB"
    result = "outputs" if keys else "features"
    layout = LAYOUT if layout_of(full) is torch.channels_last else ""
    code = CODE + reading("image", mode) + RUN.format(result=result, layout=layout)
    return Staged("timm", code, "logits" if keys else "features", bool(keys), head_keys=keys)


def config(model: Model, full: nn.Module, *, inside: bool) -> dict[str, Any]:
    """The config.json; `model_args` only where the architecture alone does not make the network."""
    spec, count = model.spec, len(model.linear[1]) if inside and model.linear else 0
    own: Any = full.pretrained_cfg
    size = list(spec.input_size or (3, 224, 224))
    images = {
        **{key: own[key] for key in KEPT if own.get(key) is not None},
        "input_size": size,
        "interpolation": spec.interpolation,
        "crop_pct": spec.crop_pct,
        "crop_mode": spec.crop_mode,
        "mean": list(spec.mean or (0.0,) * size[0]),
        "std": list(spec.std or (1.0,) * size[0]),
        "num_classes": count,
        "custom_load": False,  # the tensors have timm's present names
    }
    if inside and model.classes:
        images["label_names"] = list(model.classes)
    found = {
        "architecture": spec.arch,
        "num_classes": count,
        "num_features": full.num_features,
        "pretrained_cfg": images,
    }
    options = json.loads(spec.config)["model_args"] if spec.config else {}
    return found | ({"model_args": options} if options else {})


def with_classifier(model: Model) -> tuple[nn.Module, tuple[str, ...]]:
    """The network of timm with the head as its classifier, and the names of that; the bare one where this differs.

    Whether it is equal is tried on the example: networks pool, norm and drop in many ways before their classifier.
    """
    bare, linear = model.backbone.module, model.linear
    if linear is None:
        return bare, ()
    timm = import_timm()
    tagged = f"{model.spec.arch}.{model.spec.tag}"
    name = tagged if timm.is_model_pretrained(tagged) else model.spec.arch
    full = timm.create_model(name, **repository_options(model.spec) | {"num_classes": len(linear[1])}).eval()
    last = full.get_classifier()
    if not isinstance(last, torch.nn.Linear) or last.weight.shape != linear[0].shape or last.bias is None:
        return bare, ()
    told = full.load_state_dict(bare.state_dict(), strict=False)
    with torch.no_grad():
        last.weight.copy_(linear[0])
        last.bias.copy_(linear[1])
        found = full(model.backbone.preprocess([model.sample])).float()
    place = next(path for path, part in full.named_modules() if part is last)
    keys = (f"{place}.weight", f"{place}.bias")
    if told.unexpected_keys or set(told.missing_keys) != set(keys) or not model.equal(found):
        return bare, ()
    return full, keys
