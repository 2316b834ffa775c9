"""Fine-tune adapters: which weights a task may change, and how."""

from zoo.catalog.fit import Needs
from zoo.registry import Registry

ADAPTATIONS = Registry(
    "adaptation",
    {
        "full": "zoo.adaptations.full:Full",
        "linear_probe": "zoo.adaptations.linear_probe:LinearProbe",
        "knn": "zoo.adaptations.knn:Knn",
        "lp_ft": "zoo.adaptations.lp_ft:LpFt",
        "lora": "zoo.adaptations.lora:Lora",
        "top_k": "zoo.adaptations.top_k:TopK",
        "layer_mix": "zoo.adaptations.layer_mix:LayerMix",
        "zero_shot": "zoo.adaptations.zero_shot:ZeroShot",
    },
    group="zoo.adaptations",
)
_ONE_TRUNK = Needs(modalities=("vision", "text", "speech"))  # an image-text network has two rows of blocks
NEEDS = {
    "full": Needs(),
    "linear_probe": Needs(),
    "knn": Needs(),
    "lp_ft": Needs(),
    "lora": Needs(),
    "top_k": _ONE_TRUNK,
    "layer_mix": Needs(),
    "zero_shot": Needs(modalities=("image-text",)),
}
FROZEN = ("linear_probe", "knn")
"""Those that freeze the backbone and fit a head on its pooled features."""
SEARCHED = {"knn": "k"}
"""The option that a benchmark searches for an adaptation which freezes the backbone; `penalty` where none is named."""
