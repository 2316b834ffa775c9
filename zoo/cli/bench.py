"""`zoo bench` and `zoo report`: run a comparison, count its cells, print it again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from zoo.benchmarking.forecast import Forecast
    from zoo.benchmarking.suite import Suite
    from zoo.cli.main import Add


BENCH_EXAMPLES = """\
  zoo bench digits --out runs/digits
  zoo bench pocket --quick --out runs/pocket          # several suites, run and reported together
  zoo bench digits --dry-run                          # cells, CPU-hours and memory
  zoo bench digits --timeout 600 --memory 4000        # stop cells that hang or grow
  zoo bench digits --only failed                      # run the failed cells again
  zoo bench status runs/digits                        # what is finished, failed and missing
  zoo bench --data photos/ --backbones timm/resnet18.a1_in1k,timm/convnext_atto.d2_in1k   # your own images
  zoo bench --data reviews.csv --backbones transformers/sentence-transformers/all-MiniLM-L6-v2
  zoo bench digits --with timm/resnet18.a1_in1k       # another network beside the suite's own, as a frozen probe"""

REPORT_EXAMPLES = """\
  zoo report runs/digits
  zoo report benchmarks/results/pocket-quick/digits.jsonl --out report/"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("bench", _bench, "Compare pre-trained with from-scratch, as a suite says.", BENCH_EXAMPLES)
    one.add_argument(
        "suite",
        nargs="?",
        help="a suite or collection that comes with zoo, or a TOML file; status only counts the cells of STORE",
    )
    one.add_argument(
        "store", nargs="?", metavar="STORE", help="after status: the --out folder, or a packed .jsonl file"
    )
    one.add_argument("--out", help="folder of the rows and the report (default: runs/SUITE)")
    one.add_argument("--level", help="quick (default), default or full")
    one.add_argument("--quick", action="store_true", help="the same as --level quick")
    one.add_argument("--data", help="instead of a suite: your images, texts or sounds, in class folders or a table")
    one.add_argument("--backbones", metavar="A,B", help="with --data: the pre-trained backbones to compare")
    one.add_argument("--budgets", metavar="N,N", help="with --data: labels a class (default: chosen from the data)")
    one.add_argument("--steps", type=int, help="with --data: training steps at equal budget (default: 100)")
    one.add_argument("--seeds", type=int, help="with --data: how many seeds (default: 10; fewer give no verdict)")
    one.add_argument("--margin", type=float, help="with --data: smallest difference that matters, in points (1.0)")
    one.add_argument("--with", dest="references", metavar="A,B", help="frozen backbones of other architectures to add")
    one.add_argument("--workers", type=int, help="processes of one thread each (default: all usable cores)")
    one.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    one.add_argument("--dry-run", action="store_true", help="only say what it would cost")
    one.add_argument("--only", choices=["failed"], help="run the failed cells again, and what follows from them")
    one.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a cell after so long; it has failed")
    one.add_argument("--memory", type=int, metavar="MB", help="stop a cell that takes more memory; it has failed")
    one.add_argument("--json", action="store_true", help="with status or --dry-run: one JSON object")

    one = add("report", _report, "Print a stored comparison and write its report again.", REPORT_EXAMPLES)
    one.add_argument(
        "store", help="the --out folder of `zoo bench`, a packed .jsonl file, or a folder of those of a collection"
    )
    one.add_argument("--out", help="folder for report.html, report.md and the plots (default: the store)")
    one.add_argument("--json", action="store_true", help="print the summary as JSON and write nothing")


def _bench(options: argparse.Namespace) -> int:
    if options.suite == "status":
        return _bench_status(options)
    if options.store or (options.json and not options.dry_run):
        extra = f"the argument {options.store!r}" if options.store else "--json"
        raise UsageError(
            f"{extra} goes with `zoo bench status` only{'' if options.store else ' (and with --dry-run)'}. "
            "Fix: name the folder of a run by --out."
        )
    from zoo.benchmarking.collection import collection_file

    options.level = _level(options)
    if options.suite and options.data is None and collection_file(options.suite):
        return _bench_collection(options)
    from zoo.benchmarking.references import folder_name, with_references
    from zoo.benchmarking.runner import bench

    suite = _suite(options)
    if options.references is not None:
        suite = with_references(suite, _names(options.references))
    out = options.out or f"runs/{folder_name(suite)}"
    done = bench(suite, out, **_settings(options))
    if options.dry_run:
        return _forecast(options, done.forecast, {})
    _print_report(done.store)
    print("\n" + "\n".join(f"wrote {path}" for path in done.report))
    if done.failed:
        print(f"{done.failed} cells failed; the report shows them; --only failed runs them again", file=sys.stderr)
    return 1 if done.failed else 0


def _bench_collection(options: argparse.Namespace) -> int:
    from zoo.benchmarking.collection import load_collection
    from zoo.benchmarking.collection_runner import bench_collection
    from zoo.benchmarking.references import anywhere, short_name

    _refuse_own(options)
    beside = _names(options.references or "")
    if options.references is not None and not beside:
        raise UsageError("no reference was named. Fix: --with A,B with names from `zoo list --pretrained`.")
    shown = [short_name(anywhere(name)) for name in beside]
    folder = [load_collection(options.suite, options.level).name, *(["with"] if beside else []), *shown]
    out = options.out or f"runs/{'-'.join(folder).replace('/', '-')}"
    done = bench_collection(options.suite, out, level=options.level, references=beside, **_settings(options))
    if options.dry_run:
        return _forecast(options, done.forecast, done.problems)
    _print_report(done.store)
    print("\n" + "\n".join(f"wrote {path}" for path in done.report))
    for suite, problem in done.problems.items():
        print(f"{suite} did not run: {problem}", file=sys.stderr)
    if done.failed:
        print(f"{done.failed} cells failed; the report shows them; --only failed runs them again", file=sys.stderr)
    return 1 if done.failed or done.problems else 0


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What `bench` and `bench_collection` share."""
    return {
        "workers": options.workers,
        "device": options.device,
        "dry_run": options.dry_run,
        "only": options.only,
        "timeout": options.timeout,
        "memory_mb": options.memory,
        "tell": lambda line: print(line, file=sys.stderr, flush=True),
    }


def _level(options: argparse.Namespace) -> str:
    """The level that was asked for; quick where none was.

    Raises:
        UsageError: --quick beside another --level.
    """
    if options.quick and options.level not in (None, "quick"):
        raise UsageError(f"--quick and --level {options.level} were both given. Fix: leave one of them out.")
    return options.level or "quick"


def _forecast(options: argparse.Namespace, forecast: Forecast, problems: dict[str, str]) -> int:
    """The end of a dry run: the forecast was told already, so only JSON is printed."""
    if options.json:
        from dataclasses import asdict

        print(json.dumps({**asdict(forecast), "problems": problems}))
    return 1 if problems else 0


def _suite(options: argparse.Namespace) -> Suite:
    """The suite that was named, or the one that `--data` asks for."""
    if options.data is None:
        from zoo.benchmarking.suite import load_suite

        _refuse_own(options)
        return load_suite(options.suite or "digits", options.level)
    if options.suite:
        raise UsageError(f"both a suite ({options.suite!r}) and --data were given. Fix: leave one of them out.")
    from zoo.benchmarking.own import describe_suite, own_suite

    own = _own(options)
    names = _names(own.pop("backbones", ""))
    try:
        own["budgets"] = tuple(int(part) for part in own.pop("budgets", "").split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"--budgets takes whole numbers such as 5,20, received {options.budgets!r}.") from error
    suite = own_suite(options.data, names, options.level, **own)
    print(describe_suite(suite), file=sys.stderr, flush=True)
    return suite


def _own(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of the options that go with --data."""
    names = ("backbones", "budgets", "steps", "seeds", "margin")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _refuse_own(options: argparse.Namespace) -> None:
    if own := _own(options):
        raise UsageError(f"--{' --'.join(own)} without --data. Fix: add --data FOLDER; a suite file says its own.")


def _bench_status(options: argparse.Namespace) -> int:
    from zoo.benchmarking.collection_status import CollectionStatus, collection_status
    from zoo.benchmarking.collection_store import is_collection_store
    from zoo.benchmarking.status import Status, status

    store = options.store or options.out or "runs/digits"
    found: Status | CollectionStatus = collection_status(store) if is_collection_store(store) else status(store)
    print(json.dumps(found.to_json()) if options.json else found)
    return 1 if found.problems else 0


def _report(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.benchmarking.collection_store import is_collection_store
    from zoo.benchmarking.collection_summary import view_collection
    from zoo.benchmarking.report import write_report
    from zoo.benchmarking.report.collection_write import write_collection_report
    from zoo.benchmarking.store import read_rows, read_suite
    from zoo.benchmarking.summary import summarise

    out = Path(options.out).expanduser() if options.out else None
    if is_collection_store(options.store):
        if options.json:
            print(json.dumps(view_collection(options.store).summary.to_json()))
            return 0
        paths = write_collection_report(options.store, out or Path(options.store))
        _print_report(options.store)
        print("\n" + "\n".join(f"wrote {path}" for path in paths))
        return 0
    suite, rows = read_suite(options.store), read_rows(options.store)
    if options.json:
        print(json.dumps(summarise(suite, rows).to_json()))
        return 0
    default = Path(options.store).parent if Path(options.store).is_file() else Path(options.store)
    paths = write_report(suite, rows, out or default)
    _print_report(options.store)
    print("\n" + "\n".join(f"wrote {path}" for path in paths))
    return 0


def _print_report(store: str | Path) -> None:
    from rich.console import Console

    from zoo.benchmarking.collection_store import is_collection_store

    if is_collection_store(store):
        from zoo.benchmarking.collection_summary import view_collection
        from zoo.benchmarking.report.collection_write import collection_terminal

        collection_terminal(view_collection(store), Console())
        return
    from zoo.benchmarking.report import terminal_table
    from zoo.benchmarking.store import read_rows, read_suite
    from zoo.benchmarking.summary import summarise

    terminal_table(summarise(read_suite(store), read_rows(store)), Console())
