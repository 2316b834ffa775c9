"""Vision networks of transformers behind the contract: tokens or maps, and one vector of them.

Preprocessing is the library's own image processor, as the weights' `preprocessor_config.json` sets it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
WITHOUT = {
    "imagegpt": "it reads colours as words of a palette, and no image as pixels",
    "perceiver": "it needs a preprocessor of its own for each kind of input",
}


def image_processor(folder: Path | None, spec: BackboneSpec) -> Any:
    """The image processor of a folder; with None the one that this model type uses, at the network's size.

    The torchvision backend is asked for by name, as the library chooses by what happens to be installed.

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
    if spec.input_size is None or not takes_size(cls):
        return cls()
    _, height, width = spec.input_size
    return cls(size={"height": height, "width": width}, do_resize=True, do_center_crop=False)


def takes_size(processor: Any) -> bool:
    """Whether a class of image processors resizes to a height and a width (some know an edge only, or patches)."""
    return set(getattr(processor, "size", None) or ()) == {"height", "width"}


def image_preprocess(processor: Callable[[], Any], channels: int = 3) -> Callable[[Sequence[Any]], Tensor]:
    """Images to pixels [B, C, H, W] by an image processor, which is made at the first call."""
    made: list[Any] = []

    def preprocess(images: Sequence[Any]) -> Tensor:
        if not len(images):
            raise DataError("there are no images. Fix: give at least one.")
        if not made:
            made.append(processor())
        mode = "L" if channels == 1 else "RGB"
        with quietly():
            rows = [made[0](images=as_mode(image, mode), return_tensors="pt")["pixel_values"] for image in images]
        import torch

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
    has_noise, has_layers = takes(network.forward, "noise"), takes(network.forward, "output_hidden_states")

    def encode(pixels: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        options: dict[str, Any] = {"output_hidden_states": True} if has_layers else {}
        if has_noise:
            options["noise"] = _in_order(network, pixels)
        out = network(pixel_values=pixels, **options)
        hidden = out.last_hidden_state
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
