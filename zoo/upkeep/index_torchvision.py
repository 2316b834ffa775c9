"""What torchvision says of itself: its image classification models and their weights.

Left out: video models (their input is a clip), quantised ones (they cannot be trained), and detection, segmentation and
flow, whose backbones are classification models that are here already.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from zoo.errors import MissingDependency
from zoo.providers.torchvision import remove_head
from zoo.upkeep.curated import names
from zoo.upkeep.measuring import measure as measure_network
from zoo.upkeep.measuring import stride_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from zoo.catalog.rows import Row
    from zoo.contracts import Features

HUB = ""
# torchvision says a licence for the SWAG weights only, by the address of its text, which is CC BY-NC 4.0.
LICENCES = {"https://github.com/facebookresearch/SWAG/blob/main/LICENSE": "cc-by-nc-4.0"}

MAPS = {  # family -> the part that gives the last map [B, C, H, W]; in the other families it is `features`
    "googlenet": "inception5b",
    "inception": "Mixed_7c",
    "maxvit": "blocks.3",
    "mnasnet": "layers",
    "regnet": "trunk_output",
    "resnet": "layer4",
    "shufflenetv2": "conv5",
    "swin_transformer": "permute",
}


def library() -> str:
    """The installed library and its version.

    Raises:
        MissingDependency: torchvision is not installed.

    Example:
        >>> library().split()[0]
        'torchvision'
    """
    return f"torchvision {_torchvision().__version__.partition('+')[0]}"


def rows() -> Iterator[Row]:
    """One row an architecture, preprocessed as its default weights are, and one a set of weights."""
    models = _torchvision().models
    for arch in models.list_models(module=models):
        all_weights = models.get_model_weights(arch)
        family = models.get_model_builder(arch).__module__.rpartition(".")[2]
        common = {"provider": "torchvision", "arch": arch, "family": family}
        yield common | {"name": f"torchvision/{arch}", "tag": "", **_preprocessing(all_weights.DEFAULT)}
        for weights in all_weights:
            licence = weights.meta.get("license")
            yield common | {
                "name": f"torchvision/{arch}.{weights.name}",
                "tag": weights.name,
                "licence": LICENCES[licence] if licence else "unknown",
                "source": weights.url,
                "weights_format": "pickle",
                "objective": "weakly supervised, then supervised" if "SWAG" in weights.name else "supervised",
                "pretrained_on": "Instagram hashtags, then ImageNet-1k" if "SWAG" in weights.name else "ImageNet-1k",
                "curated": f"{arch}.{weights.name}" in names("torchvision"),
                **_preprocessing(weights),
            }


def measure(row: Row) -> dict[str, Any]:
    """The measured columns of a row: of the network without its classifier."""
    import torch

    from zoo.contracts import Features

    models = _torchvision().models
    stride: dict[str, Any] = {}

    def features(module: nn.Module) -> Features:
        image = torch.zeros(1, *row["input_size"])
        if row["family"] == "vision_transformer":
            hidden = _output(module, "encoder", image)
            stride["stride"] = module.patch_size
            return Features(hidden[:, 0], tokens=hidden)
        pooled = module(image)
        last = _output(module, MAPS.get(row["family"], "features"), image)
        stride["stride"] = stride_of(row["input_size"][1], last.shape[2])
        return Features(pooled, maps=[last])

    def build() -> nn.Module:
        with _regnets_on_meta():
            module: nn.Module = models.get_model(row["arch"], weights=None, **builder_options(row))
        remove_head(module)
        return module

    return measure_network(build, features) | stride


def builder_options(row: Row) -> dict[str, Any]:
    """What the model builder must be told: the side of the images, where there are position weights for one size.

    And whether to initialise, for the two models that warn when they are not told.
    """
    if row["arch"].startswith("vit_"):
        return {"image_size": row["input_size"][1]}
    return {"init_weights": False} if row["family"] in ("googlenet", "inception") else {}


def _output(module: Any, name: str, image: Any) -> Any:
    """What the part `name` of a network gives."""
    kept: list[Any] = []
    handle = module.get_submodule(name).register_forward_hook(lambda _module, _given, out: kept.append(out))
    module(image)
    handle.remove()
    return kept[-1]


@contextmanager
def _regnets_on_meta() -> Iterator[None]:
    """Within the block, RegNets can be built on the meta device: torchvision computes their widths with tensors."""
    import torch
    from torchvision.models.regnet import BlockParams

    plain = BlockParams.from_init_params

    def with_values(*arguments: Any, **options: Any) -> Any:
        with torch.device("cpu"):
            return plain(*arguments, **options)

    with patch.object(BlockParams, "from_init_params", with_values):
        yield


def _preprocessing(weights: Any) -> dict[str, Any]:
    preset = weights.transforms()
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return {
        "input_size": (3, crop, crop),
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
        "interpolation": preset.interpolation.value,
        "crop_pct": round(crop / resize, 4),
    }


def _torchvision() -> Any:
    try:
        import torchvision
    except ImportError as error:
        raise MissingDependency("torchvision", "timm") from error
    return torchvision
