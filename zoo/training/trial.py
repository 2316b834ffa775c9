"""Run a network without a trace: what a trial pass changes is set back, and what it keeps in memory is counted."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


@contextmanager
def undisturbed(network: nn.Module, device: Any = None) -> Iterator[None]:
    """Set back the modes of all parts, the device and torch's random state after the block.

    Example:
        >>> layer = torch.nn.Dropout().train()
        >>> with undisturbed(layer):
        ...     layer.eval().training
        False
        >>> layer.training
        True
    """
    modes = [(part, part.training) for part in network.modules()]
    try:
        with torch.random.fork_rng():
            yield
    finally:
        for part, training in modes:
            part.training = training
        if device is not None:
            network.to(device)


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Set back whatever passes through a network change: buffers, gradients, modes, device and random states.

    Weights are not set back: nothing within may change them.

    Example:
        >>> norm = torch.nn.BatchNorm1d(2)
        >>> with untouched(norm):
        ...     _ = norm(torch.randn(4, 2))
        ...     norm.running_mean.any().item()
        True
        >>> norm.running_mean.any().item()
        False
    """
    before = next((one.device for one in network.state_dict().values()), torch.device("cpu"))
    buffers = [(part, name, held) for part in network.modules() for name, held in part._buffers.items()]
    copies = [None if held is None else held.detach().clone() for _, _, held in buffers]
    gradients = [(weight, weight.grad) for weight in network.parameters()]
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (the state that others may use)
    for weight, _ in gradients:
        weight.grad = None
    try:
        with undisturbed(network, before):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        with torch.no_grad():
            for (part, name, held), copy in zip(buffers, copies, strict=True):
                if held is not None and copy is not None:
                    held.copy_(copy)
                part._buffers[name] = held  # a pass may have put another in its place
        for weight, gradient in gradients:
            weight.grad = gradient


class Saved:
    """Counts the bytes that a forward pass saves for the backward pass; `most` is the largest sum of one pass.

    Weights and buffers do not count, and tensors that share memory count once.

    Example:
        >>> layer, inputs = torch.nn.Linear(3, 2), torch.ones(5, 3)
        >>> with Saved(layer) as saved:
        ...     saved.backward(layer(inputs).sum())
        >>> saved.most  # the inputs, 15 numbers of 4 bytes
        60
    """

    def __init__(self, network: nn.Module) -> None:
        self.own = {one.untyped_storage().data_ptr() for one in (*network.parameters(), *network.buffers())}
        self.found: dict[int, int] = {}
        self.most = 0
        self._network = network
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.own:
            self.found[storage.data_ptr()] = storage.nbytes()
        return tensor

    def backward(self, loss: Tensor) -> None:
        """Run a loss backwards, which ends a pass."""
        self.most = max(self.most, sum(self.found.values()))
        loss.backward()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Saved:
        self._begin = self._network.register_forward_pre_hook(lambda *_: self.found.clear())
        self._hooks.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._hooks.__exit__(*failure)
        self._begin.remove()
