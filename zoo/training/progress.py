"""Progress that people can follow: a live line on a terminal or in a notebook, plain lines in a log file.

Always on stderr, so that stdout stays clean for results.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Self


class Progress:
    """Counts `total` units of work and says what is running, how far it is and how long it will still take.

    Example:
        >>> with Progress("fitting", total=2, quiet=True) as progress:
        ...     progress.advance(note="loss 0.5")
        ...     progress.advance()
    """

    EVERY = 10.0  # seconds between two plain lines
    SURE = 8  # units done before the pace is worth telling

    def __init__(
        self, label: str, total: int, *, unit: str = "step", done: int = 0, work: float = 0.0, quiet: bool = False
    ) -> None:
        """`work` is what all units cost together, in any measure, when they differ; 0 takes them as equal."""
        self.label, self.total, self.unit = label, total, unit
        self.done = self._start = done
        self.work, self._worked = work, 0.0
        self.quiet = quiet
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        self._began = self._printed = time.monotonic()
        if self.quiet:
            return self
        if sys.stderr.isatty() or "ipykernel" in sys.modules:
            self._live = _live_display()
            self._live.start()
            self._task = self._live.add_task(self.label, total=self.total, completed=self.done, note="", left="")
        else:
            print(f"{self.label}: {self.total - self.done} {self.unit}s to do", file=sys.stderr, flush=True)
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live is not None:
            self._live.stop()
        elif not self.quiet:
            seconds = time.monotonic() - self._began
            state = "done" if self.done >= self.total else "stopped"
            print(
                f"{self.label}: {state} at {self.done}/{self.total} {self.unit}s after {clock(seconds)}",
                file=sys.stderr,
                flush=True,
            )

    def add(self, count: int, work: float = 0.0) -> None:
        """More to do than was known at the start."""
        self.total += count
        self.work += work

    def advance(self, count: int = 1, note: str = "", work: float = 0.0) -> None:
        """`count` more units are done; `note` says what is worth seeing beside it (the loss, the last cell)."""
        self.done += count
        self._worked += work
        if self.quiet:
            return
        if self._live is not None:
            self._live.update(self._task, completed=self.done, total=self.total, note=note, left=self.remaining())
        elif time.monotonic() - self._printed >= self.EVERY:
            self._printed = time.monotonic()
            print(
                f"{self.label}: {self.done}/{self.total} {self.unit}s, {self.remaining()}  {note}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    def remaining(self) -> str:
        """How long it will still take, once enough is done to tell."""
        early = self.done - self._start < min(self.SURE, self.total)
        return "time left not known yet" if early else f"{clock(self.left())} left"

    def left(self) -> float:
        """Seconds still to go, from the pace so far."""
        seconds = time.monotonic() - self._began
        if self.work:
            return seconds * max(0.0, self.work - self._worked) / max(self._worked, 1e-9)
        return seconds * (self.total - self.done) / max(1, self.done - self._start)


def clock(seconds: float) -> str:
    """Seconds as people say them.

    Example:
        >>> clock(4.2), clock(75), clock(3725)
        ('4 s', '1 min 15 s', '1 h 02 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _live_display() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[note]}", style="dim"),
        console=Console(stderr=True),
    )
