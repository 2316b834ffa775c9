"""Backbones of timm (https://github.com/huggingface/pytorch-image-models): any architecture, any tag on the hub."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Features
from zoo.data.pixels import as_mode
from zoo.errors import MissingDependency, UnknownName, WeightsError
from zoo.io.transport import install
from zoo.providers.heard import heard
from zoo.providers.hidden import pyramid
from zoo.providers.repositories import notes_of, weights_of
from zoo.providers.timm_repositories import repository_options
from zoo.providers.weights import load_strictly, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Encode
    from zoo.io.repository import Snapshot
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

WEIGHTS = "model.safetensors"


BLOCK = 16  # channels that oneDNN computes at once with AVX-512; with AVX2 they are 8


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None, allow_pickle: str = "") -> Backbone:
    """Build `timm/arch.tag`, or a repository that timm wrote, without its classifier.

    Weights come as safetensors from the hub and pass through timm's own checkpoint filter, so that the result equals
    `timm.create_model(arch.tag, pretrained=True, num_classes=0)`; or they are given as `tensors` and must fit exactly.
    The record of the result names the commit that they come from, and `notes` the tensors that were not used.

    Raises:
        UnknownName: no such architecture.
        WeightsError: an architecture without weights, or weights that lack a parameter.
        Offline, UnsafeContent: as `fetch_repository` says.
    """
    timm = check_architecture(spec.arch)
    tagged = f"{spec.arch}.{spec.tag}"
    model = tagged if timm.is_model_pretrained(tagged) else spec.arch  # a tag that `zoo pretrain` made is not timm's
    options = repository_options(spec)
    if tensors is not None:
        module = timm.create_model(model, num_classes=0, **options)
        load_strictly(module, tensors, spec.name)
    elif pretrained:
        if not spec.source:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose a tag "
                f"(`zoo list '{spec.name}.*'` shows them), or train it from scratch (pretrained=False, --scratch)."
            )
        found = _fetched(spec, allow_pickle)
        file = found.folder / (allow_pickle or WEIGHTS)
        overlay = {"state_dict": read_weights(file, allow_pickle=allow_pickle)}  # read by zoo, filtered by timm
        with heard("timm") as said:
            module = timm.create_model(model, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay, **options)
        left_out = _not_used(module, said, spec.name)
        backbone = assemble(dataclasses.replace(spec, revision=found.commit), module)
        return dataclasses.replace(backbone, notes=(*backbone.notes, *notes_of(spec, found), *left_out))
    else:
        module = timm.create_model(model, num_classes=0, **options)
    return assemble(spec, module)


def check_architecture(arch: str) -> Any:
    """timm, if it has an architecture of that name; anything else it would look for on the hub or the disk.

    Raises:
        UnknownName: no such architecture.
        MissingDependency: timm is not installed.
    """
    timm = import_timm()
    if ":" in arch or "/" in arch or not timm.is_model(arch.partition(".")[0]):
        raise UnknownName("timm architecture", arch, timm.list_models(), f"timm {timm.__version__} is installed.")
    return timm


def _fetched(spec: BackboneSpec, allow_pickle: str = "") -> Snapshot:
    """The weights of a tag on this machine, from the cache or the hub, checked."""
    return weights_of(spec, (WEIGHTS,), allow_pickle)


def _not_used(module: nn.Module, said: list[str], name: str) -> tuple[str, ...]:
    """What timm only logs: tensors of the checkpoint that the network has no place for (a classifier is expected).

    Raises:
        WeightsError: a parameter that the checkpoint lacks, which would keep its random initialisation.
    """
    missing = _keys(said, "Missing keys (")
    lost = [key for key, _ in module.named_parameters() if key in missing]
    if lost:
        raise WeightsError(
            f"the weights of {name} lack {len(lost)} parameters ({', '.join(lost[:3])}), which would stay random. "
            "Fix: name the backbone that these weights belong to."
        )
    unused = _keys(said, "Unexpected keys (")
    if not unused:
        return ()
    more = ", ..." if len(unused) > 3 else ""
    return (f"{name}: {len(unused)} tensors of the checkpoint are not used ({', '.join(unused[:3])}{more})",)


def _keys(said: list[str], words: str) -> list[str]:
    found = [line.removeprefix(words).partition(")")[0].split(", ") for line in said if line.startswith(words)]
    return [key for keys in found for key in keys]


def assemble(spec: BackboneSpec, module: nn.Module) -> Backbone:
    """A timm network behind the contract: widths are measured on one zero input, not trusted."""
    from zoo.providers.measure import measured_spec

    size = tuple(spec.input_size or (3, 224, 224))
    layout = layout_of(module)
    for parameter in module.parameters():  # not module.to(...), which refuses networks with 3-D convolutions
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)
    encode = timm_encoder(module)
    spec = measured_spec(dataclasses.replace(spec, input_size=size), module, encode)
    return Backbone(spec, module, image_preprocess(spec), encode)


def layout_of(module: nn.Module) -> Any:
    """The memory format to compute a network in: channels last, unless its backward pass would corrupt memory.

    oneDNN, in torch 2.14.1 on a CPU, writes past its workspace in the gradient of the weights of a 1 x 1 convolution
    that has a stride and fewer input channels than a block, when images are channels last
    (https://github.com/uxlfoundation/oneDNN/issues/6035). RepVGG, MobileOne, FastViT, GENet and GhostNetV3 have one.

    Example:
        >>> from torch import nn
        >>> layout_of(nn.Conv2d(13, 48, 1, stride=2)), layout_of(nn.Conv2d(64, 128, 1, stride=2))
        (torch.contiguous_format, torch.channels_last)
    """
    import torch

    unsafe = any(
        part.kernel_size == (1, 1) and max(part.stride) > 1 and part.in_channels // part.groups < BLOCK
        for part in module.modules()
        if isinstance(part, torch.nn.Conv2d)
    )
    return torch.contiguous_format if unsafe else torch.channels_last


def timm_encoder(module: Any) -> Encode:
    """`encode` over timm's forward_features and forward_head; pyramids of maps where the network is one of stages.

    Where the last hidden layer is a map, it is the last of `maps`, after the last normalisation, and what `pooled` is
    the pooling of; the other maps are as timm's forward_intermediates gives them.
    """
    import torch

    layout = layout_of(module)
    channels_last = getattr(module, "output_fmt", "NCHW") == "NHWC"
    hidden_layers = _hidden_layers(module)

    def encode(inputs: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=layout)
        hidden, maps = hidden_layers(inputs)
        pooled = module.forward_head(hidden)
        dimensions = hidden.ndim if isinstance(hidden, torch.Tensor) else 0
        if dimensions == 4:
            maps = [*maps, hidden.permute(0, 3, 1, 2) if channels_last else hidden]
        tokens = hidden if dimensions == 3 else None
        return {"vision": Features(pooled, tokens=tokens, maps=pyramid(maps, inputs.shape[2]) or None)}

    return encode


def _hidden_layers(module: Any) -> Callable[[Tensor], tuple[Any, list[Tensor]]]:
    """The last hidden layer, and the maps [B, C, H, W] of the stages in the same pass, if the network has stages.

    A network does not say so before it ran, and one of tokens alone would copy every layer: the first call finds out.
    """
    import torch

    staged: list[bool] = []

    def layers(inputs: Tensor) -> tuple[Any, list[Tensor]]:
        if staged and staged[0]:
            hidden, maps = module.forward_intermediates(inputs)
            return hidden, maps
        hidden = module.forward_features(inputs)
        if not staged:
            staged.append(False)
            if isinstance(hidden, torch.Tensor) and hasattr(module, "forward_intermediates"):
                _, maps = module.forward_intermediates(inputs)
                staged[0] = hidden.ndim == 4 or len(pyramid(maps, inputs.shape[2])) > 1
                return hidden, maps if staged[0] else []
        return hidden, []

    return layers


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
