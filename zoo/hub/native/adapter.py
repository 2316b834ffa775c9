"""An adapter of peft on its own: the correction that LoRA learnt, taken back out of the merged weights.

zoo merges LoRA into the network when it is fitted. What was added to a weight is its difference from the base, which
has the rank that was asked for; its singular vectors are the two factors, up to the rounding of the merged weight.
Whether that is all that was changed, and of that rank, is checked and not believed.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import IncompatibleError, MissingDependency
from zoo.hub.native import transformers as native
from zoo.hub.native.parts import LAYOUT, Staged, write_tensors
from zoo.hub.native.samples import reading
from zoo.io.fetch import HUB
from zoo.providers.exported import ADAPTER, LAYERS
from zoo.providers.loading import build
from zoo.providers.repositories import FOLDER
from zoo.providers.timm import layout_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from zoo.hub.native.parts import Model

NOISE = 1e-5  # singular values beyond the rank, relative to the norm of the weight: rounding of float32
TIMM = """\
import timm

model = timm.create_model({name!r}, pretrained=True, num_classes=0)
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
"""
PEFT = "from peft import PeftModel\n\nmodel = PeftModel.from_pretrained(model, folder).eval()\n"


def stage(model: Model, folder: Path) -> Staged:
    """Write `adapter_config.json`, which names the base and its revision, and `adapter_model.safetensors`.

    Raises:
        IncompatibleError: no LoRA, a base that has no repository or folder, or weights that were changed otherwise.
        MissingDependency: peft is not installed.
        Offline, WeightsError: the base is not on this machine.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingDependency("peft", "peft") from error
    spec = model.spec
    if model.fitted is None or model.fitted.spec.method != "lora" or model.fitted.spec.options.get("dora"):
        raise IncompatibleError(
            f"an adapter alone is exported of what `lora` fitted (without dora), and this is "
            f"{model.fitted.spec.method if model.fitted else 'a backbone'}. Fix: merge=True."
        )
    if spec.provider not in ("transformers", "timm") or not spec.source.startswith((HUB, FOLDER)):
        raise IncompatibleError(
            f"the base {spec.name} is no repository that peft could name. Fix: merge=True, which writes all weights."
        )
    rank = int(model.fitted.spec.options.get("rank", 8))
    tensors, layouts = corrections(model, build(spec, pretrained=True).module.state_dict(), rank)
    write_tensors(folder / ADAPTER, tensors)
    place, revision = spec.source.removeprefix(HUB).removeprefix(FOLDER), spec.revision
    settings = LoraConfig(
        r=rank,
        lora_alpha=rank,  # the factors hold the whole correction, so its scale is 1
        target_modules=sorted(name.removesuffix(".weight") for name in layouts),
        inference_mode=True,
        base_model_name_or_path=place,
        revision=revision or None,
        fan_in_fan_out="turned" in {layout for (layout,) in layouts.values()},
    )
    settings.save_pretrained(str(folder))
    notes: tuple[str, ...] = ()
    if spec.source.startswith(FOLDER):
        notes = (f"the base lies in {place} on this machine: whoever loads the adapter needs it under this name",)
    return Staged("peft", _code(model, place, revision), "adapter", weights=ADAPTER, tensors=layouts, notes=notes)


def corrections(model: Model, base: dict[str, Tensor], rank: int) -> tuple[dict[str, Tensor], dict[str, list[str]]]:
    """The factors of each changed weight by peft's names, and how that weight lies (`plain`, or `turned` as GPT-2's).

    Raises:
        IncompatibleError: something else was changed, or by more than this rank.
    """
    found: dict[str, Tensor] = {}
    layouts: dict[str, list[str]] = {}
    modules = dict(model.backbone.module.named_modules())
    for name, tensor in model.backbone.module.state_dict().items():
        if torch.equal(tensor, base[name]):
            continue
        part: Any = modules.get(name.removesuffix(".weight"))
        turned = type(part).__name__ == "Conv1D"
        if not turned and type(part) not in (torch.nn.Linear, torch.nn.Conv2d):
            raise IncompatibleError(f"{name} was changed, and peft cannot correct a {type(part).__name__}. "
                                    "Fix: merge=True.")  # fmt: skip
        delta = (tensor.double() - base[name].double()).flatten(1)
        left, sizes, right = torch.linalg.svd(delta.T if turned else delta, full_matrices=False)
        if len(sizes) > rank and float(sizes[rank]) > NOISE * float(tensor.double().norm()):
            raise IncompatibleError(f"{name} was changed by more than rank {rank}. Fix: merge=True.")
        root = torch.nn.functional.pad(sizes[:rank].sqrt(), (0, max(rank - len(sizes), 0)))
        low = torch.zeros(rank, right.shape[1], dtype=torch.float64)
        high = torch.zeros(left.shape[0], rank, dtype=torch.float64)
        count = min(rank, len(sizes))
        low[:count], high[:, :count] = root[:count, None] * right[:count], left[:, :count] * root[:count]
        shape = (rank, *tensor.shape[1:]) if tensor.ndim == 4 else low.shape
        begin = f"{LAYERS}{name.removesuffix('.weight')}"
        found[f"{begin}.lora_A.weight"] = low.float().reshape(shape)
        found[f"{begin}.lora_B.weight"] = high.float()[(..., *(None,) * (tensor.ndim - 2))]
        layouts[name] = ["turned" if turned else "plain"]
    return found, layouts


def _code(model: Model, place: str, revision: str) -> str:
    """The base as its library loads it, and peft's one line."""
    spec = model.spec
    if spec.provider == "timm":
        at = f"@{revision}" if revision else ""
        name = f"local-dir:{place}" if spec.source.startswith(FOLDER) else f"hf-hub:{place}{at}"
        layout = LAYOUT if layout_of(model.backbone.module) is torch.channels_last else ""
        run = f"\nwith torch.inference_mode():\n    features = model(transform(image)[None]{layout})\n"
        return TIMM.format(name=name) + PEFT + reading("image") + run
    bare = dataclasses.replace(model, fitted=None)
    which = f"{place!r}, revision={revision!r}" if revision else repr(place)
    code = native.code_of(bare, inside=False).replace("from_pretrained(folder", f"from_pretrained({which}")
    load = native.load_line(model.backbone.module).replace("from_pretrained(folder", f"from_pretrained({which}")
    return code.replace(load, load.replace(".eval()", "") + PEFT)
