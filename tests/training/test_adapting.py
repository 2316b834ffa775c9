import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.contracts import Batch
from zoo.providers.weights import weights_digest
from zoo.tasks.classification import Classification
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled, TaskLearner
from zoo.training.trainspec import TrainSpec

NOISE = torch.randn(12, 1, 32, 32, generator=torch.Generator().manual_seed(0))
SPEC = TrainSpec(2, 4, 0.01, device="cpu", threads=1)


class Noise:
    def __getitem__(self, indices):
        return NOISE[indices]


class Own:
    """A third party's adaptation with nothing but what the contract asks for, and a note of what was called."""

    trains_backbone = True

    def __init__(self):
        self.called = []

    def prepare(self, backbone, options):
        backbone.module.requires_grad_(True)
        self.draw = torch.rand(1).item()
        return [{"params": list(backbone.module.parameters()), "lr": options["lr"]}]


class Clearing(Own):
    def finish(self, backbone):
        self.called.append("finish")

    def drop(self):
        self.called.append("drop")


def fit(adaptation, indices=None, **named):
    backbone = zoo.load("pocket/resnet10.glyphs")
    groups = prepared(adaptation, backbone, {"lr": 0.01}, seed=0)
    data = Labelled(Noise(), np.arange(12) % 2, np.arange(12) if indices is None else indices)
    return fit_adapted(adaptation, groups, backbone, nn.Linear(256, 2), Classification(), data, SPEC, {},
                       classes=2, head_lr=0.01, quiet=True, **named)  # fmt: skip


def test_the_bare_contract_is_enough():
    assert fit(Own()) == ()


def test_what_prepare_put_in_is_taken_out_whatever_happens():
    good, bad = Clearing(), Clearing()
    fit(good)
    with pytest.raises(IndexError):
        fit(bad, indices=np.array([99, 98, 97, 96]))
    assert (good.called, bad.called) == (["finish"], ["drop"])


def test_what_is_random_in_prepare_follows_the_seed_and_not_the_global_state():
    draws = []
    for state, seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(state)
        own = Own()
        prepared(own, zoo.load("pocket/resnet10.glyphs"), {"lr": 0.1}, seed)
        draws.append(own.draw)
    assert draws[0] == draws[1] != draws[2]


def test_parts_that_do_not_train_stay_in_evaluation_mode():
    backbone = zoo.load("pocket/resnet10.glyphs")
    module = backbone.module
    module.requires_grad_(False)
    module.layer4[0].conv2.weight.requires_grad_(True)
    learner = TaskLearner(backbone, nn.Linear(256, 2), Classification(), "none", 0.0).train()
    assert not any(part.training for part in (module.layer1, module.bn1, module.layer4[0].bn2))
    assert module.training
    assert module.layer4[0].conv2.training
    before = {name: value.clone() for name, value in module.named_buffers()}
    learner(Batch(NOISE, torch.arange(12) % 2), torch.Generator())
    assert all(torch.equal(value, before[name]) for name, value in module.named_buffers())
    module.requires_grad_(True)
    learner.train()
    assert all(part.training for part in module.modules())


@pytest.mark.parametrize("method", ["lora", "top_k", "lp_ft"])
def test_a_run_that_was_stopped_goes_on_to_the_same_model(method, photos, tmp_path, monkeypatch):
    from contextlib import contextmanager

    from zoo.training import loop

    options = {"method": method, "steps": 6, "device": "cpu", "quiet": True}
    whole = zoo.finetune("pocket/resnet10.glyphs", photos, **options)

    @contextmanager
    def stopped_after_three():
        asked = iter(range(100))
        yield lambda: next(asked) >= 2

    monkeypatch.setattr(loop, "interruptible", stopped_after_three)
    with pytest.raises(zoo.ZooError, match="stopped by Ctrl-C after step 3"):
        zoo.finetune("pocket/resnet10.glyphs", photos, out=tmp_path, **options)
    monkeypatch.undo()
    resumed = zoo.finetune("pocket/resnet10.glyphs", photos, out=tmp_path, **options)
    assert weights_digest(resumed.backbone.module) == weights_digest(whole.backbone.module)
    assert weights_digest(resumed.head) == weights_digest(whole.head)
