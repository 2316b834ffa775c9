"""How many threads a cell uses, and how worker processes may be started next to threads."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Method = Literal["fork", "spawn"]

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def start_method(threads: int = 1) -> Method:
    """How to start workers here: "fork" is instant and shares memory, "spawn" is right where forking is not.

    That is outside Linux (system libraries of macOS do not survive a fork), once CUDA is initialised in this process (a
    child cannot use it), and for workers with several threads: the OpenMP runtime that torch and scikit-learn use hangs
    in a child that wants a team of threads when the parent has had one.

    Example:
        >>> start_method(threads=2)
        'spawn'
    """
    if sys.platform != "linux" or threads > 1:
        return "spawn"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "spawn"
    return "fork"


@contextlib.contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """Limit OpenMP, BLAS and torch to `threads` within the block, for libraries that are loaded now or in the block.

    Example:
        >>> with pinned_threads(1):
        ...     os.environ["OMP_NUM_THREADS"]
        '1'
    """
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    try:
        with contextlib.ExitStack() as limits:
            if "numpy" in sys.modules:  # its BLAS read the variables when it was loaded
                with contextlib.suppress(ImportError):
                    limits.enter_context(importlib.import_module("threadpoolctl").threadpool_limits(limits=threads))
            if (torch := sys.modules.get("torch")) is not None:
                limits.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(threads)
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
