import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Batch
from zoo.data.batches import generator_at
from zoo.providers.weights import weights_digest
from zoo.tasks.classification import Classification
from zoo.training.fitting import TaskLearner
from zoo.training.inputs import Inputs
from zoo.training.loop import train
from zoo.training.plan import Plan, plan_extraction, plan_training
from zoo.training.trainspec import TrainSpec

SPEC = TrainSpec(steps=6, batch_size=4, lr=0.01, device="cpu", threads=1)


def batches(step):
    return Batch(torch.randn(4, 1, 32, 32, generator=generator_at(1, step)), torch.arange(4) % 2)


def fit(frozen=False, **changes):
    """A learner of the shipped backbone (BatchNorm) with an augmentation, and its groups."""
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.requires_grad_(not frozen)
    torch.manual_seed(0)
    learner = TaskLearner(backbone, nn.Linear(256, 2), Classification(), "warp", 0.1)
    parts = learner.head if frozen else learner
    return learner, parameter_groups(parts, lr=0.01, weight_decay=0.01), dataclasses.replace(SPEC, **changes)


def test_nothing_is_changed_by_planning():
    """To the bit: weights, statistics, gradients, modes, the random state, and what training then does."""
    planned, groups, spec = fit()
    plain, own, _ = fit()
    state, before, modes = torch.get_rng_state(), weights_digest(planned), [m.training for m in planned.modules()]
    plan_training(planned, groups, batches, spec)
    assert weights_digest(planned) == before
    assert torch.equal(state, torch.get_rng_state())
    assert [m.training for m in planned.modules()] == modes
    assert all(one.grad is None for one in planned.parameters())
    losses = [train(one, each, batches, spec, quiet=True).losses for one, each in ((planned, groups), (plain, own))]
    assert losses[0] == losses[1]
    assert weights_digest(planned) == weights_digest(plain)


def test_parameters_and_bytes_are_counted():
    learner, groups, spec = fit()
    total = sum(one.numel() for one in learner.parameters())
    plan = plan_training(learner, groups, batches, spec)
    assert (plan.trained, plan.total, plan.steps) == (total, total, 6)
    assert plan.gradients == 4 * total
    assert plan.optimiser == pytest.approx(8 * total, rel=0.01)  # two moments, and a step for each tensor
    assert plan.weights == pytest.approx(4 * total, rel=0.05)  # and buffers
    assert plan.memory == plan.weights + plan.gradients + plan.optimiser + plan.activations
    assert plan.seconds > plan.steps * plan.step_seconds > 0


def test_a_frozen_backbone_keeps_less():
    whole, head = (plan_training(*fit(frozen)[:2], batches, SPEC) for frozen in (False, True))
    assert head.trained == 256 * 2 + 2
    assert head.activations < whole.activations / 10
    assert head.total == whole.total


def test_activations_grow_with_the_batch():
    def of(size):
        def made(step):
            return Batch(torch.randn(size, 1, 32, 32), torch.arange(size) % 2)

        learner, groups, spec = fit(batch_size=size)
        return plan_training(learner, groups, made, spec).activations

    assert of(8) == pytest.approx(2 * of(4), rel=0.01)


def test_kept_batches_are_made_once():
    learner, groups, spec = fit(steps=100)
    plan = plan_training(learner, groups, batches, spec, fresh_steps=7)
    assert plan.fresh_steps == 7
    assert plan.seconds == pytest.approx(100 * plan.step_seconds + 7 * plan.batch_seconds)


def test_less_memory_than_a_batch_needs():
    learner, groups, spec = fit()
    forward = learner.forward

    def hungry(batch, generator):
        if len(batch.targets) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(batch, generator)

    learner.forward = hungry
    plan = plan_training(learner, groups, batches, spec)
    assert plan.chunk == 2
    assert plan.lines()[-1] == "memory is short: 2 samples at a time"


def test_precision_of_the_run_is_that_of_the_plan():
    seen = []

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, batch, generator):
            seen.append(self.layer(batch.inputs).dtype)
            return self.layer(batch.inputs).float().mean()

    learner = Watching()

    def made(step):
        return Batch(torch.randn(4, 4), torch.zeros(4))

    plan_training(
        learner, parameter_groups(learner, lr=0.1, weight_decay=0.0), made, dataclasses.replace(SPEC, precision="bf16")
    )
    assert set(seen) == {torch.bfloat16}


def test_extraction():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.train()
    before = copy.deepcopy(backbone.module.state_dict())
    inputs = Inputs(list(torch.randn(10, 1, 32, 32)), torch.stack)
    plan = plan_extraction(backbone, inputs, np.arange(10), size=4)
    assert (plan.trained, plan.steps, plan.gradients, plan.optimiser) == (0, 3, 0, 0)
    assert plan.activations >= 4 * 4 * 32 * 32
    assert backbone.module.training
    assert all(torch.equal(one, before[name]) for name, one in backbone.module.state_dict().items())
    assert not any(part._forward_hooks for part in backbone.module.modules())
    assert plan.lines()[0] == f"reads the frozen backbone ({plan.total:,} parameters) out in 3 batches"
    assert plan_extraction(backbone, inputs, np.arange(3)).steps == 1


def test_lines_say_it_all():
    plan = Plan(5_000, 2_000_000, 300, 0.25, 0.5, 10, 8_000_000, 20_000, 40_000, 1_500_000_000, "cpu")
    assert plan.lines() == [
        "trains 5,000 of 2,000,000 parameters (0.25 %) for 300 steps",
        "memory on cpu: about 1.5 GB (weights 8.0 MB, gradients 0.0 MB, optimiser 0.0 MB, activations 1.5 GB)",
        "time: about 1 min 20 s (250 ms a step as timed here; preparing 10 batches 5 s)",
    ]
