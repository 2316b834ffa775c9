"""Energy: a counter's reading where there is one, else an estimate that is marked; never a network, never silent."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from zoo.benchmarking import energy as module
from zoo.benchmarking.energy import WATTS_PER_CORE, EnergyMeter, _tracker


@pytest.fixture(autouse=True)
def _fresh():
    _tracker.cache_clear()
    yield
    _tracker.cache_clear()


class Tracker:
    """Stands for codecarbon's: 2 Wh of the processor and 5 Wh of the GPU in each cell."""

    options = None
    cpu, gpu = 0.002, 0.005

    def __init__(self, **options):
        Tracker.options = options

    def start_task(self, name):
        self.name = name

    def stop_task(self, name):
        assert name == self.name
        return SimpleNamespace(cpu_energy=self.cpu, gpu_energy=self.gpu, ram_energy=9.0)


def install(monkeypatch, counter=True):
    busy = iter((100.0, 140.0))
    parts = {
        "codecarbon": SimpleNamespace(OfflineEmissionsTracker=Tracker),
        "codecarbon.core.cpu": SimpleNamespace(is_rapl_available=lambda: counter),
    }
    monkeypatch.setattr(module, "import_module", parts.__getitem__)
    monkeypatch.setattr(module, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(module.sys, "platform", "linux")


def without(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(module, "import_module", missing)


def test_without_codecarbon_it_is_an_estimate_and_says_so(monkeypatch):
    without(monkeypatch)
    kept = EnergyMeter("cpu").read(1800.0)
    assert kept == {"energy_kwh": 0.006, "energy_kind": "estimated", "watts_per_core": WATTS_PER_CORE}


def test_on_a_gpu_without_a_counter_nothing_is_invented(monkeypatch):
    without(monkeypatch)
    assert EnergyMeter("cuda").read(1800.0) == {"energy_kwh": None, "energy_kind": "not recorded"}


def test_a_cell_gets_its_share_of_what_the_counter_read(monkeypatch):
    install(monkeypatch)
    assert EnergyMeter("cpu").read(10.0) == {"energy_kwh": 0.0005, "energy_kind": "measured"}  # 10 of 40 busy seconds


def test_a_gpu_cell_has_the_energy_of_the_gpu_too(monkeypatch):
    install(monkeypatch)
    assert EnergyMeter("cuda").read(10.0) == {"energy_kwh": 0.0055, "energy_kind": "measured"}


def test_codecarbon_is_offline_and_writes_nothing(monkeypatch):
    install(monkeypatch)
    EnergyMeter("cpu").read(1.0)
    assert Tracker.options["country_iso_code"]
    assert Tracker.options["output_methods"] == []


def test_a_machine_without_a_counter_is_estimated_even_with_codecarbon(monkeypatch):
    install(monkeypatch, counter=False)
    assert EnergyMeter("cpu").read(10.0)["energy_kind"] == "estimated"


@pytest.mark.parametrize("broken", ["start_task", "stop_task"])
def test_a_counter_that_fails_leaves_an_estimate(monkeypatch, broken):
    install(monkeypatch)

    def fail(*_):
        raise OSError("permission denied")

    monkeypatch.setattr(Tracker, broken, fail)
    assert EnergyMeter("cpu").read(10.0)["energy_kind"] == "estimated"


def test_importing_does_not_import_codecarbon():
    code = "import sys, zoo.benchmarking.energy; print('codecarbon' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
