"""Several processes that train one network: how many there are, which one this is, and what they do together.

They are started by `torchrun` or `accelerate launch`; each runs the same program. With one process all of this is free.
"""

from __future__ import annotations

import os
from typing import Any


def launched() -> int:
    """How many processes the launcher started, as it says to each of them.

    Example:
        >>> launched()
        1
    """
    return int(os.environ.get("WORLD_SIZE", "1"))


def processes() -> int:
    """How many processes train together, once an accelerator was made.

    Example:
        >>> processes()
        1
    """
    state = _state()
    return int(state.num_processes) if state else 1


def rank() -> int:
    """Which of them this is, from 0."""
    state = _state()
    return int(state.process_index) if state else 0


def wait() -> None:
    """Go on when all processes are here."""
    if processes() > 1:
        _state().wait_for_everyone()


def total(value: float) -> float:
    """The sum of a number over all processes, the same in each."""
    if processes() == 1:
        return value
    import torch

    sums = torch.tensor(value, dtype=torch.float64, device=_state().device)
    torch.distributed.all_reduce(sums)
    return float(sums)


def gathered(value: Any) -> list[Any]:
    """What each process has here, in their order; it must be small, and all of them must ask.

    Example:
        >>> gathered("a")
        ['a']
    """
    if processes() == 1:
        return [value]
    import torch

    found: list[Any] = [None] * processes()
    torch.distributed.all_gather_object(found, value)
    return found


def anywhere(asked: bool) -> bool:
    """Whether it is so in any process, the same answer in each."""
    return asked if processes() == 1 else total(float(asked)) > 0


def share(size: int) -> slice:
    """The rows of a batch of `size` that this process takes; counts differ by one at most.

    Example:
        >>> share(5)
        slice(0, 5, None)
    """
    count, own = processes(), rank()
    return slice(size * own // count, size * (own + 1) // count)


def _state() -> Any:
    from accelerate.state import PartialState

    return PartialState() if PartialState._shared_state else None
