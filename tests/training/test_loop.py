import dataclasses
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

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
    OutOfMemory,
    TrainingDiverged,
    WeightsError,
)
from zoo.training.loop import _mechanics, train
from zoo.training.optimiser import warmup_cosine
from zoo.training.stopping import Judge
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


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.0}, {"accumulate": 2}])
def test_every_bit_is_as_with_accelerates_own_steps(monkeypatch, options):
    """Stored checkpoints and results depend on it."""
    spec = dataclasses.replace(SPEC, **options)
    learner, history = run(spec)

    def own(accelerator, optimiser):
        return accelerator.backward, accelerator.clip_grad_norm_, optimiser

    monkeypatch.setattr("zoo.training.loop._mechanics", own)
    other, told = run(spec)
    assert same(learner, other)
    assert history.losses == told.losses


def test_a_scaled_loss_goes_through_accelerate():
    accelerator = SimpleNamespace(scaler=object(), backward=object(), clip_grad_norm_=object())
    optimiser = SimpleNamespace(optimizer=object())
    assert _mechanics(accelerator, optimiser) == (accelerator.backward, accelerator.clip_grad_norm_, optimiser)


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


def test_ctrl_c_between_two_looks_loses_nothing(tmp_path, monkeypatch):
    looks = iter([False])  # the first look finds nothing, every later one finds Ctrl-C
    monkeypatch.setattr("zoo.training.loop.interruptible", lambda: nullcontext(lambda: next(looks, True)))
    with pytest.raises(Interrupted, match=r"after step (\d+)") as stopped:
        run(checkpoints=tmp_path)
    step = re.search(r"after step (\d+)", str(stopped.value)).group(1)
    assert (tmp_path / f"step-{step}").is_dir()


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


class Killed(Exception):
    pass


def killed_at(stop):
    def cut(step):
        if step == stop:
            raise Killed
        return batches(step)

    return cut


SCORES = {2: 0.2, 4: 0.6, 6: 0.5, 8: 0.4, 10: 0.9, 12: 0.1}  # patience of 2 ends at step 8 and never sees 0.9


def judged(patience=2, spec=SPEC, stop=None, scores=SCORES, **options):
    """A run with a judge that counts its calls, whatever part of the run this process does."""
    learner = Learner()
    seen = []

    def score():
        learner.eval()
        torch.rand(1)
        seen.append(learner.net[3].weight.detach().clone())
        return scores[int(learner.net[1].num_batches_tracked)]

    judge = Judge(score, every=2, patience=patience)
    source = batches if stop is None else killed_at(stop)
    return *run(spec, learner=learner, judge=judge, batches=source, **options), seen


def test_a_judge_that_never_stops_changes_nothing_but_the_end():
    plain, full = run()
    learner, history, _ = judged(patience=9, scores=dict(zip(SCORES, range(6), strict=True)))
    assert history.losses == full.losses
    assert same(learner, plain)
    assert (history.best_step, history.stopped) == (12, None)


def test_early_stopping_ends_with_the_best_weights():
    learner, history, seen = judged()
    assert history.scores == [[2, 0.2], [4, 0.6], [6, 0.5], [8, 0.4]]
    assert (history.best_step, history.stopped, len(history.losses), history.timed_steps) == (4, 8, 8, 8)
    assert torch.equal(learner.net[3].weight, seen[1])
    assert learner.net[1].num_batches_tracked == 4
    assert history.notes[0].startswith("training stopped at step 8 of 12: the best score (0.6) was at step 4")


@pytest.mark.parametrize("stop", [1, 3, 5, 6, 7])
@pytest.mark.parametrize("every", [1, 3])
def test_a_stopped_run_with_a_judge_goes_on_to_the_same_end(tmp_path, stop, every):
    expected, full, _ = judged()
    spec = dataclasses.replace(SPEC, checkpoint_every=every)
    with pytest.raises(Killed):
        judged(spec=spec, stop=stop, checkpoints=tmp_path)
    resumed, history, _ = judged(spec=spec, checkpoints=tmp_path)
    assert same(resumed, expected)
    assert (history.losses, history.scores) == (full.losses, full.scores)
    assert (history.best_step, history.stopped) == (4, 8)
    again, history, seen = judged(spec=spec, checkpoints=tmp_path)  # finished: nothing is left to do
    assert same(again, expected)
    assert seen == []
    assert history.stopped == 8


def test_kill_9_between_the_best_and_the_end(tmp_path):
    code = f"""
import dataclasses, os, signal, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[2])!r}]
import torch; torch.set_num_threads(1)
import test_loop
def cut(step):
    if step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return test_loop.BATCHES(step)
test_loop.BATCHES, test_loop.batches = test_loop.batches, cut
spec = dataclasses.replace(test_loop.SPEC, checkpoint_every=3)
test_loop.judged(spec=spec, checkpoints=test_loop.Path({str(tmp_path)!r}))
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "step-6" / "best.safetensors").is_file()
    expected, _, _ = judged()
    resumed, history, _ = judged(spec=dataclasses.replace(SPEC, checkpoint_every=3), checkpoints=tmp_path)
    assert same(resumed, expected)
    assert history.timed_steps == 2


def test_another_judge_is_another_run(tmp_path):
    judged(checkpoints=tmp_path)
    with pytest.raises(WeightsError, match="its labels or its early stopping were others"):
        judged(patience=3, checkpoints=tmp_path)
    with pytest.raises(WeightsError, match="early stopping"):
        run(checkpoints=tmp_path)


class Small(Learner):
    """No BatchNorm and no dropout, and room for `room` samples."""

    def __init__(self, room=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2))
        self.room = room

    def views(self, batch, generator):
        return Batch(batch.inputs + 0.1 * torch.randn(batch.inputs.shape, generator=generator), batch.targets)

    def forward(self, batch, generator):
        seen = batch if generator is None else self.views(batch, generator)
        if len(seen.targets) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return nn.functional.cross_entropy(self.net(seen.inputs), seen.targets)


def test_out_of_memory_halves_the_batch_and_keeps_the_result(tmp_path):
    expected, full = run(learner=Small())
    assert (full.chunk, full.notes) == (None, ())
    learner, history = run(learner=Small(room=3))
    assert history.losses == pytest.approx(full.losses, rel=1e-4)
    for one, other in zip(learner.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)
    assert history.chunk == 2
    assert len(history.notes) == 2

    spec = dataclasses.replace(SPEC, checkpoint_every=2)
    with pytest.raises(Killed):
        run(spec, learner=Small(room=3), batches=killed_at(5), checkpoints=tmp_path)
    resumed, later = run(spec, learner=Small(room=3), checkpoints=tmp_path)
    assert same(resumed, learner)
    assert later.losses == history.losses
    assert (later.chunk, later.notes) == (history.chunk, history.notes)


def test_batchnorm_is_halved_to_two_and_no_further():
    class Hungry(Learner):
        def forward(self, batch, generator):
            if len(batch.targets) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().forward(batch, generator)

    with pytest.raises(OutOfMemory, match="with 2 samples at a time"):
        run(learner=Hungry())


class Steady(Learner):
    """Without BatchNorm and dropout, so that a batch may be cut without a trace."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))

    def views(self, batch, generator):
        noise = 0.1 * torch.randn(batch.inputs.shape, generator=generator)
        return Batch(batch.inputs + noise, batch.targets)

    def forward(self, batch, generator):
        seen = batch if generator is None else self.views(batch, generator)
        return nn.functional.cross_entropy(self.net(seen.inputs), seen.targets)


def test_chunks_that_are_added_up_give_the_same_losses():
    whole, plain = run(learner=Steady())
    cut, history = run(dataclasses.replace(SPEC, accumulate=3), learner=Steady())
    assert history.chunk == 3
    assert history.losses == pytest.approx(plain.losses, abs=1e-6)
    for one, other in zip(whole.parameters(), cut.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_loss_that_compares_samples_is_not_cut():
    learner = Steady()
    learner.divisible = False
    with pytest.raises(IncompatibleError, match=r"compares the samples.*accumulate=2"):
        run(dataclasses.replace(SPEC, accumulate=2), learner=learner)


def test_training_ends_with_the_average_of_the_weights():
    spec = dataclasses.replace(SPEC, ema=0.8, clip_norm=0.0)
    averages = []

    def observe(done, loss, learner, device):
        decay = min(0.8, (1 + done) / (10 + done))
        now = [one.detach().clone() for one in learner.parameters()]
        before = averages[-1] if averages else [one.detach().clone() for one in Steady().parameters()]
        averages.append([decay * a + (1 - decay) * b for a, b in zip(before, now, strict=True)])
        return f"step {done}"

    learner, _ = run(spec, learner=Steady(), observe=observe)
    for one, wanted in zip(learner.parameters(), averages[-1], strict=True):
        assert torch.allclose(one, wanted, atol=1e-6)
    assert len(averages) == SPEC.steps


def test_an_average_is_resumed_exactly(tmp_path):
    spec = dataclasses.replace(SPEC, ema=0.9, checkpoint_every=4)
    whole, history = run(spec)

    def dies(done, loss, learner, device):
        if done == 7:
            raise OSError("power cut")
        return ""

    with pytest.raises(OSError, match="power cut"):
        run(spec, checkpoints=tmp_path, observe=dies)
    resumed, again = run(spec, checkpoints=tmp_path)
    assert again.timed_steps == SPEC.steps - 4
    assert again.losses == history.losses
    assert same(whole, resumed)


def test_an_average_and_a_judge_exclude_each_other():
    with pytest.raises(IncompatibleError, match="a judge scores the weights"):
        run(dataclasses.replace(SPEC, ema=0.9), judge=Judge(lambda: 0.0))


def test_what_is_observed_stands_beside_the_loss(capsys, monkeypatch):
    from zoo.training.progress import Progress

    notes = []
    monkeypatch.setattr(Progress, "advance", lambda self, count=1, note="", work=0.0: notes.append(note))
    _, history = run(observe=lambda done, loss, learner, device: "kNN 50 %" if done > 1 else "")
    assert notes[0] == f"loss {history.losses[0]:.3f}"
    assert notes[1] == f"loss {history.losses[1]:.3f}, kNN 50 %"
