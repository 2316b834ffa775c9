"""Task kinds: head, loss, prediction and scores of each family of downstream tasks.

A kind is named `{inputs}_{answer}`: what a sample is (`zoo.data.labelled.INPUTS`) and what is said of it (`ANSWERS`).
"""

from zoo.catalog.fit import Needs
from zoo.data.labelled import ANSWERS, INPUTS
from zoo.registry import Registry

_TAKES = {  # a tower of an image-text network reads one text
    "image": ("vision", "image-text"),
    "text": ("text", "image-text"),
    "text_pair": ("text",),
    "audio": ("speech",),
}
_WHERE = {
    "classification": "zoo.tasks.classification:Classification",
    "multi_label": "zoo.tasks.multi_label:MultiLabel",
    "regression": "zoo.tasks.regression:Regression",
}

TASKS = Registry(
    "task kind",
    {f"{inputs}_{answer}": _WHERE[answer] for answer in ANSWERS for inputs in INPUTS},
    group="zoo.tasks",
)
NEEDS = {f"{inputs}_{answer}": Needs(modalities=_TAKES[inputs]) for answer in ANSWERS for inputs in INPUTS}
