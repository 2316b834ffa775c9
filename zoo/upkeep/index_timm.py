"""What timm says of itself: every architecture, and every pre-trained tag with a hub repository.

Tags without one (only a URL, hence no safetensors) are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.providers.timm import import_timm, timm_encoder
from zoo.upkeep.curated import names
from zoo.upkeep.measuring import measure as measure_network
from zoo.upkeep.measuring import stride_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from zoo.catalog.rows import Row
    from zoo.contracts import Features

HUB = "timm/"
PREPROCESSING = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")
# A tag is made of words: what was done, on which data, then `ft` and the same of the fine-tuning. These are the words
# that say data or objective; a tag without one says neither, and nothing is guessed.
DATA = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "sat493m": "SAT-493M",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "laiona": "LAION-Aesthetic",
    "openai": "OpenAI's 400 M image-text pairs",
    "webli": "WebLI",
    "datacomp1b": "DataComp-1B",
    "datacompdr": "DataCompDR",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "metaclip": "MetaCLIP",
    "merged2b": "Merged-2B",
    "inat21": "iNaturalist 2021",
    "yfcc100m": "YFCC-100M",
    "jft": "JFT-300M",
}
OBJECTIVES = {
    "dino": "self-distillation",
    "lvd142m": "self-distillation",
    "lvd1689m": "self-distillation",
    "sat493m": "self-distillation",
    "mae": "masked image modelling",
    "fcmae": "masked image modelling",
    "mim": "masked image modelling",
    "ijepa": "masked image modelling",
    "openai": "image-text contrastive",
    "laion2b": "image-text contrastive",
    "laion400m": "image-text contrastive",
    "laiona": "image-text contrastive",
    "datacomp1b": "image-text contrastive",
    "datacompdr": "image-text contrastive",
    "dfn2b": "image-text contrastive",
    "dfn5b": "image-text contrastive",
    "metaclip": "image-text contrastive",
    "webli": "image-text contrastive",
    "merged2b": "image-text contrastive",
    "ns": "semi-supervised",
    "seer": "self-supervised",
    "ssl": "semi-supervised",
    "ssld": "distillation",
    "swag": "weakly supervised",
    "swsl": "semi-weakly supervised",
    "dist": "distillation",
    "distill": "distillation",
}
LABELLED = ("in1k", "in12k", "in21k", "in22k", "inat21")


def library() -> str:
    """The installed library and its version.

    Raises:
        MissingDependency: timm is not installed.

    Example:
        >>> library().split()[0]
        'timm'
    """
    return f"timm {import_timm().__version__}"


def rows() -> Iterator[Row]:
    """One row an architecture and one a tag, without the measured columns."""
    from timm.models._registry import model_entrypoint

    timm = import_timm()
    for model in [*timm.list_models(), *timm.list_pretrained()]:
        arch, _, tag = model.partition(".")
        config = timm.models.get_pretrained_cfg(model)
        if tag and not config.hf_hub_id:
            continue
        row: Row = {"name": f"timm/{model}", "provider": "timm", "arch": arch, "tag": tag}
        row |= {name: getattr(config, name) for name in PREPROCESSING}
        row["family"] = model_entrypoint(arch).__module__.rpartition(".")[2]
        if tag:
            row["licence"] = (config.license or "unknown").lower()
            row["source"] = f"hf-hub:{config.hf_hub_id}"
            row["weights_format"] = "safetensors"
            row["curated"] = model in names("timm")
            row |= origin(tag, row["family"])
        yield row


def origin(tag: str, family: str = "") -> dict[str, str]:
    """How and on what the weights of a tag were pre-trained, as far as its words say it.

    Example:
        >>> origin("augreg_in21k_ft_in1k")
        {'objective': 'supervised', 'pretrained_on': 'ImageNet-21k, then ImageNet-1k'}
        >>> origin("mae")
        {'objective': 'masked image modelling'}
        >>> origin("untold_ft_in1k")
        {'pretrained_on': '..., then ImageNet-1k'}
    """
    words = tag.split("_")
    data = [DATA[word] for word in words if word in DATA]
    objective = ["masked image modelling"] if family == "beit" else []  # its tags do not say so
    objective += [OBJECTIVES[word] for word in words if word in OBJECTIVES]
    found = {}
    first_words = words[: words.index("ft")] if "ft" in words else words
    if objective or any(word in LABELLED for word in first_words):  # what only says its fine-tuning says too little
        first = objective[0] if objective else "supervised"
        found["objective"] = f"{first}, then supervised" if objective and "ft" in words else first
    if "ft" in words and not any(word in DATA for word in first_words):
        data = ["...", *data]
    if data:
        found["pretrained_on"] = ", then ".join(data)
    return found


def measure(row: Row) -> dict[str, Any]:
    """The measured columns of a row; what a network does not show on the meta device is left out."""
    timm = import_timm()
    tagged = f"{row['arch']}.{row.get('tag', '')}"
    model = tagged if timm.is_model_pretrained(tagged) else row["arch"]
    stride: dict[str, int] = {}

    def features(module: nn.Module) -> Features:
        import torch

        given = timm_encoder(module)(torch.zeros(1, *row["input_size"]), None)["vision"]
        if given.maps:
            stride["stride"] = stride_of(row["input_size"][1], given.maps[-1].shape[2])
        elif given.tokens is not None:
            patch = getattr(getattr(module, "patch_embed", None), "patch_size", None)
            sides = patch if isinstance(patch, tuple | list) else [patch]
            if all(isinstance(side, int) for side in sides):
                stride["stride"] = max(sides)
        return given

    return measure_network(lambda: timm.create_model(model, num_classes=0), features) | stride
