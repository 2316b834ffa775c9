"""Pre-train adapters: what a backbone can be trained on before it meets a task."""

from zoo.catalog.fit import Needs
from zoo.registry import Registry

OBJECTIVES = Registry(
    "objective",
    {
        "supervised": "zoo.objectives.supervised:Supervised",
        "mlm": "zoo.objectives.mlm:Mlm",
        "causal": "zoo.objectives.causal:Causal",
        "mae": "zoo.objectives.mae:Mae",
        "simmim": "zoo.objectives.simmim:Simmim",
        "masked_prediction": "zoo.objectives.masked_prediction:MaskedPrediction",
    },
    group="zoo.objectives",
)
NEEDS = {
    "supervised": Needs(modalities=("vision",)),
    "mlm": Needs(("tokens",), ("text",)),
    "causal": Needs(("tokens",), ("text",)),
    "mae": Needs(("tokens",), ("vision",)),
    "simmim": Needs(("maps",), ("vision",)),
    "masked_prediction": Needs(("tokens",), ("speech",)),
}
