import dataclasses
import os
import signal

import pytest
import torch
from torch import nn

from zoo.adaptations.groups import parameter_groups
from zoo.contracts import Batch
from zoo.data.batches import generator_at
from zoo.errors import (
    DeviceError,
    IncompatibleError,
    Interrupted,
    TrainingDiverged,
    WeightsError,
)
from zoo.training.loop import train
from zoo.training.optimiser import warmup_cosine
from zoo.training.trainspec import TrainSpec

SPEC = TrainSpec(steps=12, batch_size=8, lr=0.05, weight_decay=0.1, warmup=0.25, clip_norm=0.5, seed=3, device="cpu")


class Learner(nn.Module):
    """A small network with BatchNorm, dropout (global random state) and noise (the step's generator)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 2))

    def forward(self, batch, generator):
        noise = 0.1 * torch.randn(batch.inputs.shape, generator=generator)
        return nn.functional.cross_entropy(self.net(batch.inputs + noise), batch.targets)


def batches(step):
    generator = generator_at(9, step, stream=1)
    inputs = torch.randn(8, 4, generator=generator)
    return Batch(inputs, (inputs[:, 0] > 0).long())


def run(spec=SPEC, learner=None, **options):
    learner = learner or Learner()
    groups = parameter_groups(learner, lr=spec.lr, weight_decay=spec.weight_decay)
    history = train(learner, groups, options.pop("batches", batches), spec, quiet=True, **options)
    return learner, history


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_equals_a_slow_obvious_loop():
    """Clipping, warm-up + cosine and AdamW, written out by hand."""
    learner, history = run()
    plain = Learner().train()
    decay = [p for p in plain.parameters() if p.ndim > 1]
    rest = [p for p in plain.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=1.0
    )
    torch.manual_seed(SPEC.seed)
    losses = []
    for step in range(SPEC.steps):
        for group in optimiser.param_groups:
            group["lr"] = SPEC.lr * warmup_cosine(step, SPEC.steps, SPEC.warmup)
        loss = plain(batches(step), generator_at(SPEC.seed, step))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), SPEC.clip_norm)
        optimiser.step()
        losses.append(loss.item())
    assert history.losses == pytest.approx(losses, rel=1e-5)
    for name, value in plain.state_dict().items():
        assert torch.allclose(learner.state_dict()[name], value, atol=1e-6), name


def test_global_random_state_is_left_alone():
    torch.manual_seed(1)
    learner = Learner()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    run(learner=learner)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("stop", [1, 5, 7])
def test_resumed_run_ends_with_the_same_weights(tmp_path, stop):
    expected, full = run()

    class Killed(Exception):
        pass

    def cut(step):
        if step == stop:
            raise Killed
        return batches(step)

    spec = dataclasses.replace(SPEC, checkpoint_every=1 if stop == 1 else 2)
    with pytest.raises(Killed):
        run(spec, batches=cut, checkpoints=tmp_path)
    resumed, history = run(spec, checkpoints=tmp_path)
    assert same(resumed, expected)
    assert history.losses == full.losses


def test_finished_run_is_not_run_again(tmp_path):
    expected, _ = run(checkpoints=tmp_path)

    def never(step):
        raise AssertionError("a batch was asked for")

    again, history = run(batches=never, checkpoints=tmp_path)
    assert same(again, expected)
    assert len(history.losses) == SPEC.steps


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    expected, _ = run()

    def press(step):
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return batches(step)

    with pytest.raises(Interrupted, match=r"after step 5 of 12; the state is saved in .*again to go on"):
        run(batches=press, checkpoints=tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed, _ = run(checkpoints=tmp_path)
    assert same(resumed, expected)


def test_ctrl_c_without_checkpoints_is_a_plain_interrupt():
    def press(step):
        os.kill(os.getpid(), signal.SIGINT)
        return batches(step)

    with pytest.raises(KeyboardInterrupt):
        run(batches=press)


def test_nan_stops_at_once():
    def poisoned(step):
        batch = batches(step)
        return Batch(batch.inputs * float("nan"), batch.targets) if step == 3 else batch

    with pytest.raises(TrainingDiverged, match=r"became nan at step 3 of 12 \(learning rate 0\.05, seed 3\)\. Fix"):
        run(batches=poisoned)


def test_divergence_stops():
    class Runaway(Learner):
        def forward(self, batch, generator):
            self.calls = getattr(self, "calls", 0) + 1
            return super().forward(batch, generator) * 3.0**self.calls

    with pytest.raises(TrainingDiverged, match="rose to"):
        run(dataclasses.replace(SPEC, steps=60), learner=Runaway())


def test_settings_of_another_run_are_refused(tmp_path):
    run(checkpoints=tmp_path)
    with pytest.raises(WeightsError, match=r"other settings: lr 0\.05 instead of 0\.1"):
        run(dataclasses.replace(SPEC, lr=0.1), checkpoints=tmp_path)


def test_checkpoint_of_another_architecture_is_refused(tmp_path):
    run(checkpoints=tmp_path)

    class Other(Learner):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 2))

    with pytest.raises(WeightsError, match=r"do not fit this model.*another --out folder"):
        run(learner=Other(), checkpoints=tmp_path)


def test_absent_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError):
        run(dataclasses.replace(SPEC, device="cuda"))


def test_after_step_and_threads():
    seen = []
    run(dataclasses.replace(SPEC, threads=2), after_step=lambda: seen.append(torch.get_num_threads()))
    assert seen == [2] * SPEC.steps
    assert torch.get_num_threads() == 1


def test_a_weight_that_is_not_finite_is_never_kept(tmp_path):
    """The last update is not seen by any loss."""

    class Breaks(Learner):
        def forward(self, batch, generator):
            with torch.no_grad():
                self.net[3].bias.fill_(float("inf")) if self.training else None
            return self.net[0](batch.inputs).pow(2).mean()

    with pytest.raises(TrainingDiverged, match=r"the weight net\.3\.bias became NaN or infinite"):
        run(dataclasses.replace(SPEC, steps=1), learner=Breaks(), checkpoints=tmp_path)
    assert not list(tmp_path.glob("step-*"))


def test_gradient_that_is_not_finite():
    class Steep(Learner):
        def forward(self, batch, generator):
            return (self.net[0](batch.inputs) * 0).abs().sum().sqrt()  # 0, with an infinite slope

    with pytest.raises(TrainingDiverged, match="the gradient became"):
        run(learner=Steep())


def test_another_start_is_refused(tmp_path):
    run(dataclasses.replace(SPEC, steps=3), checkpoints=tmp_path, identity="one")
    with pytest.raises(WeightsError, match="belongs to another run"):
        run(dataclasses.replace(SPEC, steps=3), checkpoints=tmp_path, identity="other")


def test_divergence_is_watched_across_a_resumption(tmp_path):
    """The rule counts from the first loss of the whole run, not of its second part."""

    class Runaway(Learner):
        factor = 1.0

        def forward(self, batch, generator):
            return super().forward(batch, generator) * self.factor

    spec = dataclasses.replace(SPEC, steps=40, checkpoint_every=1)

    def cut(step):
        if step == 5:
            raise OSError("power cut")
        return batches(step)

    with pytest.raises(OSError, match="power cut"):
        run(spec, learner=Runaway(), batches=cut, checkpoints=tmp_path)
    resumed = Runaway()
    resumed.factor = 1000.0
    with pytest.raises(TrainingDiverged, match="rose to"):
        run(spec, learner=resumed, checkpoints=tmp_path)


def test_batch_of_one_with_batchnorm():
    with pytest.raises(IncompatibleError, match="no statistics over a batch of 1"):
        run(dataclasses.replace(SPEC, batch_size=1))


def test_precision_may_change_within_a_process():
    from zoo.training.loop import make_accelerator

    assert [make_accelerator("cpu", precision).mixed_precision for precision in ("no", "bf16", "no")] == [
        "no",
        "bf16",
        "no",
    ]
