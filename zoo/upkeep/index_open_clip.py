"""What open_clip says of itself: its architectures and its (architecture, tag) pairs. It says no licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency
from zoo.upkeep.curated import names
from zoo.upkeep.measuring import measure as measure_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.catalog.rows import Row
    from zoo.contracts import Features

HUB = ""
COMMON = {"provider": "open_clip", "modality": "image-text"}
# What the model's own card or paper says of the data, by the first words of a tag.
DATA = {
    "openai": "OpenAI's 400 M image-text pairs",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "laion5b": "LAION-5B",
    "laion_aesthetic": "LAION-Aesthetic",
    "laion_": "LAION",
    "datacomp": "DataComp",
    "commonpool": "CommonPool",
    "webli": "WebLI",
    "yfcc15m": "YFCC-15M",
    "cc12m": "CC-12M",
    "metaclip": "MetaCLIP",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "mscoco_finetuned_laion2b": "LAION-2B, then MS COCO",
    "merged2b": "Merged-2B",
}


def library() -> str:
    """The installed library and its version.

    Raises:
        MissingDependency: open_clip is not installed.

    Example:
        >>> library().split()[0]
        'open_clip'
    """
    return f"open_clip {_open_clip().__version__}"


def rows() -> Iterator[Row]:
    """One row an architecture and one a pair; the sizes are those of the image tower, the context that of the text."""
    open_clip = _open_clip()
    for arch in open_clip.list_models():
        yield COMMON | {"name": f"open_clip/{arch}", "arch": arch, "tag": "", **_inputs(arch, {})}
    for arch, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(arch, tag)
        repository, _, file = _split(config["hf_hub"])
        known = [data for words, data in DATA.items() if tag.startswith(words)]
        yield COMMON | {
            "name": f"open_clip/{arch}.{tag}",
            "arch": arch,
            "tag": tag,
            "source": f"hf-hub:{repository}" if repository else config["url"],
            "weights_format": "pickle" if file.endswith((".bin", ".pt")) or not repository else "",
            "objective": "image-text contrastive",
            "pretrained_on": known[0] if known else "",
            "curated": f"{arch}.{tag}" in names("open_clip"),
            **_inputs(arch, config),
        }


def measure(row: Row) -> dict[str, Any]:
    """The measured columns of a row: parameters of both towers, the width of the space that they share."""
    import torch

    from zoo.contracts import Features

    open_clip = _open_clip()

    def features(module: Any) -> Features:
        image = module.encode_image(torch.zeros(1, *row["input_size"]))
        text = module.encode_text(torch.zeros(1, row["context"], dtype=torch.long))
        if image.shape != text.shape:
            raise ValueError("the towers do not share a space")
        return Features(image)

    return measure_network(lambda: open_clip.create_model(row["arch"], device="meta", load_weights=False), features)


def _inputs(arch: str, pretrained: dict[str, Any]) -> dict[str, Any]:
    open_clip = _open_clip()
    config = open_clip.get_model_config(arch)
    image, text = config["vision_cfg"], config["text_cfg"]
    side = image.get("image_size", 224)
    sides = (side, side) if isinstance(side, int) else tuple(side)
    patch = image.get("patch_size")
    return {
        "family": _family(arch, image),
        "input_size": (3, *sides),
        "mean": tuple(pretrained.get("mean") or open_clip.OPENAI_DATASET_MEAN),
        "std": tuple(pretrained.get("std") or open_clip.OPENAI_DATASET_STD),
        "interpolation": pretrained.get("interpolation") or "bicubic",
        "crop_mode": "squash" if pretrained.get("resize_mode") == "squash" else "center",
        "context": text.get("context_length", 77),
        "tokenizer": "HFTokenizer" if "hf_tokenizer_name" in text else "SimpleTokenizer",
        "lower_case": None if "hf_tokenizer_name" in text else True,
        "stride": patch if isinstance(patch, int) else None,
    }


def _family(arch: str, image: dict[str, Any]) -> str:
    for words, family in (("SigLIP2", "siglip2"), ("SigLIP", "siglip"), ("coca", "coca"), ("MobileCLIP", "mobileclip")):
        if words in arch:
            return family
    return "clip-timm" if "timm_model_name" in image else "clip-resnet" if arch.startswith("RN") else "clip"


def _split(hub: str) -> tuple[str, str, str]:
    """`namespace/name/file` as (`namespace/name`, "/", `file`)."""
    namespace, _, rest = hub.partition("/")
    name, slash, file = rest.partition("/")
    return (f"{namespace}/{name}" if name else "", slash, file)


def _open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise MissingDependency("open_clip", "open_clip") from error
    return open_clip
