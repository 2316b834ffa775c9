"""Network FLOPs of cells: sums that can be made by hand, counted once, and without a trace in any result."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from small_backbones import narrow

from zoo.benchmarking import workload as module
from zoo.benchmarking.arms import Job, Workbench
from zoo.benchmarking.frozen import length_of
from zoo.benchmarking.suite import load_suite
from zoo.benchmarking.workload import Unit, Workload, repeated, typical
from zoo.specs import RunSpec, TaskSpec
from zoo.tasks import TASKS

SPLIT = {"test": 150, "validation": 100, "seed": 0}


@pytest.fixture(scope="module")
def workbench():
    return Workbench(dataclasses.replace(load_suite("digits"), steps=3, split=SPLIT))


def job(workbench, role, phase="final"):
    arm = next(arm for arm in workbench.suite.arms if arm.role == role)
    return Job(workbench.run_spec(arm, 2, 5, phase, {"lr": 0.003, "penalty": 1.0}[arm.search]))


def test_a_cell_is_steps_and_samples(workbench):
    kept = {role: workbench.run(job(workbench, role))["flops"] for role in "SPFC"}
    unit = workbench.workload.unit(job(workbench, "S").run, workbench._shared["S"]["architecture"])
    assert kept["S"] == {"train": 3 * unit.step, "extract": 0, "evaluate": 150 * unit.sample}
    assert kept["P"] == kept["S"]
    assert kept["F"] == {"train": 0, "extract": 20 * unit.sample, "evaluate": 150 * unit.sample}
    assert kept["C"] == {"train": 0, "extract": 0, "evaluate": 0}
    assert 2.9 * 32 * unit.sample < unit.step < 3 * 32 * unit.sample  # the image needs no gradient


def test_trials_are_counted_too(workbench):
    assert (
        workbench.run(job(workbench, "S", "tune"))["flops"]["evaluate"]
        == 2 / 3 * (workbench.run(job(workbench, "S"))["flops"]["evaluate"])
    )


@pytest.mark.parametrize("role", "SPF")
def test_results_are_the_same_with_and_without_counting(workbench, monkeypatch, role):
    monkeypatch.setattr(module, "_KNOWN", {})
    torch.manual_seed(3)
    counted = workbench.run(job(workbench, role))
    assert module._KNOWN
    state = torch.get_rng_state()
    monkeypatch.setattr(Workload, "cell", lambda *_: {})
    torch.manual_seed(3)
    uncounted = workbench.run(job(workbench, role))
    assert counted.pop("flops")
    assert counted == uncounted
    assert torch.equal(torch.get_rng_state(), state)


def test_a_graph_is_counted_once(workbench, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "_KNOWN", {})
    monkeypatch.setattr(Workload, "_count", lambda self, run: calls.append(run.arm) or Unit(3, 1))
    for _ in range(2):
        for role in "SPF":
            workbench.run(job(workbench, role))
    assert calls == ["S", "F:glyphs"]


def test_a_network_that_cannot_be_counted_can_still_be_benchmarked(workbench, monkeypatch):
    def refuse(*_):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(module, "_KNOWN", {})
    monkeypatch.setattr(module, "step_flops", refuse)
    result = workbench.run(job(workbench, "S"))
    assert (result["status"], result["flops"], result["flops_unknown"]) == ("ok", None, "RuntimeError: no such kernel")


def test_texts_are_counted_at_the_length_of_a_typical_one():
    backbone = narrow("bert")
    samples = ["a" * n for n in (1, 2, 3, 40, 4)]  # 10 on average: 4 comes nearest
    sample = typical(backbone, samples)
    assert length_of(sample) == length_of(backbone.preprocess(["aaaa"]))
    batch = repeated(sample, 3)
    assert (batch.values.shape[0], batch.mask.shape) == (3, batch.values.shape[:2])
    task = TaskSpec("t", "text_classification", "t", 2)
    load = Workload(TASKS.get(task.kind)(), task, samples)
    recipe = {"adaptation": "full", "batch_size": 3, "augmentation": "none", "steps": 2}
    run = RunSpec("s", "1", "t", "", "S", "S", "tiny", "", 1, 0, "final", recipe | {"lr": 0.1, "weight_decay": 0.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load", lambda *_, **__: narrow("bert"))
        unit = load.unit(run, "graph of a narrow bert")
    assert unit.length == length_of(sample)
    assert load.cell(run, "graph of a narrow bert", 4, 10)["flops_length"] == unit.length
    assert 2 * 3 * unit.sample < unit.step <= 3 * 3 * unit.sample
