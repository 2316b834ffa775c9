"""What a cell took: a peak of its own where the system allows, and one that is marked as the process's where not."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from zoo.benchmarking import meter as module
from zoo.benchmarking.meter import lifetime_peak_mb, metered, peak_memory_mb, reset_peak

LINUX = pytest.mark.skipif(sys.platform != "linux" or not reset_peak(), reason="needs a writable /proc/self/clear_refs")


def hold(megabytes):
    return np.ones(megabytes * 125_000).sum()


CELLS = """
import json, sys
import numpy as np
from zoo.benchmarking.meter import metered
with metered("cpu") as large:
    np.ones(200 * 125_000).sum()
with metered("cpu") as small:
    np.ones(125_000).sum()
json.dump([large, small], sys.stdout)
"""


@LINUX
def test_the_peak_is_that_of_the_cell_not_of_the_process():
    """In a process of its own: one that ran for long may hold so much free memory that a cell needs no more."""
    done = subprocess.run([sys.executable, "-c", CELLS], capture_output=True, text=True, check=True)
    large, small = json.loads(done.stdout)
    assert (large["peak_memory_kind"], small["peak_memory_kind"]) == ("cell", "cell")
    assert large["peak_memory_mb"] - small["peak_memory_mb"] > 150


def test_where_the_peak_cannot_be_reset_the_row_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "PROCESS", tmp_path / "nothing")
    assert not reset_peak()
    assert peak_memory_mb() is None
    with metered("cpu") as measured:
        pass
    assert measured["peak_memory_kind"] == "process"
    assert measured["peak_memory_mb"] == pytest.approx(lifetime_peak_mb(), rel=0.1)


def test_every_entry_is_there():
    with metered("cpu") as measured:
        hold(1)
    assert set(measured) >= {"seconds", "cpu_seconds", "energy_kwh", "energy_kind", "device"}
    assert measured["device"] == "cpu"


def test_a_cuda_cell_has_the_memory_of_its_device(monkeypatch):
    said = []

    class Cuda:
        synchronize = staticmethod(lambda: said.append("wait"))
        reset_peak_memory_stats = staticmethod(lambda: said.append("reset"))
        max_memory_allocated = staticmethod(lambda: 3_000_000)

    monkeypatch.setattr(module, "_cuda", lambda device: Cuda)
    with metered("cuda") as measured:
        said.append("work")
    assert said == ["wait", "reset", "work", "wait"]
    assert measured["peak_device_memory_mb"] == 3.0
    assert measured["energy_kind"] in ("measured", "not recorded")


def test_a_cell_that_fails_measures_nothing():
    kept = []
    with pytest.raises(ZeroDivisionError), metered("cpu") as measured:
        kept.append(1 // len(kept.append(measured) or kept[0]))
    assert kept == [{}]
