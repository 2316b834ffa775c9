"""A network cut in two: what runs before some block is computed once, kept, and left out from then on.

No forward pass is rewritten. The front runs until the last of its blocks has given its output; afterwards the network
runs with the front's blocks stood in for, the last of them by that output. Whether this gives what the whole network
gives is not assumed but tried, on a probe batch.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.adaptations.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo.contracts import Backbone, Features

IN_MEMORY = 2**30  # bytes of activations; more go to a temporary file that vanishes with them
TOLERANCE = 1e-4  # relative, in float32


@dataclass(frozen=True)
class Resumed:
    """A batch that was half-way through already: its inputs [B, ...], and what the front made of them [B, ...]."""

    inputs: Tensor
    hidden: Tensor

    def to(self, *where: Any, **how: Any) -> Resumed:
        """Both on another device."""
        return Resumed(self.inputs.to(*where, **how), self.hidden.to(*where, **how))


class Activations:
    """What the front gives for the samples at `indices`, as a data set: `[indices]` is a `Resumed` batch."""

    def __init__(self, inputs: Any, indices: np.ndarray, hidden: np.ndarray) -> None:
        self.inputs, self.hidden = inputs, hidden
        self._place = {int(index): place for place, index in enumerate(indices)}

    def __getitem__(self, indices: np.ndarray) -> Resumed:
        places = [self._place[int(index)] for index in indices]
        return Resumed(self.inputs[indices], torch.from_numpy(self.hidden[places]))


class _Reached(Exception):
    """The front has run: no error, it ends a forward pass that has given what was asked."""


@dataclass(frozen=True)
class Cut:
    """A backbone and the blocks of its front, which are frozen and in evaluation mode."""

    backbone: Backbone
    front: tuple[nn.Module, ...]

    @torch.no_grad()
    def run_front(self, inputs: Any) -> Any:
        """What the last block of the front gives; the rest of the network does not run."""
        found: list[Any] = []

        def stop(_part: nn.Module, _given: Any, out: Any) -> None:
            found.append(out)
            raise _Reached

        handle = self.front[-1].register_forward_hook(stop)
        try:
            self.backbone.encode(inputs)
        except _Reached:
            return found[0]
        finally:
            handle.remove()
        raise RuntimeError("the block did not run")

    def encode(self, batch: Resumed, mask: Tensor | None = None) -> dict[str, Features]:
        """Features of a batch whose front ran before."""
        with _stood_in(self.front, batch.hidden):
            return self.backbone.encode(batch.inputs, mask)

    def resuming(self) -> Backbone:
        """The same backbone, that takes `Resumed` batches."""
        return replace(self.backbone, encoder=self.encode)  # its inputs are no Tensor

    def activations(self, inputs: Any, indices: np.ndarray, device: str = "cpu", size: int = 64) -> Activations:
        """Run the front once over the samples at `indices` [n] and keep what it gives."""
        module = self.backbone.module.eval().to(device)
        kept: np.ndarray | None = None
        for start in range(0, len(indices), size):
            part = self.run_front(inputs[indices[start : start + size]].to(device)).cpu().numpy()
            if kept is None:
                kept = _room((len(indices), *part.shape[1:]), part.dtype)
            kept[start : start + len(part)] = part
        module.to("cpu")
        assert kept is not None
        return Activations(inputs, indices, kept)


def cut(backbone: Backbone, front: Sequence[nn.Module]) -> Cut | str:
    """The backbone cut after `front`, or why it cannot be cut.

    Example:
        >>> import zoo
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> two = cut(backbone, [backbone.module.layer1[0], backbone.module.layer2[0]])
        >>> two.run_front(probe(backbone)).shape
        torch.Size([2, 32, 8, 8])
    """
    made, training = Cut(backbone, tuple(front)), backbone.module.training
    backbone.module.eval()
    try:
        inputs = probe(backbone)
        if not isinstance(inputs, Tensor):
            return "its samples differ in length"
        with torch.no_grad():
            hidden, whole = made.run_front(inputs), backbone.encode(inputs)
            if not isinstance(hidden, Tensor) or len(hidden) != len(inputs):
                return "its blocks do not pass one tensor on, with a row for each sample"
            resumed = made.encode(Resumed(inputs, hidden))
    except Exception as error:  # a network that is no plain row of blocks may refuse in any way
        return f"its blocks cannot be left out ({type(error).__name__})"
    finally:
        backbone.module.train(training)
    for modality, features in whole.items():
        off = (resumed[modality].pooled - features.pooled).norm() / features.pooled.norm()
        if not off <= TOLERANCE:
            return f"it gives other features when its first blocks are left out (off by {float(off):.1g})"
    return made


@contextmanager
def _stood_in(front: Sequence[nn.Module], hidden: Tensor) -> Iterator[None]:
    """Within the block, the parts of `front` pass on what they get, and the last of them gives `hidden`."""

    def passed(*given: Any, **named: Any) -> Any:
        return given[0] if given else next(iter(named.values()))

    for part in front:
        part.forward = passed
    front[-1].forward = lambda *_given, **_named: hidden
    try:
        yield
    finally:
        for part in front:
            del part.forward  # the class's own forward is there again


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    if np.prod(shape, dtype=np.int64) * dtype.itemsize <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:  # closed and without a name it lives as long as the map of it
        return np.memmap(file, dtype, "w+", shape=shape)
