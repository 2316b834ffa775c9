"""`zoo conform`: check backbones against the contract."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from zoo.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add

CONFORM_EXAMPLES = """\
  zoo conform pocket/resnet10 timm/resnet18.a1_in1k
  zoo conform --families --max-params 15M                # the smallest member of each family of each provider
  zoo conform --curated --out runs/conformance           # can be stopped; run it again to go on
  zoo conform --all --provider timm --max-params 50M --workers 4"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("conform", _conform, "Check that backbones keep the contract, from scratch.", CONFORM_EXAMPLES)
    one.add_argument("names", nargs="*", metavar="NAME")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--curated", action="store_true", help="all curated backbones")
    which.add_argument("--all", action="store_true", help="every architecture of at most --max-params")
    which.add_argument("--families", action="store_true", help="the smallest member of each family of each provider")
    one.add_argument("--provider", help="with --families, --curated or --all: only those of this provider")
    one.add_argument(
        "--max-params", default="150M", help="larger ones are checked through smaller ones (default: 150M)"
    )
    one.add_argument("--workers", type=int, help="processes of one thread each (default: all usable cores)")
    one.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS", help="for one backbone (600)")
    one.add_argument("--memory", type=int, default=6000, metavar="MB", help="for one backbone (6000)")
    one.add_argument("--again", action="store_true", help="check also what has a row")
    one.add_argument("--out", default="runs/conformance", help="folder of the rows and of table.md")
    one.add_argument("--against", metavar="FILE", help="rows of an earlier run: what failed there may fail again")
    one.add_argument("--pack", metavar="FILE", help="write the rows also as one .jsonl file")
    one.add_argument("--json", action="store_true", help="one JSON list of rows")


def _conform(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.catalog.query import count_of
    from zoo.conformance.rows import pack, read
    from zoo.conformance.run import conform, worse
    from zoo.conformance.table import render
    from zoo.io.atomic import replace

    which = next((name for name in CHOICES if getattr(options, name)), "")
    if bool(options.names) == bool(which):
        raise UsageError("name backbones, or give --families, --curated or --all, and not both.")
    if options.names and options.provider:
        raise UsageError("--provider goes with --families, --curated or --all.")
    largest = count_of(options.max_params)
    names = options.names or CHOICES[which](options.provider, largest)
    before = read(Path(options.against).expanduser()) if options.against else []
    rows = conform(
        names,
        options.out,
        workers=options.workers,
        largest=largest,
        timeout=options.timeout,
        memory_mb=options.memory,
        again=options.again,
    )
    if options.pack:
        pack(rows, Path(options.pack).expanduser())
    replace(Path(options.out).expanduser() / "table.md", render(rows).encode())
    if options.json:
        print(json.dumps([row.to_json() for row in rows]))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            said = row.reason or "; ".join(f"{name}: {row.checks[name]['detail']}" for name in row.failing)
            print(f"{row.name:<{width}}  {row.state:<11}  {said[:160]}".rstrip())
        good = sum(row.state == "conforms" for row in rows)
        print(f"{good} of {len(rows)} conform; {options.out}/table.md")
    broken = worse(rows, before)
    if broken and options.against:
        print(f"new failures: {', '.join(row.name for row in broken)}", file=sys.stderr)
    return 1 if broken else 0


def _curated(provider: str | None, _largest: int) -> list[str]:
    from zoo.catalog.query import find

    return [spec.name for spec in find(provider=provider, curated=True)]


def _all(provider: str | None, largest: int) -> list[str]:
    """One name for each architecture of known size: its own, else that of its first tag."""
    from zoo.catalog.query import find

    first: dict[tuple[str, str], str] = {}
    for spec in sorted(find(provider=provider, max_params=largest), key=lambda spec: spec.pretrained):
        first.setdefault((spec.provider, spec.arch), spec.name)
    return list(first.values())


def _families(provider: str | None, _largest: int) -> list[str]:
    """The smallest member of each family, an architecture rather than weights of one."""
    from zoo.catalog.query import find

    first: dict[tuple[str, str, str], str] = {}
    for spec in sorted(find(provider=provider, sort="params"), key=lambda spec: (spec.pretrained, not spec.parameters)):
        first.setdefault((spec.provider, spec.modality, spec.family or spec.arch), spec.name)
    return list(first.values())


CHOICES = {"families": _families, "curated": _curated, "all": _all}
