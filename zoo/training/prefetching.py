"""Batches made ahead by reader threads, in the order and with the randomness that they have without."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Prefetched:
    """Batch k, for k from any step on, made by `workers` threads up to `ahead` batches before it is asked for.

    What makes a batch must depend on its number alone. An error in a thread is raised where the batch is asked for.

    Example:
        >>> with Prefetched(lambda step: step * 10, steps=3, workers=2) as batches:
        ...     [batches(step) for step in range(3)]
        [0, 10, 20]
    """

    def __init__(self, batches: Callable[[int], Any], steps: int, workers: int, ahead: int = 4) -> None:
        self.batches, self.steps, self.workers, self.ahead = batches, steps, workers, ahead
        self._made: dict[int, Future[Any]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers:
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="zoo-reader")
        return self

    def __exit__(self, *failure: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._made.clear()

    def __call__(self, step: int) -> Any:
        """Batch `step`, of which there are `steps`."""
        if self._pool is None:
            return self.batches(step)
        for later in range(step, min(step + 1 + self.ahead, self.steps)):
            if later not in self._made:
                self._made[later] = self._pool.submit(self.batches, later)
        return self._made.pop(step).result() if step in self._made else self.batches(step)
