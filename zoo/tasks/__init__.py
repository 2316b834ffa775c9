"""Task kinds: head, loss, prediction and metric of each family of downstream tasks."""

from zoo.catalog.fit import Needs
from zoo.registry import Registry

TASKS = Registry(
    "task kind",
    {"image_classification": "zoo.tasks.image_classification:ImageClassification"},
    group="zoo.tasks",
)
NEEDS = {"image_classification": Needs(modalities=("vision",))}
