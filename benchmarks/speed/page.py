"""How long the report of a large suite takes to open in headless Chromium: 16 arms, 6 label budgets, 576 rows.

The time runs from the start of the navigation to the load event, in a new tab of a browser that is already open. The
page is the one that the tests look at (tests/benchmarking/large.py), so it needs no run of the suite.

.venv/bin/python benchmarks/speed/page.py [--runs 15] [--out benchmarks/speed/results/page.json]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "benchmarking"))

LIMITS = {"load_ms": "median below 2000", "bytes": "below 3000000"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    from browser import CHROMIUM, chromium
    from large import large, large_rows

    from zoo.benchmarking.report import render_html
    from zoo.benchmarking.summary import summarise
    from zoo.version import __version__

    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine. Fix: install chromium.")
    rows = large_rows()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder) / "report.html"
        page.write_text(render_html(large(), summarise(large(), rows)), encoding="utf-8")
        size = page.stat().st_size
        version = browser.send("Browser.getVersion")["product"]
        browser.visit(page, axe=False)  # warm: fonts and the file
        seen = [browser.visit(page, width, axe=False) for _ in range(options.runs) for width in (1100, 390)]
    times = [visit.load_ms for visit in seen]
    results = {
        "rows": len(rows),
        "bytes": size,
        "opened": len(times),
        "requests beside the page": sum(len(visit.requests) - 1 for visit in seen),
        "errors": sum(len(visit.errors) for visit in seen),
        "browser": version.replace("Headless", ""),
        "python": platform.python_version(),
        "zoo": __version__,
        "limits": LIMITS,
        "load_ms": {
            "median": round(statistics.median(times), 1),
            "min": round(min(times), 1),
            "max": round(max(times), 1),
        },
    }
    print(f"{len(rows)} rows, {size / 1e6:.2f} MB: load event after {results['load_ms']['median']:.0f} ms "
          f"(min {min(times):.0f}, max {max(times):.0f}; {len(times)} times)")  # fmt: skip
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
