"""Fine-tune adapters: which weights a task may change, and how."""

from zoo.catalog.fit import Needs
from zoo.registry import Registry

ADAPTATIONS = Registry(
    "adaptation",
    {
        "full": "zoo.adaptations.full:Full",
        "linear_probe": "zoo.adaptations.linear_probe:LinearProbe",
    },
    group="zoo.adaptations",
)
NEEDS = {"full": Needs(), "linear_probe": Needs()}
