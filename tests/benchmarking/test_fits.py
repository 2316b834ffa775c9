"""What a fit says of its model, for a network that trains and for a head; their outputs are in test_arms."""

from __future__ import annotations

import numpy as np
import torch

import zoo
from zoo.benchmarking.fits import Setting, fit_frozen, fit_trained
from zoo.benchmarking.frozen import Frozen
from zoo.specs import RunSpec, TaskSpec
from zoo.tasks import TASKS
from zoo.training.inputs import Inputs

NAME, LABELS = "pocket/resnet10.glyphs", np.arange(20)
TRAINING = {"steps": 2, "batch_size": 8, "lr": 1e-3, "weight_decay": 0.0, "warmup": 0.1, "clip_norm": 1.0,
            "label_smoothing": 0.0, "head_lr": 1e-3, "augmentation": "none"}  # fmt: skip


def made():
    data = zoo.read_data("digits")
    task = TaskSpec("digits", data.kind, "digits", 10)
    backbone = zoo.load(NAME)
    setting = Setting(data.targets, task, TASKS.get(task.kind)(), "cpu", ("a note",))
    return setting, backbone, Inputs(data.samples, backbone.preprocess)


def run(role, **recipe):
    return RunSpec("s", "1", "digits", "", role, role, NAME, "", 2, 0, "final", recipe)


def test_a_network_that_trains():
    setting, backbone, inputs = made()
    outputs, facts = fit_trained(setting, run("P", adaptation="full", **TRAINING), inputs, LABELS)
    weights = sum(p.numel() for p in backbone.module.parameters()) + 257 * 10
    assert (facts["trained_parameters"], facts["total_parameters"]) == (weights, weights)
    assert facts["warnings"][0] == "a note"
    assert outputs(np.array([5, 3, 5])).shape == (3, 10)
    assert torch.equal(outputs(np.array([5, 3]))[0], outputs(np.array([5, 3]))[0])


def test_a_head_on_features_that_stay():
    setting, backbone, inputs = made()
    before = {name: value.clone() for name, value in backbone.module.state_dict().items()}
    frozen = Frozen(backbone, inputs, [np.arange(60)])
    outputs, facts = fit_frozen(setting, run("F", adaptation="linear_probe", penalty=1.0), frozen, LABELS)
    assert facts["trained_parameters"] == 257 * 10
    assert facts["graph"] == zoo.fingerprint(backbone)
    assert (outputs(LABELS).argmax(1).numpy() == setting.targets[LABELS]).mean() > 0.9
    assert all(torch.equal(value, before[name]) for name, value in backbone.module.state_dict().items())
