"""What training will cost, said before it starts: weights, steps, memory and time, measured on a few real batches.

How it is measured: forward and backward passes run on real batches, two to warm up and three that count, and one update
of the optimiser on copies of weights that train (256 MB of them at most, and the rest in proportion). The network is
left as it was, to the bit: weights, gradients, BatchNorm statistics, modes, and the random states of torch, numpy and
Python.

Memory is that of the network: weights, gradients, the optimiser's two moments, and what the forward pass keeps for the
backward pass (counted as torch saves it, each storage once). Not counted are torch itself, the data that is kept in
memory, and what a single operation needs while it runs.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.providers.bundles import moved, pooled
from zoo.training.device import choose_device
from zoo.training.halving import Halving, batch_on, trains_batchnorm
from zoo.training.optimiser import adamw
from zoo.training.progress import clock
from zoo.training.threads import pinned_threads
from zoo.training.trial import Saved, untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from torch import Tensor, nn

    from zoo.contracts import Backbone, Batch, ParameterGroup
    from zoo.training.fitting import Samples
    from zoo.training.trainspec import TrainSpec

WARM, TIMED = 2, 3  # passes that are not counted, and that are
COPIED = 2**28  # bytes of weights that are copied to time an update


@dataclass(frozen=True)
class Plan:
    """What a fit will train and cost; bytes and seconds.

    Attributes:
        trained, total: parameters.
        steps: of the optimiser, or batches that are read out of a frozen backbone.
        step_seconds: of one step, without making its batch.
        batch_seconds: to make one batch of raw samples; 0 once they are kept.
        fresh_steps: steps whose batch is made from raw samples.
        weights, gradients, optimiser, activations: bytes.
        device: where it was measured.
        chunk: samples at a time, where a whole batch did not fit; else None.

    Example:
        >>> Plan(1000, 4000, 200, 0.05, 0.01, 20, 16_000, 4000, 8000, 2_000_000, "cpu").lines()[0]
        'trains 1,000 of 4,000 parameters (25 %) for 200 steps'
    """

    trained: int
    total: int
    steps: int
    step_seconds: float
    batch_seconds: float
    fresh_steps: int
    weights: int
    gradients: int
    optimiser: int
    activations: int
    device: str
    chunk: int | None = None

    @property
    def memory(self) -> int:
        """Bytes of all that the network needs."""
        return self.weights + self.gradients + self.optimiser + self.activations

    @property
    def seconds(self) -> float:
        """Of the whole fit, without its scores at the end."""
        return self.steps * self.step_seconds + self.fresh_steps * self.batch_seconds

    def lines(self) -> list[str]:
        """The plan in words."""
        if self.trained:
            what = f"trains {self.trained:,} of {self.total:,} parameters ({_percent(self.trained / self.total)})"
            parts = {"gradients": self.gradients, "optimiser": self.optimiser, "activations": self.activations}
        else:
            what = f"reads the frozen backbone ({self.total:,} parameters) out"
            parts = {"activations of a layer": self.activations}
        unit = "steps" if self.trained else "batches"
        sizes = ", ".join(f"{name} {_size(size)}" for name, size in {"weights": self.weights, **parts}.items())
        told = [
            f"{what} for {self.steps} {unit}" if self.trained else f"{what} in {self.steps} {unit}",
            f"memory on {self.device}: about {_size(self.memory)} ({sizes})",
            f"time: about {clock(self.seconds)} ({_pace(self.step_seconds)} {'a step' if self.trained else 'a batch'} "
            f"as timed here; preparing {self.fresh_steps} batches {clock(self.fresh_steps * self.batch_seconds)})",
        ]
        return told if self.chunk is None else [*told, f"memory is short: {self.chunk} samples at a time"]


def plan_training(
    learner: nn.Module,
    groups: Sequence[ParameterGroup],
    batches: Callable[[int], Batch],
    spec: TrainSpec,
    *,
    fresh_steps: int | None = None,
) -> Plan:
    """Measure what `zoo.training.loop.train` with the same arguments will cost; nothing is changed.

    Args:
        learner, groups, batches, spec: as `train` takes them.
        fresh_steps: how many batches are made from raw samples, the others being kept; all of them unless told.

    Raises:
        OutOfMemory: not even one sample at a time fits.
        DeviceError: the device is not available.
    """
    device = choose_device(spec.device)
    precision = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(spec.precision)
    trained = list({id(one): one for group in groups for one in group["params"]}.values())
    made, took, kept = [], [], []
    with untouched(learner), pinned_threads(spec.threads) if spec.threads else nullcontext():
        torch.manual_seed(spec.seed)
        learner.train().to(device)
        least = 2 if any(map(trains_batchnorm, learner.modules())) else 1
        halving = Halving(spec.batch_size, least, quiet=True)
        for step in range(WARM + TIMED):
            began = time.perf_counter()
            batch = batch_on(batches(step % spec.steps), device)
            _wait(device)
            made.append(time.perf_counter() - began)
            began = time.perf_counter()
            with Saved(learner) as saved, _autocast(device, precision):
                halving.run(learner, batch, spec.seed, step, saved.backward)
            _wait(device)
            took.append(time.perf_counter() - began)
            kept.append(saved.most)
            learner.zero_grad(set_to_none=True)
        update, state = _update(trained, spec.clip_norm, device)
    fresh = spec.steps if fresh_steps is None else min(spec.steps, fresh_steps)
    return Plan(
        trained=sum(one.numel() for one in trained),
        total=sum(one.numel() for one in learner.parameters()),
        steps=spec.steps,
        step_seconds=median(took[WARM:]) + update,
        batch_seconds=median(made[: max(1, fresh)]),  # later ones may be kept already
        fresh_steps=fresh,
        weights=sum(one.nbytes for one in (*learner.parameters(), *learner.buffers())),
        gradients=sum(one.nbytes for one in trained),
        optimiser=state,
        activations=max(kept[-TIMED:]),
        device=device,
        chunk=halving.most if halving.most < spec.batch_size else None,
    )


def plan_extraction(
    backbone: Backbone,
    inputs: Samples,
    indices: np.ndarray,
    device: str = "cpu",
    *,
    modality: str = "",
    size: int = 256,
) -> Plan:
    """Measure what `zoo.training.fitting.extract` with the same arguments will cost; nothing is changed.

    One batch warms up and the next is timed (the first again, where there is no other). `activations` are the largest
    input and output of one layer.
    """
    device = choose_device(device)
    count = -(-len(indices) // size)
    largest = 0

    def note(_layer: nn.Module, given: Any, made: Any) -> None:
        nonlocal largest
        largest = max(largest, _nbytes(given) + _nbytes(made))

    with untouched(backbone.module), torch.no_grad():
        backbone.module.eval().to(device)
        made = took = 0.0
        for at in (0, 1):
            chosen = indices[at * size : (at + 1) * size] if count > 1 else indices
            began = time.perf_counter()
            batch = moved(inputs[chosen], device)
            made = max(made, time.perf_counter() - began)  # the second may be kept already
            hooks = [part.register_forward_hook(note) for part in backbone.module.modules() if at == 0]
            began = time.perf_counter()
            pooled(backbone, batch, modality)
            _wait(device)
            took = (time.perf_counter() - began) * len(indices) / (count * len(chosen))
            for hook in hooks:
                hook.remove()
    weights = [*backbone.module.parameters(), *backbone.module.buffers()]
    total = sum(one.numel() for one in backbone.module.parameters())
    return Plan(0, total, count, took, made, count, sum(one.nbytes for one in weights), 0, 0, largest, device)


def _update(trained: Sequence[Tensor], clip_norm: float, device: str) -> tuple[float, int]:
    """Seconds of one update of all these weights, and the bytes of the optimiser's state: from copies of some."""
    copies: list[nn.Parameter] = []
    for weight in sorted(trained, key=lambda one: one.nbytes):
        if copies and sum(one.nbytes for one in copies) + weight.nbytes > COPIED:
            break
        copies.append(torch.nn.Parameter(weight.detach().clone()))
    optimiser = adamw([{"params": copies, "lr": 0.0}])
    seconds = 0.0
    for _ in range(2):  # the first makes the state
        for copy in copies:
            copy.grad = torch.zeros_like(copy)
        _wait(device)
        began = time.perf_counter()
        if clip_norm:
            torch.nn.utils.clip_grad_norm_(copies, clip_norm)
        optimiser.step()
        _wait(device)
        seconds = time.perf_counter() - began
    scale = sum(one.numel() for one in trained) / sum(one.numel() for one in copies)
    state = sum(_nbytes(tuple(kept.values())) for kept in optimiser.state.values())
    return seconds * scale, round(state * scale)


def _autocast(device: str, precision: torch.dtype | None) -> Any:
    return torch.autocast(device, precision) if precision else nullcontext()


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def _nbytes(held: Any) -> int:
    if isinstance(held, torch.Tensor):
        return held.nbytes
    return sum(map(_nbytes, held)) if isinstance(held, (tuple, list)) else 0


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2f} %"


def _pace(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"
