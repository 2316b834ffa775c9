"""The one training loop of zoo, on accelerate. Pre-training and fine-tuning are both this loop with another learner."""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError, Interrupted, TrainingDiverged
from zoo.specs import digest_of
from zoo.training.averaging import Average
from zoo.training.checkpoint import Checkpoints
from zoo.training.device import check_precision, choose_device
from zoo.training.halving import Halving, batch_on, trains_batchnorm
from zoo.training.optimiser import adamw, warmup_cosine
from zoo.training.processes import anywhere, launched, processes, rank, share
from zoo.training.progress import Progress
from zoo.training.recomputing import recomputing
from zoo.training.stopping import Best
from zoo.training.threads import pinned_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.contracts import Batch, ParameterGroup
    from zoo.training.stopping import Judge
    from zoo.training.trainspec import TrainSpec

    Observe = Callable[[int, float, nn.Module, Any], str]

PATIENCE = 20  # steps in a row with a loss far above the first one, before training counts as diverged


@dataclass
class History:
    """What training saw: the loss of every step, and what this process did of them (all, unless it was resumed).

    `seconds` and `cpu_seconds` are those of the last `timed_steps` steps, with their scores. `scores` are [step, score]
    of a judge, `best_step` the step whose weights are kept, `stopped` where patience ended training early. `chunk` is
    how many samples went through the network at a time, when it was not the whole batch. `notes` say both in words.
    """

    losses: list[float] = field(default_factory=list)
    timed_steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    scores: list[list[float]] = field(default_factory=list)
    best_step: int | None = None
    stopped: int | None = None
    chunk: int | None = None
    notes: tuple[str, ...] = ()


def train(
    learner: nn.Module,
    groups: list[ParameterGroup],
    batches: Callable[[int], Batch],
    spec: TrainSpec,
    *,
    after_step: Callable[[], None] | None = None,
    observe: Observe | None = None,
    judge: Judge | None = None,
    checkpoints: Path | None = None,
    identity: str = "",
    label: str = "training",
    quiet: bool = False,
) -> History:
    """Minimise `learner(batch, generator)` over `spec.steps` batches.

    Everything random in step k comes from (seed, k) or from the random state that checkpoints carry, so a run that was
    stopped and resumed ends with the same weights as one that was not (on CPU with one thread).

    When memory runs out the batch goes through the network in halves, quarters and so on, and the loss must be a mean
    over samples for that: see `zoo.training.halving`. Under `torchrun` each process gets the whole batch, or one that
    is right in its own rows, and takes these, so that the losses are those of one process up to rounding.

    Args:
        learner: a module whose forward takes a `Batch` and a `torch.Generator` and returns a scalar loss; it is trained
            in place and left on the CPU.
        groups: the optimiser's parameter groups.
        batches: batch k, on the CPU.
        spec: steps, rates, device.
        after_step: called after every optimiser step.
        observe: called after every step with its number (from 1), its loss, the learner and the device; what it returns
            is shown beside the loss. Checkpoints keep its `state()` (JSON) for `restore`, where it has these.
        judge: scores the network while it trains; the run ends when its patience does, with the best weights. The
            schedule is that of all `spec.steps`.
        checkpoints: folder for checkpoints; an unfinished run found there is resumed.
        identity: what the run depends on beside `spec` (starting weights, data), so that only itself is resumed.
        label, quiet: what the progress line says, or that there is none.

    Raises:
        TrainingDiverged: the loss, the gradient or a weight became NaN or infinite, or the loss stayed ten times
            above where it began.
        WeightsError: the checkpoints found belong to another run, or are damaged.
        Interrupted: Ctrl-C after the state was saved.
        DeviceError: the device is not available.
        OutOfMemory: not even one sample (two with BatchNorm) at a time fits.
        IncompatibleError: a batch that cannot be divided as asked; `recompute` and a network that does not offer it; or
            a judge and an average of weights together.
    """
    import torch
    from torch.optim.lr_scheduler import LambdaLR

    device = choose_device(spec.device)
    check_precision(device, spec.precision)
    accelerator = make_accelerator(device, spec.precision)
    check_batch(learner, spec)
    if judge and spec.ema:
        raise IncompatibleError("a judge scores the weights and not their average. Fix: ema=0, or no early stopping.")
    optimiser = adamw(groups)
    schedule = LambdaLR(optimiser, lambda step: warmup_cosine(step, spec.steps, spec.warmup))
    with (
        torch.random.fork_rng(),
        pinned_threads(spec.threads) if spec.threads else nullcontext(),
        recomputing(learner) if spec.recompute else nullcontext(),
    ):
        torch.manual_seed(spec.seed)
        prepared, optimiser, schedule = accelerator.prepare(learner, optimiser, schedule)
        backward, clip, update = _mechanics(accelerator, optimiser)
        weights = list(prepared.parameters())
        best = Best(judge) if judge else None
        average = Average(learner, spec.ema) if spec.ema else None
        identity = digest_of([identity, *judge.identity]) if judge else identity
        saved = Checkpoints(checkpoints, accelerator, spec, identity) if checkpoints else None
        history = History()
        first = saved.resume(history.losses) if saved else 0
        watch = LossWatch(spec)
        for step, loss in enumerate(history.losses):
            watch(step, loss)
        prepared.train()
        halving = Halving(
            spec.batch_size, 2 if any(map(trains_batchnorm, prepared.modules())) else 1, quiet, _chunk(spec)
        )
        if saved and first:
            _recall(saved, halving, best, average, observe)
        wall, cpu, done = time.perf_counter(), time.process_time(), first
        with (
            Progress(label, spec.steps, done=first, quiet=quiet or rank() > 0) as progress,
            interruptible() as interrupted,
        ):
            while done < spec.steps and not (best and best.stops):
                step = done
                batch = batch_on(batches(step), accelerator.device)
                loss = halving.run(prepared, batch, spec.seed, step, backward)
                history.losses.append(watch(step, loss))
                if spec.clip_norm:
                    watch.gradient(step, float(clip(weights, spec.clip_norm)))
                update.step()
                schedule.step()
                update.zero_grad()
                if after_step:
                    after_step()
                done = step + 1
                if average:
                    average.update(learner, done)
                told = observe(done, loss, learner, accelerator.device) if observe else ""
                progress.advance(note=f"loss {history.losses[-1]:.3f}{told and f', {told}'}")
                if best and best.due(done, spec.steps):
                    best.see(done, learner, accelerator.device)
                last, stop = done == spec.steps or (best is not None and best.stops), anywhere(interrupted())
                if last or stop or done % spec.checkpoint_every == 0:
                    watch.weights(step, learner)
                    if saved:
                        saved.save(done, history.losses, *_remembered(halving, best, average, observe))
                if stop and not last:  # one that came while this was saved waits for the next step
                    raise _interrupted(label, done, spec, checkpoints)
        history.timed_steps = done - first
        history.seconds, history.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        history.chunk = halving.most if halving.most < halving.size else None
        history.notes = tuple(halving.notes)
        if average:
            average.restore(learner)
        if best:
            best.restore(learner)
            history.scores, history.best_step = best.scores, best.step
            history.stopped = done if done < spec.steps else None
            history.notes += (best.note(done, spec.steps),)
    learner.to("cpu")
    return history


def _mechanics(accelerator: Any, optimiser: Any) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
    """What runs a loss backwards, what clips, and the optimiser to step.

    accelerate's own are for a loss that is scaled (fp16) and for networks in pieces (FSDP, DeepSpeed). Without that
    they come to torch's, after checks at every step that cost more than the rest of this loop (such as a search for
    packages on the path).
    """
    import torch

    if accelerator.scaler is not None or accelerator.distributed_type.value not in ("NO", "MULTI_CPU", "MULTI_GPU"):
        return accelerator.backward, accelerator.clip_grad_norm_, optimiser
    return torch.Tensor.backward, torch.nn.utils.clip_grad_norm_, optimiser.optimizer


def _remembered(
    halving: Halving, best: Best | None, average: Average | None, observe: Observe | None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a checkpoint holds beside weights, optimiser and losses."""
    seen: Callable[[], dict[str, Any]] = getattr(observe, "state", dict)
    state: dict[str, Any] = {"chunk": halving.most, "notes": halving.notes, "observed": seen()}
    if best:
        return state | {"scores": best.scores}, best.weights
    return state, average.weights if average else {}


def _recall(
    saved: Checkpoints, halving: Halving, best: Best | None, average: Average | None, observe: Observe | None
) -> None:
    if restore := getattr(observe, "restore", None):
        restore(saved.state.get("observed", {}))
    halving.most = saved.state.get("chunk", halving.most)
    halving.notes[:] = saved.state.get("notes", [])
    if best:
        best.scores, best.weights = saved.state.get("scores", []), saved.weights
    if average:
        average.load(saved.weights)


def _chunk(spec: TrainSpec) -> int:
    """The most samples that this process takes at a time; 0 for all of its rows."""
    rows = share(spec.batch_size)
    return -(-(rows.stop - rows.start) // spec.accumulate) if spec.accumulate > 1 else 0


def check_batch(learner: nn.Module, spec: TrainSpec) -> None:
    """Refuse a batch that cannot be cut as asked, for chunks or processes.

    Raises:
        IncompatibleError: a loss that compares samples, BatchNorm over one sample, or fewer samples than processes.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    if spec.batch_size == 1 and any(isinstance(part, _BatchNorm) for part in learner.modules()):
        raise IncompatibleError(
            "this network has BatchNorm, which has no statistics over a batch of 1. Fix: a batch size of 2 or more."
        )
    count, divisible = processes(), getattr(learner, "divisible", True)
    apart = divisible or (getattr(learner, "gathers", False) and spec.batch_size % count == 0)
    asked = f"{count} process{'es' * (count > 1)}, accumulate={spec.accumulate}"
    if (spec.accumulate > 1 and not divisible) or (count > 1 and not apart):
        raise IncompatibleError(
            f"this loss compares the samples of a batch with each other, so that a batch of {spec.batch_size} cannot "
            f"be cut for {asked}. Fix: accumulate=1 (recompute where memory is short); one process, or, where the "
            "objective gathers samples, a batch size that divides by their number."
        )
    if count > spec.batch_size:
        raise IncompatibleError(
            f"a batch of {spec.batch_size} cannot be cut for {asked}. Fix: a larger batch size, or fewer processes."
        )


class LossWatch:
    """Stops a run whose loss, gradient or weights are no longer numbers, or whose loss has left for good."""

    def __init__(self, spec: TrainSpec) -> None:
        self.spec = spec
        self.first = math.nan
        self.high = 0

    def __call__(self, step: int, loss: float) -> float:
        """The loss itself, when training may go on."""
        if math.isnan(self.first):
            self.first = max(loss, 1.0)
        self.high = self.high + 1 if loss > 10 * self.first else 0
        if not math.isfinite(loss) or self.high >= PATIENCE:
            what = f"became {loss}" if not math.isfinite(loss) else f"rose to {loss:.3g} from {self.first:.3g}"
            raise self._diverged(f"the loss {what}", step)
        return loss

    def gradient(self, step: int, norm: float) -> None:
        """Stop when the norm of the gradient is not a number; fp16 skips such steps itself."""
        if not math.isfinite(norm) and self.spec.precision != "fp16":
            raise self._diverged(f"the gradient became {norm}", step)

    def weights(self, step: int, learner: nn.Module) -> None:
        """Stop before a weight that is not a number is saved."""
        for name, parameter in learner.named_parameters():
            if not parameter.isfinite().all():
                raise self._diverged(f"the weight {name} became NaN or infinite", step)

    def _diverged(self, what: str, step: int) -> TrainingDiverged:
        return TrainingDiverged(
            f"{what} at step {step} of {self.spec.steps} (learning rate {self.spec.lr:g}, seed {self.spec.seed}). "
            "Fix: lower the learning rate, lengthen the warm-up, or check the inputs for NaN."
        )


def make_accelerator(device: str, precision: str) -> Any:
    """An accelerate `Accelerator` on that device; accelerate keeps one state a process, so a change resets it."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    state = AcceleratorState._shared_state
    if state and (PartialState().device.type, AcceleratorState().mixed_precision) != (device, precision):
        AcceleratorState._reset_state(reset_partial_state=True)
    handlers = []
    if launched() > 1:  # heads may leave weights of the backbone without a gradient
        from accelerate.utils import DistributedDataParallelKwargs

        handlers = [DistributedDataParallelKwargs(find_unused_parameters=True)]
    return Accelerator(
        cpu=device == "cpu", mixed_precision=precision, step_scheduler_with_optimizer=False, kwargs_handlers=handlers
    )


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is noted and acted on after the current step; a second one stops at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, _frame: Any) -> None:
        asked.set()
        signal.signal(number, previous)

    if previous not in (signal.SIG_IGN, None):  # workers of a grid ignore Ctrl-C: their driver decides
        signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        if previous is not None:
            signal.signal(signal.SIGINT, previous)


def _interrupted(label: str, done: int, spec: TrainSpec, checkpoints: Path | None) -> BaseException:
    if checkpoints is None:
        return KeyboardInterrupt()
    return Interrupted(
        f"{label} was stopped by Ctrl-C after step {done} of {spec.steps}; the state is saved in {checkpoints}. "
        "Run the same command again to go on from there."
    )
