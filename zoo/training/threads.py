"""How many threads a run uses. Imports torch only where it is loaded already, so that executors do without it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def usable_cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has.

    Example:
        >>> 1 <= usable_cores() <= os.cpu_count()
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
