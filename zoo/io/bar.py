"""How far a download is: a live line with size, speed and time left on a terminal, plain lines in a log. On stderr."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Self

EVERY = 10.0  # seconds between two plain lines
SMALL = 1_000_000  # bytes: less is not worth a line in a log


class Bytes:
    """Counts the bytes of one file, out of `total` (0 where that is not known).

    Example:
        >>> with Bytes("model.safetensors", 2_000_000, quiet=True) as progress:
        ...     progress.advance(2_000_000)
        ...     progress.told()
        'model.safetensors: 2.0 of 2.0 MB, 0 s left'
    """

    def __init__(self, label: str, total: int, *, quiet: bool = False) -> None:
        said = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS", "").lower()
        self.label, self.total, self.quiet = label, total, quiet or said in ("1", "true", "yes", "on")
        self.done = self._kept = 0
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        self._began = self._printed = time.monotonic()
        if not self.quiet and (sys.stderr.isatty() or "ipykernel" in sys.modules):
            self._live = _live_display()
            self._live.start()
            self._task = self._live.add_task(self.label, total=self.total or None)
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif not self.quiet and failure[0] is None and self.done >= SMALL:
            seconds = time.monotonic() - self._began
            print(f"{self.label}: {megabytes(self.done)} MB in {seconds:.0f} s", file=sys.stderr, flush=True)

    def start(self, kept: int) -> None:
        """So many bytes are here already: at a new attempt, or from an earlier run."""
        self.done = self._kept = kept
        self._show()

    def advance(self, count: int) -> None:
        """`count` more bytes have come."""
        self.done += count
        self._show()

    def told(self) -> str:
        """The plain line."""
        if not self.total:
            return f"{self.label}: {megabytes(self.done)} MB"
        seconds = time.monotonic() - self._began
        pace = (self.done - self._kept) / max(seconds, 1e-9)
        left = f"{(self.total - self.done) / pace:.0f} s left" if pace else "time left not known yet"
        return f"{self.label}: {megabytes(self.done)} of {megabytes(self.total)} MB, {left}"

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self._task, completed=self.done)
        elif not self.quiet and time.monotonic() - self._printed >= EVERY:
            self._printed = time.monotonic()
            print(self.told(), file=sys.stderr, flush=True)


def megabytes(count: int) -> str:
    """Bytes as megabytes (10^6) with one decimal; two more for small ones.

    Example:
        >>> megabytes(123_456_789), megabytes(4_000)
        ('123.5', '0.004')
    """
    return f"{count / 1e6:.1f}" if count >= 100_000 or not count else f"{count / 1e6:.3f}"


def _live_display() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),  # a stranger chose the name
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
