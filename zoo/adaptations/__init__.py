"""Fine-tune adapters: which weights a task may change, and how."""

from zoo.registry import Registry

ADAPTATIONS = Registry(
    "adaptation",
    {
        "full": "zoo.adaptations.full:Full",
        "linear_probe": "zoo.adaptations.linear_probe:LinearProbe",
    },
    group="zoo.adaptations",
)
