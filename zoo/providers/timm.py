"""Backbones of timm (https://github.com/huggingface/pytorch-image-models): any architecture, any tag on the hub."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Features
from zoo.data.pixels import as_mode
from zoo.errors import MissingDependency, UnknownName, WeightsError
from zoo.io.repository import fetch_repository
from zoo.io.transport import install
from zoo.providers.weights import load_strictly, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from zoo.io.repository import Snapshot
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

WEIGHTS = "model.safetensors"


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None) -> Backbone:
    """Build `timm/arch.tag` without its classifier.

    Weights come as safetensors from the hub and pass through timm's own checkpoint filter, so that the result equals
    `timm.create_model(arch.tag, pretrained=True, num_classes=0)`; or they are given as `tensors` and must fit exactly.
    The record of the result names the commit that they come from.
    """
    timm = import_timm()
    if not timm.is_model(spec.arch):
        raise UnknownName("timm architecture", spec.arch, timm.list_models(), f"timm {timm.__version__} is installed.")
    tagged = f"{spec.arch}.{spec.tag}"
    model = tagged if timm.is_model_pretrained(tagged) else spec.arch  # a tag that `zoo pretrain` made is not timm's
    if tensors is not None:
        module = timm.create_model(model, num_classes=0)
        load_strictly(module, tensors, spec.name)
    elif pretrained:
        if not spec.tag:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose a tag "
                f"(`zoo list '{spec.name}.*'` shows them), or train it from scratch (pretrained=False, --scratch)."
            )
        found = _fetched(spec)
        overlay = {"state_dict": read_weights(found.folder / WEIGHTS)}  # read by zoo, filtered by timm
        module = timm.create_model(model, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
        backbone = assemble(dataclasses.replace(spec, revision=found.commit), module)
        return dataclasses.replace(backbone, notes=(*backbone.notes, *_notes(spec, found)))
    else:
        module = timm.create_model(model, num_classes=0)
    return assemble(spec, module)


def _fetched(spec: BackboneSpec) -> Snapshot:
    """The weights of a tag on this machine, from the cache or the hub, checked."""
    return fetch_repository(spec.source.removeprefix("hf-hub:"), spec.revision, (WEIGHTS,))


def _notes(spec: BackboneSpec, found: Snapshot) -> tuple[str, ...]:
    """What was decided for the user: the commit, where the catalog pins none."""
    if spec.revision:
        return found.notes
    note = f"{spec.name}: the catalog pins no revision; its weights are commit {found.commit[:12]} of {spec.source}"
    return (note, *found.notes)


def assemble(spec: BackboneSpec, module: nn.Module) -> Backbone:
    """A timm network behind the contract: widths are measured on one zero input, not trusted."""
    import torch

    from zoo.providers.measure import measured_spec

    size = tuple(spec.input_size or (3, 224, 224))
    module.to(memory_format=torch.channels_last)
    encode = timm_encoder(module)
    spec = measured_spec(dataclasses.replace(spec, input_size=size), module, encode)
    return Backbone(spec, module, image_preprocess(spec), encode)


def timm_encoder(module: Any) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode` over timm's forward_features and forward_head."""
    import torch

    channels_last = getattr(module, "output_fmt", "NCHW") == "NHWC"

    def encode(inputs: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        hidden = module.forward_features(inputs)
        pooled = module.forward_head(hidden)
        is_map = isinstance(hidden, torch.Tensor) and hidden.ndim == 4
        is_tokens = isinstance(hidden, torch.Tensor) and hidden.ndim == 3
        maps = [hidden.permute(0, 3, 1, 2) if channels_last else hidden] if is_map else None
        return {"vision": Features(pooled, tokens=hidden if is_tokens else None, maps=maps)}

    return encode


def image_preprocess(spec: BackboneSpec) -> Callable[[Sequence[Any]], Tensor]:
    """Timm's own evaluation transform for these weights; images are converted to the channels that they expect."""
    import torch

    import_timm()
    from timm.data.transforms_factory import create_transform

    channels, height, width = spec.input_size or (3, 224, 224)
    transform = create_transform(
        input_size=(channels, height, width),
        interpolation=spec.interpolation,
        mean=spec.mean or (0.0,) * channels,
        std=spec.std or (1.0,) * channels,
        crop_pct=spec.crop_pct,
        crop_mode=spec.crop_mode,
    )

    def preprocess(images: Sequence[Any]) -> Tensor:
        return torch.stack([transform(as_mode(image, "L" if channels == 1 else "RGB")) for image in images])

    return preprocess


def import_timm() -> Any:
    """timm, or the error that says how to get it."""
    try:
        import timm
    except ImportError as error:
        raise MissingDependency("timm", "timm") from error
    install()
    return timm
