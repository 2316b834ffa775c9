"""Energy of one cell in kWh: measured by codecarbon where the machine has a power counter, else estimated and marked.

codecarbon (the extra `energy`) is imported only here and only when a cell runs, keeps no files and uses no network.
Its own models of power, for machines without a counter, are not used: what is not measured is estimated in one way.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from functools import cache
from importlib import import_module
from typing import Any

WATTS_PER_CORE = 12.0
"""Power of one busy core for the estimate: the Green Algorithms' value for a CPU that is not known.

Source: Lannelongue et al. 2021 (https://doi.org/10.1002/advs.202100707), `data/latest/TDP_cpu.csv` of
https://github.com/GreenAlgorithms/green-algorithms-tool, row "Any". Memory, cooling and an idle machine are left out.
"""
KINDS = ("measured", "estimated", "not recorded")


class EnergyMeter:
    """Measures from its making until `read`.

    `energy_kind` is "measured": read from the counters of the processor (and of the GPU, where the cell runs on one),
    of which a cell gets the share that its CPU seconds have in those of the whole machine; "estimated": CPU seconds
    times `WATTS_PER_CORE`; or "not recorded", on a device other than the CPU whose energy nothing measures.

    Args:
        device: where the cell runs.

    Example:
        >>> EnergyMeter.estimate(3600.0)  # one core, one hour
        0.012
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self._tracker = _tracker(os.getpid())
        self._task = f"cell-{time.monotonic_ns()}"
        self._busy = 0.0
        if self._tracker is not None:
            try:
                self._tracker.start_task(self._task)  # the first one looks for counters, which takes a second
                self._busy = _busy_seconds()
            except Exception:  # a counter that cannot be read (any more); the kind will say that this is an estimate
                self._tracker = None

    def read(self, cpu_seconds: float) -> dict[str, Any]:
        """`energy_kwh` (None where not recorded) and `energy_kind`; an estimate also names its `watts_per_core`."""
        measured = self._measured(cpu_seconds)
        if measured is not None:
            return {"energy_kwh": measured, "energy_kind": "measured"}
        if self.device != "cpu":
            return {"energy_kwh": None, "energy_kind": "not recorded"}
        kwh = self.estimate(cpu_seconds)
        return {"energy_kwh": kwh, "energy_kind": "estimated", "watts_per_core": WATTS_PER_CORE}

    @staticmethod
    def estimate(cpu_seconds: float) -> float:
        """KWh of so many CPU seconds at `WATTS_PER_CORE`."""
        return round(cpu_seconds * WATTS_PER_CORE / 3.6e6, 9)

    def _measured(self, cpu_seconds: float) -> float | None:
        if self._tracker is None:
            return None
        try:
            used = self._tracker.stop_task(self._task)
            busy = max(_busy_seconds() - self._busy, cpu_seconds, 1e-9)
        except Exception:
            return None
        if used.cpu_energy <= 0 or (self.device != "cpu" and used.gpu_energy <= 0):
            return None
        gpu = used.gpu_energy if self.device != "cpu" else 0.0
        return round(float(used.cpu_energy * cpu_seconds / busy + gpu), 9)


@cache
def _tracker(pid: int, country: str = os.environ.get("ZOO_COUNTRY", "USA")) -> Any:  # noqa: ARG001
    """The codecarbon tracker of this process; None without codecarbon or without a power counter of the processor.

    `country` (ISO code; the environment variable ZOO_COUNTRY) is what codecarbon's offline tracker demands. It needs
    it for emissions, which zoo does not report: energy does not depend on it.
    """
    try:
        codecarbon = import_module("codecarbon")
        if sys.platform != "linux" or not import_module("codecarbon.core.cpu").is_rapl_available():
            return None
        logging.getLogger("codecarbon").setLevel(logging.ERROR)
        return codecarbon.OfflineEmissionsTracker(
            country_iso_code=country, output_methods=[], log_level="error", allow_multiple_runs=True
        )
    except Exception:  # not installed, or it does not run here
        return None


def _busy_seconds() -> float:
    """CPU seconds that the whole machine has worked, over all its cores."""
    times = import_module("psutil").cpu_times()  # psutil comes with codecarbon
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
