"""Out of memory: the batch is halved and its gradients added up, so that the step stays what it was.

A batch of B samples goes through the network in chunks of at most `most` samples; the loss of a chunk of n counts
n / B, which gives the gradient of the whole batch up to rounding, for a loss that is the mean over samples. What a
learner may have for this:

- `views(batch, generator)`: its augmented batch, asked for once and before it is cut, so that the draws are those of
  the whole batch; it is then called as `learner(chunk, None)`.
- `mass(batch)`: of a loss that is a weighted mean the sum of the weights; a chunk counts by it in place of n / B.
- `divisible = False`: the loss compares the samples of a batch, which is never cut.

Two things cut a batch without any lack of memory, by the same rules: `accumulate` of a run, which sets the chunks
beforehand, and several processes that train together, of which each takes its rows.

What a network itself draws (dropout) and what it counts over a batch (BatchNorm) is another in chunks, and the note
says so.

A machine may also end a process that takes too much memory without any error: nothing can be done here about that.
"""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError, OutOfMemory, ZooError
from zoo.providers.bundles import Bundle, moved
from zoo.training.processes import processes, share, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.contracts import Batch

SIGNS = ("can't allocate memory", "out of memory")  # of torch's CPU allocator, and of other devices


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out.

    Example:
        >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
        True
        >>> is_out_of_memory(RuntimeError("shapes do not fit"))
        False
    """
    if isinstance(error, ZooError):
        return False
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def taken(batch: Any, rows: slice) -> Any:
    """Samples `rows` of a batch of any kind: tensor, `Bundle`, dataclass or tuple of batches, list of samples, None.

    Raises:
        IncompatibleError: no such kind.

    Example:
        >>> from zoo.contracts import Batch
        >>> taken(Batch(torch.arange(5), torch.arange(5) + 10), slice(1, 3)).targets.tolist()
        [11, 12]
    """
    if batch is None:
        return None
    if isinstance(batch, Tensor):
        return batch[rows]
    if isinstance(batch, Bundle):
        return _bundle(batch, rows)
    if is_dataclass(batch) and not isinstance(batch, type):
        parts = {part.name: taken(getattr(batch, part.name), rows) for part in fields(batch)}
        return replace(batch, **parts)
    if isinstance(batch, tuple):
        return tuple(taken(part, rows) for part in batch)
    if isinstance(batch, list) or hasattr(batch, "__array__"):
        return batch[rows]
    raise IncompatibleError(
        f"memory ran out, and a batch of {type(batch).__name__} cannot be cut into chunks. Fix: a smaller batch size."
    )


def chunks(batch: Batch, size: int, most: int, least: int = 1) -> Iterator[tuple[Batch, float]]:
    """A batch of `size` samples in chunks of `most` or fewer, with the share of each; none has fewer than `least`.

    Chunks differ by one sample at most. Where `least` forbids chunks of `most`, they are larger.

    Example:
        >>> from zoo.contracts import Batch
        >>> batch = Batch(torch.arange(5), torch.arange(5))
        >>> [(part.targets.tolist(), share) for part, share in chunks(batch, 5, 2)]
        [([0, 1], 0.4), ([2, 3], 0.4), ([4], 0.2)]
        >>> [part.targets.tolist() for part, _ in chunks(batch, 5, 2, least=2)]
        [[0, 1, 2], [3, 4]]
    """
    count = max(1, min(-(-size // most), size // least))
    start = 0
    for at in range(count):
        stop = start + size // count + (at < size % count)
        yield taken(batch, slice(start, stop)), (stop - start) / size
        start = stop


@dataclass
class Halving:
    """Runs training steps, and halves the chunks of a batch for good each time memory runs out.

    Attributes:
        size: samples of a batch.
        least: of a chunk: 2 where BatchNorm trains, which has no statistics over 1.
        most: of a chunk; 0 for all that this process takes of a batch.
        notes: a sentence for each halving.
        quiet: whether the sentences stay off stderr.
    """

    size: int
    least: int = 1
    quiet: bool = False
    most: int = 0
    notes: list[str] = field(default_factory=list)
    _found: list[nn.Module] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        rows = share(self.size)
        self.most = self.most or rows.stop - rows.start

    def run(
        self, learner: nn.Module, batch: Batch, seed: int, step: int, backward: Callable[[Tensor], object]
    ) -> float:
        """Gradients of one batch, left in the weights; its loss, over all processes.

        When memory runs out, gradients, BatchNorm statistics and the random state are set back, and it begins again.

        Args:
            learner: takes a batch and a generator; `views` of the module within is used when the batch is cut.
            batch: on the device.
            seed, step: of the generator.
            backward: what runs a loss backwards.

        Raises:
            OutOfMemory: not even chunks of `least` fit.
        """
        while True:
            before = _State(learner, self._norms(learner))
            try:
                return self._once(learner, batch, generator_at(seed, step), backward)
            except Exception as error:
                if not is_out_of_memory(error) or processes() > 1:  # others would wait for gradients that never come
                    raise
                told = (str(error) or type(error).__name__).splitlines()[0]
            if not getattr(unwrapped(learner), "divisible", True):
                raise OutOfMemory(
                    f"memory ran out at step {step} ({told}), and the loss is not a mean over samples, so a batch of "
                    f"{self.size} cannot be cut. Fix: a smaller batch size."
                )
            before.restore()  # outside of the handler, which keeps the failed step's tensors alive
            gc.collect()
            if _cuda_used():
                torch.cuda.empty_cache()
            self._halve(learner, step, told)

    def _once(
        self, learner: nn.Module, batch: Batch, generator: torch.Generator, backward: Callable[[Tensor], object]
    ) -> float:
        count = processes()
        if self.most >= self.size and count == 1:
            loss: Tensor = learner(batch, generator)
            value = loss.item()
            backward(loss)
            return value
        views = getattr(unwrapped(learner), "views", None)
        whole = views(batch, generator) if views else batch
        mass = getattr(unwrapped(learner), "mass", None)
        value, rows = 0.0, share(self.size)
        own, part = taken(whole, rows), (rows.stop - rows.start) / self.size
        weight = total(float(mass(own))) if mass else 0.0  # of the whole, of which this process may know its rows only
        left = list(chunks(own, rows.stop - rows.start, self.most, self.least))
        while left:
            chunk, counted = left.pop(0)
            part_of_loss = float(mass(chunk)) / weight if mass and weight else part * counted
            # gradients are averaged over the processes, once a step
            with learner.no_sync() if count > 1 and left else nullcontext():  # type: ignore[operator]
                loss = learner(chunk, None if views else generator) * part_of_loss
                value += loss.item()
                backward(loss * count)
        return total(value)

    def _norms(self, learner: nn.Module) -> list[nn.Module]:
        if self._found is None:  # looked for once: large networks have hundreds of modules
            self._found = [part for part in learner.modules() if trains_batchnorm(part)]
        return self._found

    def _halve(self, learner: nn.Module, step: int, told: str) -> None:
        if self.most <= self.least:
            raise OutOfMemory(
                f"memory ran out at step {step} with {self.most} sample{'s' * (self.most > 1)} at a time ({told}). "
                "Fix: a smaller backbone or input, a method that trains fewer weights (linear_probe, lora, top_k), or "
                "a device with more memory."
            )
        self.most = max(self.least, -(-self.most // 2))
        dropouts = (part for part in learner.modules() if isinstance(part, nn.modules.dropout._DropoutNd))
        dropout = any(part.p and part.training for part in dropouts)
        differs = [
            *(["BatchNorm has the statistics of the smaller ones, so results differ"] if self._norms(learner) else []),
            *(["dropout draws other numbers"] if dropout else []),
        ]
        self.notes.append(
            f"memory ran out at step {step}, so batches of {self.size} go through the network {self.most} at a time; "
            f"their gradients are added up{', and the result is the same up to rounding' if not differs else ''}"
            f"{''.join(f'; {one}' for one in differs)}"
        )
        if not self.quiet:
            print(self.notes[-1], file=sys.stderr, flush=True)


def batch_on(batch: Batch, device: Any) -> Batch:
    """A batch on a device."""
    return type(batch)(moved(batch.inputs, device, non_blocking=True), batch.targets.to(device, non_blocking=True))


def trains_batchnorm(part: nn.Module) -> bool:
    """Whether this is a BatchNorm that takes its statistics from the batch."""
    return isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training


def unwrapped(learner: nn.Module) -> nn.Module:
    """The module that a data-parallel wrapper holds."""
    held = getattr(learner, "module", None)
    return held if isinstance(learner, nn.parallel.DistributedDataParallel) and held is not None else learner


class _State:
    """What a failed step may have changed: statistics, the random state, and gradients, which were none."""

    def __init__(self, learner: nn.Module, norms: list[nn.Module]) -> None:
        self.learner = learner
        self.random = torch.get_rng_state()
        self.device_random = torch.cuda.get_rng_state_all() if _cuda_used() else []
        self.buffers = [(buffer, buffer.clone()) for part in norms for buffer in part.buffers(recurse=False)]

    def restore(self) -> None:
        torch.set_rng_state(self.random)
        if self.device_random:
            torch.cuda.set_rng_state_all(self.device_random)
        with torch.no_grad():
            for buffer, before in self.buffers:
                buffer.copy_(before)
        self.learner.zero_grad(set_to_none=True)


def _cuda_used() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _bundle(batch: Bundle, rows: slice) -> Bundle:
    """Some samples of a bundle: of each part the rows that they need."""
    order, kept, places = batch.order[rows], [], torch.empty_like(batch.order[rows])
    start = made = 0
    for part in batch.parts:
        length = _length(part)
        mine = torch.nonzero((order >= start) & (order < start + length)).flatten()
        if len(mine):
            kept.append(_rows(part, order[mine] - start))
            places[mine] = torch.arange(made, made + len(mine), device=places.device)
            made += len(mine)
        start += length
    return Bundle(tuple(kept), places)


def _length(part: Any) -> int:
    if isinstance(part, Tensor):
        return len(part)
    held = [getattr(part, one.name) for one in fields(part)]
    return next(_length(one) for one in held if one is not None)


def _rows(part: Any, rows: Tensor) -> Any:
    if part is None or isinstance(part, Tensor):
        return None if part is None else part[rows]
    return replace(part, **{one.name: _rows(getattr(part, one.name), rows) for one in fields(part)})
