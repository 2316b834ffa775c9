"""Evidence that stands: more than 200 cells under kill -9, a full disk and several drivers.

Every cell runs exactly once, but for those in flight when something is killed; what is stored never changes; and the
`result` of every row is the same whoever ran it, and in whatever order.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from fire import drive, results, starts, stored
from processes import gone

from zoo.benchmarking.executors import ForkPool, InProcess
from zoo.benchmarking.store import Store
from zoo.errors import StoreError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked workers")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The rows that one process makes, one after another."""
    folder = tmp_path_factory.mktemp("reference")
    grid = drive(folder / "run", folder / "log")
    found = results(folder / "run")
    assert grid.ran == len(found) == len(set(starts(folder / "log"))) > 200
    return found


@pytest.fixture
def place(tmp_path):
    """A folder for the store, and the log."""
    return tmp_path / "run", tmp_path / "log"


def start(place, workers):
    code = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import fire; fire.main()"
    return subprocess.Popen([sys.executable, "-c", code, *place, str(workers)], stderr=subprocess.PIPE, text=True)


def wait_for(found, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := found()) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert value
    return value


def end(driver):
    _, errors = driver.communicate(timeout=120)
    assert (driver.returncode, errors) == (0, "")


def again(log):
    """Cells that were started more than once."""
    return {key for key, count in Counter(starts(log)).items() if count > 1}


class Shuffled(ForkPool):
    """A pool that takes its cells in another order."""

    def run(self, cells, work, admit=lambda _: True):
        return super().run(random.Random(1).sample(list(cells), len(cells)), work, admit)


@pytest.mark.parametrize("executor", [ForkPool(3), Shuffled(2), InProcess()], ids=["pool", "shuffled", "one process"])
def test_rows_are_the_same_whichever_executor_ran_them_and_in_whatever_order(reference, place, executor):
    drive(*place, executor)
    assert results(place[0]) == reference
    assert sorted(starts(place[1])) == sorted(reference)


@pytest.mark.parametrize("workers", [(2, 2), (1, 1), (1, 3)])
def test_two_drivers_run_every_cell_once(reference, place, workers):
    drivers = [start(place, count) for count in workers]
    for driver in drivers:
        end(driver)
    assert sorted(starts(place[1])) == sorted(reference)
    assert results(place[0]) == reference
    assert not (place[0] / ".claims").exists()


@pytest.mark.parametrize("workers", [1, 3])
def test_another_driver_takes_over_from_a_killed_one(reference, place, workers):
    first, second = start(place, workers), start(place, 2)
    wait_for(lambda: len(stored(place[0])) > 60)
    first.kill()
    first.communicate()
    kept = stored(place[0])
    end(second)
    assert results(place[0]) == reference
    assert len(again(place[1])) <= workers  # those that the killed one had in flight
    assert {name: stored(place[0])[name] for name in kept} == kept
    assert drive(*place).ran == 0


def test_a_driver_that_is_killed_again_and_again(reference, place):
    workers, kills = 2, 3
    for share in range(1, kills + 1):
        driver = start(place, workers)
        wait_for(lambda share=share: len(stored(place[0])) > 50 * share)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        workers_left = {int(line.split()[1]) for line in place[1].read_text().splitlines()}
        assert gone(list(workers_left))
        kept, begun = stored(place[0]), len(starts(place[1]))
        finished = {name.removesuffix(".json") for name in kept}
        drive(*place, only="failed")  # nothing has failed, so nothing runs
        assert len(starts(place[1])) == begun
    drive(*place, ForkPool(2))
    assert results(place[0]) == reference
    assert len(starts(place[1])) <= len(reference) + workers * kills
    assert not finished & set(starts(place[1])[begun:])
    assert {name: stored(place[0])[name] for name in kept} == kept


@pytest.mark.parametrize("drivers", [1, 2])
def test_killed_workers_become_failed_rows_and_only_these_run_again(reference, place, drivers):
    """With a second driver at work: a cell whose worker was killed has failed, and nobody else starts it."""
    other = start(place, 1) if drivers == 2 else None
    killer = subprocess.Popen(
        [sys.executable, "-c", KILLER, str(place[1].parent)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    grid = drive(*place, ForkPool(3), victims=(3, 7))
    if other:
        end(other)
    killer.kill()
    killed = killer.communicate()[0].split()
    lost = Store(place[0]).failed()
    assert set(killed) == lost
    assert grid.failed == len(lost)
    if drivers == 1:
        assert len(lost) == 4
    assert sorted(starts(place[1])) == sorted(reference)
    reasons = {row.key: row.result["reason"] for row in Store(place[0]).rows() if row.key in lost}
    assert reasons.keys() == lost
    assert all(said.startswith("WorkerDied: the worker process was killed by SIGK") for said in reasons.values())
    kept = stored(place[0])
    assert drive(*place).ran == 0
    assert drive(*place, ForkPool(2), only="failed").ran == len(lost)
    assert results(place[0]) == reference
    assert kept.items() <= stored(place[0]).items()


KILLER = """
import os, signal, sys, time
from pathlib import Path
done = set()
while True:
    for marker in Path(sys.argv[1]).glob("victim-*"):
        if marker not in done and (pid := marker.read_text()):
            done.add(marker)
            os.kill(int(pid), signal.SIGKILL)
            print(marker.name.removeprefix("victim-"), flush=True)
    time.sleep(0.01)
"""


@pytest.fixture(params=["tmpfs", "injected"])
def disk(request, tmp_path, monkeypatch):
    """A folder on a disk that is full after some 70 rows, and how to make room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "injected":
        sync, full = os.fsync, tmp_path / "full"
        full.touch()

        def fsync(handle):
            if full.exists() and len(stored(folder / "run")) > 70:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        yield folder, full.unlink
        return
    if not shutil.which("mount"):
        pytest.skip("no mount")
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=50m", str(folder)], check=True)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("executor", [InProcess(), ForkPool(2)], ids=["one process", "pool"])
def test_a_full_disk_stops_the_run_and_loses_nothing(reference, disk, tmp_path, executor):
    (folder, make_room), log = disk, tmp_path / "log"
    with pytest.raises(StoreError, match=r"the disk \(or the quota\) is full: free some space, then run again"):
        drive(folder / "run", log, executor)
    kept, begun = stored(folder / "run"), len(starts(log))
    assert 0 < len(kept) < len(reference)
    assert Store(folder / "run").failed() == set()  # the cell was fine, the disk was not
    make_room()
    drive(folder / "run", log, executor)
    assert results(folder / "run") == reference
    assert not {name.removesuffix(".json") for name in kept} & set(starts(log)[begun:])
    assert {name: stored(folder / "run")[name] for name in kept} == kept
