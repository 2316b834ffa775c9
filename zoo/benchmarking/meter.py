"""What running one cell took on this machine: seconds, peak memory, energy. The `measured` part of a row."""

from __future__ import annotations

import re
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.energy import EnergyMeter

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESS = Path("/proc/self")


@contextmanager
def metered(device: str) -> Iterator[dict[str, Any]]:
    """A dictionary that is filled when the block ends well.

    Entries: `seconds` (wall clock) and `cpu_seconds`; `peak_memory_mb` (10^6 bytes that the process held at its peak,
    with what it shares with its driver) and `peak_memory_kind`, "cell" where the peak is that of this block and
    "process" where the system tells only that of the process's whole life; `energy_kwh` and `energy_kind` (see
    `EnergyMeter`); `device`, and on a CUDA device `peak_device_memory_mb`.

    Source:
        Linux, proc(5): writing 5 to /proc/self/clear_refs resets VmHWM, the peak of /proc/self/status.

    Example:
        >>> with metered("cpu") as measured:
        ...     total = sum(range(1000))
        >>> measured["energy_kind"] in ("estimated", "measured"), measured["peak_memory_mb"] > 0
        (True, True)
    """
    measured: dict[str, Any] = {}
    own_peak = reset_peak()
    cuda = _cuda(device)
    if cuda:
        cuda.synchronize()
        cuda.reset_peak_memory_stats()
    energy = EnergyMeter(device)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield measured
    except BaseException:
        energy.read(0.0)  # the tracker must know that this cell has ended
        raise
    if cuda:
        cuda.synchronize()  # work that is queued on the device belongs to this cell
        measured["peak_device_memory_mb"] = round(cuda.max_memory_allocated() / 1e6, 1)
    measured["seconds"] = round(time.perf_counter() - wall, 3)
    measured["cpu_seconds"] = round(time.process_time() - cpu, 3)
    measured |= energy.read(measured["cpu_seconds"])
    peak = peak_memory_mb() if own_peak else None
    measured["peak_memory_mb"] = round(lifetime_peak_mb() if peak is None else peak, 1)
    measured["peak_memory_kind"] = "process" if peak is None else "cell"
    measured["device"] = device


def reset_peak() -> bool:
    """Start a new peak of this process's memory; False where the system does not let it (not Linux, a sandbox)."""
    try:
        (PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return peak_memory_mb() is not None


def peak_memory_mb() -> float | None:
    """The peak since `reset_peak`, in MB (10^6 bytes); None where it cannot be known."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 / 1e6 if found else None


def lifetime_peak_mb() -> float:
    """The peak of this process since it began, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _cuda(device: str) -> Any:
    """`torch.cuda` where the cell runs on it, else None."""
    if not device.startswith("cuda"):
        return None
    import torch

    return torch.cuda
