"""Records as an export gives them, without a network in memory."""

import dataclasses

import pytest

import zoo
from zoo.providers.exported import Exported

SNIPPET = 'import torch\n\nfolder = "."  # where this file lies\nimport timm\n\noutputs = torch.zeros(1, 2)\n'
FITTED = {
    "backbone": {},
    "task": {"name": "pets", "kind": "image_classification", "source": "pets", "classes": 2, "metric": "accuracy",
             "revision": "a" * 64},
    "classes": ["cat", "dog"],
    "method": "full",
    "options": {"schema": "zoo.TrainSpec/1", "steps": 200, "lr": 0.001, "device": "cpu"},
    "scores": {
        "metric": "balanced_accuracy", "balanced_accuracy": 91.25, "accuracy": 92.0, "log_loss": 0.25, "low": 88.0,
        "high": 94.0, "interval": "bootstrap", "validation": 90.0,
        "labels": 40, "test_items": 100, "validation_items": 50,
    },
    "notes": ["3 samples stand in two parts"],
    "data": {"digest": "a" * 64, "split": "b" * 64, "seed": 0},
    "start": "pre-trained",
    "temperature": 0.5,
}  # fmt: skip


@pytest.fixture
def fitted():
    return dict(FITTED)


@pytest.fixture
def exported(fitted):
    spec = zoo.describe("timm/resnet18.a1_in1k")
    return Exported(
        "timm", "logits", spec, head="inside", snippet=SNIPPET, fitted=fitted, tolerance=1.2e-7, notes=("a note",)
    )


@pytest.fixture
def backbone(exported):
    return dataclasses.replace(exported, gives="features", head="", fitted={})
