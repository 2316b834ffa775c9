"""Task kinds: head, loss, prediction and metric of each family of downstream tasks."""

from zoo.catalog.fit import Needs
from zoo.data.labelled import INPUTS
from zoo.registry import Registry

_TAKES = {"vision": ("vision", "image-text"), "text": ("text", "image-text"), "speech": ("speech",)}

TASKS = Registry(
    "task kind",
    {f"{inputs}_classification": "zoo.tasks.classification:Classification" for inputs in INPUTS},
    group="zoo.tasks",
)
NEEDS = {f"{inputs}_classification": Needs(modalities=_TAKES[modality]) for inputs, modality in INPUTS.items()}
