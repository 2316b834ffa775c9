"""Vision networks of transformers behind the contract: tokens or maps, and one vector of them.

Preprocessing is the library's own image processor, as the weights' `preprocessor_config.json` sets it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

from zoo.contracts import Features
from zoo.data.pixels import as_mode
from zoo.errors import DataError, IncompatibleError, WeightsError
from zoo.providers.transformers_library import LOCAL, library, mapped, quietly, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from zoo.specs import BackboneSpec

CHANNELS_LAST = ("dinat",)
ANY_SIZE = ("textnet",)  # its processor keeps the shape of each image
WITHOUT = {
    "imagegpt": "it reads colours as words of a palette, and no image as pixels",
    "perceiver": "it needs a preprocessor of its own for each kind of input",
}


def image_processor(folder: Path | None, spec: BackboneSpec) -> Any:
    """The image processor of a folder; with None the one that this model type uses, at the network's size.

    The torchvision backend is asked for by name: the library chooses by what is installed.

    Raises:
        WeightsError: the folder has none, or it cannot be read.
    """
    if folder is not None:
        try:
            with quietly():
                return library().AutoImageProcessor.from_pretrained(folder, backend="torchvision", **LOCAL)
        except Exception as error:  # the library raises many kinds
            raise WeightsError(
                f"{spec.name} has no image processor that can be read: {type(error).__name__}: {str(error)[:200]}. "
                "Fix: choose a repository with preprocessor_config.json."
            ) from error
    auto: Any = importlib.import_module("transformers.models.auto.image_processing_auto")
    names = mapped("image_processing_auto", "IMAGE_PROCESSOR_MAPPING_NAMES", spec.arch) or {}
    cls = auto.get_image_processor_class_from_name(names.get("torchvision") or "ViTImageProcessor")
    return cls(**sizes_for(cls, spec.input_size))


def sizes_for(processor: Any, input_size: Sequence[int] | None) -> dict[str, Any]:
    """What an image processor of this class has to be told, so that its pixels have the network's size.

    Example:
        >>> from types import SimpleNamespace
        >>> processor = SimpleNamespace(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224})
        >>> sizes_for(processor, (3, 96, 96))
        {'size': {'shortest_edge': 110}, 'crop_size': {'height': 96, 'width': 96}}
    """
    size, crop = getattr(processor, "size", None) or {}, getattr(processor, "crop_size", None)
    if input_size is None:
        return {}
    whole = {"height": input_size[1], "width": input_size[2]}
    if crop:
        edge = max(size.get("shortest_edge", 0), size.get("height", 0)) / max(dict(crop).values())
        grown = {key: max(round(max(whole.values()) * edge), max(whole.values())) for key in size}
        return {"size": grown, "crop_size": whole}
    if set(size) == {"height", "width"}:
        return {"size": whole}
    if set(size) == {"shortest_edge"} and input_size[1] == input_size[2]:
        return {"size": {"shortest_edge": input_size[1]}}
    return {}


def image_preprocess(processor: Callable[[], Any], channels: int = 3) -> Callable[[Sequence[Any]], Tensor]:
    """Images to pixels [B, C, H, W] by an image processor, which is made at the first call."""
    made: list[Any] = []

    def preprocess(images: Sequence[Any]) -> Tensor:
        if not len(images):
            raise DataError("there are no images. Fix: give at least one.")
        if not made:
            made.append(processor())
        mode: Literal["L", "RGB"] = "L" if channels == 1 else "RGB"
        with quietly():
            rows = [made[0](images=as_mode(image, mode), return_tensors="pt")["pixel_values"] for image in images]
        import torch

        if len({row.shape for row in rows}) > 1:
            raise DataError("these images keep their own shapes, so they make no batch. Fix: give them one by one.")
        pixels: Tensor = torch.cat(rows)
        return pixels

    return preprocess


def vision_encoder(network: Any, arch: str) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode(pixels [B, C, H, W])` over a vision network.

    `pooled` is what the network itself pools (its class token, or the mean of its map); where it pools nothing, its
    class token if it has one, else the mean. ViT-MAE sees the whole image, in order: nothing is masked or drawn.
    """
    if arch in WITHOUT:
        raise IncompatibleError(f"{arch} is not a backbone here: {WITHOUT[arch]}. Fix: choose another model type.")
    has_class = any(name.split(".")[-1] == "cls_token" for name, _ in network.named_parameters())
    has_noise, has_layers = arch == "vit_mae", _gives_layers(network)

    def encode(pixels: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        options: dict[str, Any] = {"output_hidden_states": True} if has_layers else {}
        if has_noise:
            options["noise"] = _in_order(network, pixels)
        out = network(pixel_values=pixels, **options)
        hidden = getattr(out, "last_hidden_state", None)
        hidden = out.feature_maps[-1] if hidden is None else hidden
        pooled = getattr(out, "pooler_output", None)
        if hidden.ndim == 4:
            hidden = hidden.permute(0, 3, 1, 2) if arch in CHANNELS_LAST else hidden
            pooled = hidden.mean((2, 3)) if pooled is None else pooled.flatten(1)
            return {"vision": Features(pooled, maps=_pyramid(getattr(out, "hidden_states", None), hidden))}
        if pooled is None:
            pooled = hidden[:, 0] if has_class else hidden.mean(1)
        return {"vision": Features(pooled.flatten(1), tokens=hidden)}

    return encode


def _in_order(network: Any, pixels: Tensor) -> Tensor:
    """ViT-MAE shuffles patches by the order of this noise [B, N]: rising, so that they stay where they are."""
    import torch

    count = network.embeddings.patch_embeddings.num_patches
    return torch.arange(count, device=pixels.device, dtype=pixels.dtype).expand(len(pixels), -1)


def _pyramid(layers: Any, last: Tensor) -> list[Tensor]:
    """The last map of each size, fine to coarse."""
    found: dict[tuple[int, ...], Tensor] = {}
    for layer in layers or ():
        if getattr(layer, "ndim", 0) == 4 and layer.shape[2] >= last.shape[2]:
            found[tuple(layer.shape[2:])] = layer
    found[tuple(last.shape[2:])] = last
    return [found[size] for size in sorted(found, reverse=True)]


def _gives_layers(network: Any) -> bool:
    """Whether a network can be asked for its layers: by an argument, or by any (the library's newer way)."""
    return takes(network.forward, "output_hidden_states") or takes(network.forward, "kwargs")
