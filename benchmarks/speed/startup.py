"""CPU of the commands that must start fast, as multiples of a bare interpreter: paired runs, medians of ratios.

.venv/bin/python benchmarks/speed/startup.py [--runs 25] [--out benchmarks/speed/results/startup.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ZOO = str(Path(sys.executable).with_name("zoo"))
COMMANDS = {
    "zoo list": [ZOO, "list"],
    "zoo list --json": [ZOO, "list", "--json"],
    "zoo show": [ZOO, "show", "timm/resnet50.a1_in1k"],
    "import zoo": [sys.executable, "-c", "import zoo"],
}
BARE = [sys.executable, "-c", "pass"]


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one process, from the operating system's own account of it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def ratios(command: list[str], runs: int) -> list[float]:
    cpu_seconds(command), cpu_seconds(BARE)  # warm file caches
    return [cpu_seconds(command) / cpu_seconds(BARE) for _ in range(runs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = {"cores": len(os.sched_getaffinity(0)), "runs": options.runs, "python": sys.version.split()[0]}
    for name, command in COMMANDS.items():
        found = ratios(command, options.runs)
        results[name] = {
            "median": round(statistics.median(found), 2),
            "min": round(min(found), 2),
            "max": round(max(found), 2),
        }
        print(
            f"{name:<16} {results[name]['median']:.2f} x python -c pass  (min {min(found):.2f}, max {max(found):.2f})"
        )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
