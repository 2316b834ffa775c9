"""Floating-point operations of a network, by torch's own counter: of one training step, and of one sample read out.

Counted are matrix products, convolutions and attention, a multiplication and an addition as two; element-wise work,
normalisation, pooling and the optimiser count as nothing, as is usual. Counting runs a network, which moves BatchNorm
statistics and draws random numbers: hand it one that was built for this purpose, never the one that is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError
from zoo.providers.loading import seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.contracts import Backbone, Batch


def count(call: Callable[[], Any]) -> int:
    """FLOPs of what `call` runs; the global random state is left as it was.

    Fused attention on a CPU and the fast path of `nn.MultiheadAttention` are unknown to the counter, which would take
    them for nothing: both are turned off within, so that every device gives the same number.

    Source:
        `torch.utils.flop_counter.FlopCounterMode`.

    Example:
        >>> count(lambda: torch.ones(2, 3) @ torch.ones(3, 5))  # 2 * 3 * 5 multiplications and additions
        60
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with seeded(0), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops())


def step_flops(learner: nn.Module, batch: Batch) -> int:
    """FLOPs of one training step on `batch`: augmentation, forward and backward. `learner` is changed by it.

    Raises:
        IncompatibleError: the network has recurrent layers, which the counter does not see.
    """
    _refuse_recurrent(learner)
    learner.train()
    return count(lambda: learner(batch, generator_at(0, 0)).backward())


def sample_flops(backbone: Backbone, head: nn.Module, sample: Any, modality: str = "") -> int:
    """FLOPs of reading out one sample (a prepared batch of one) through backbone and head, in evaluation mode.

    `modality` says which features answer; empty for the backbone's own.

    Raises:
        IncompatibleError: the network has recurrent layers, which the counter does not see.
    """
    for part in (backbone.module, head):
        _refuse_recurrent(part)
        part.eval()
    with torch.no_grad():
        return count(lambda: head(backbone.encode(sample)[modality or backbone.spec.modality].pooled))


def _refuse_recurrent(network: nn.Module) -> None:
    if any(isinstance(part, nn.RNNBase) for part in network.modules()):
        raise IncompatibleError(
            "this network has recurrent layers, and torch's counter does not count them, so that its FLOPs would be "
            "too low. Fix: none is needed; they are left out of the row."
        )
