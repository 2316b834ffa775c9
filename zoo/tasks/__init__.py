"""Task kinds: head, loss, prediction and metric of each family of downstream tasks."""

from zoo.registry import Registry

TASKS = Registry(
    "task kind",
    {"image_classification": "zoo.tasks.image_classification:ImageClassification"},
    group="zoo.tasks",
)
