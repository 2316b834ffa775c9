"""What a grid costs: CPU of 24 tiny real cells in a pool of workers, in one warm process, and in a process each.

Paired runs (A B A B), medians of ratios; CPU of a whole process tree, from the operating system's account of it.

    pool      one Python process, `ForkPool` with all cores:  all 24 cells
    in turn   one Python process, `InProcess`:                all 24 cells, one after another
    each      24 Python processes:                            `zoo.finetune` once in each, the same model, labels, steps

Start of Python and imports are part of "each", because a process per run pays them per run. For "pool" and "in turn"
they are left out: both run warm, in one process, over the same workbench.

.venv/bin/python benchmarks/speed/grid.py [--runs 5] [--processes 24] [--out benchmarks/speed/results/grid.json]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")

STEPS, LABELS = 10, 5
CELL = """import zoo
zoo.finetune({name!r}, "digits", method="full", pretrained={pretrained}, labels_per_class={labels}, steps={steps},
             seed={seed}, device="cpu", quiet=True)"""


def cpu_now() -> float:
    """User and system seconds of this process and of all children that it has waited for."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def tiny_suite():
    """24 cells: two arms, 3 values on 2 tuning seeds and 6 reporting seeds; no extension counts (see `grid_cpu`)."""
    from zoo.benchmarking.suite import load_suite

    suite = load_suite("digits")
    arms = tuple(arm for arm in suite.arms if arm.id in ("S", "P:glyphs"))
    return dataclasses.replace(
        suite, arms=arms, budgets=(LABELS,), seeds=tuple(range(6)), tuning_seeds=(50, 51), longer=(), steps=STEPS
    )


def grid_cpu(bench, executor) -> float:
    """CPU of the 24 cells of rounds 1 and 3, stored as `zoo bench` stores them."""
    from zoo.benchmarking.grid import Grid
    from zoo.benchmarking.store import Store
    from zoo.training.progress import Progress

    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.create(bench.suite)
        grid = Grid(bench, store)
        jobs = grid.everything()
        with Progress("", 0, quiet=True) as progress:
            before = cpu_now()
            grid._round(executor, progress, jobs)
            executor.close()
            spent = cpu_now() - before
        if grid.ran != 24 or grid.failed or len(store.keys()) != 24:
            raise SystemExit(f"{grid.ran} cells ran, {grid.failed} failed: this measures nothing")
        return spent


def each_cpu(processes: int) -> float:
    """CPU of 24 processes, one after another, half of them from scratch; fewer are scaled up to 24."""
    before = cpu_now()
    for seed in range(processes // 2):
        for name in ("pocket/resnet10", "pocket/resnet10.glyphs"):
            code = CELL.format(name=name, pretrained=name.endswith("glyphs"), labels=LABELS, steps=STEPS, seed=seed)
            subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return (cpu_now() - before) * 24 / processes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--processes", type=int, default=24, help="of `each`; an even number, scaled up to 24")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import torch

    from zoo.benchmarking.arms import Workbench
    from zoo.benchmarking.executors import ForkPool, InProcess
    from zoo.training.threads import pinned_threads, usable_cores
    from zoo.version import __version__

    cores, figures = usable_cores(), {"pool": [], "in turn": [], "each": []}
    with pinned_threads(1):
        bench = Workbench(tiny_suite())
        grid_cpu(bench, InProcess())  # warm: weights, data, kernels
        for run in range(options.runs):
            figures["pool"].append(grid_cpu(bench, ForkPool(cores)))
            figures["in turn"].append(grid_cpu(bench, InProcess()))
            figures["each"].append(each_cpu(options.processes))
            print(
                f"run {run + 1}: " + ", ".join(f"{name} {spent[-1]:.1f} s" for name, spent in figures.items()),
                flush=True,
            )
    ratios = {
        "pool / in turn": [a / b for a, b in zip(figures["pool"], figures["in turn"], strict=True)],
        "each / pool": [a / b for a, b in zip(figures["each"], figures["pool"], strict=True)],
    }
    results = {
        "cores": cores,
        "runs": options.runs,
        "cells": 24,
        "processes of each, scaled to 24": options.processes,
        "steps": STEPS,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "zoo": __version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_seconds": {name: round(statistics.median(spent), 2) for name, spent in figures.items()},
        "limits": {"pool / in turn": "at most 1.25", "each / pool": "at least 3"},
    }
    for name, found in ratios.items():
        results[name] = {
            "median": round(statistics.median(found), 3),
            "min": round(min(found), 3),
            "max": round(max(found), 3),
        }
        print(f"{name:<15} {results[name]['median']:.2f}  (min {min(found):.2f}, max {max(found):.2f})")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
