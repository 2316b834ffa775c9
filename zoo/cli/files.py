"""`zoo fetch`, `zoo cache` and `zoo audit`: the files that backbones come from."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError, ZooError

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add
    from zoo.io.audit import Audit
    from zoo.io.cache import Item

FETCH_EXAMPLES = """\
  zoo fetch timm/resnet18.a1_in1k timm/vit_tiny_patch16_224.augreg_in21k
  zoo fetch hf-hub:org/name@main hf-hub:org/other
  zoo fetch hf-hub:org/old --allow-pickle pytorch_model.bin"""
CACHE_EXAMPLES = """\
  zoo cache ls
  zoo cache verify                                    # every file against its digest
  zoo cache prune --older-than 90 --dry-run
  zoo cache prune --name 'hf-hub:timm/*' --yes
  zoo cache prune --name 'features:*' --yes           # what was extracted: it is made again when it is asked for"""
AUDIT_EXAMPLES = """\
  zoo audit timm/resnet18.a1_in1k
  zoo audit hf-hub:org/name
  zoo audit runs/glyphs --json"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add(
        "fetch", _fetch, "Bring what names need into the caches; they then load without a network.", FETCH_EXAMPLES
    )
    one.add_argument("names", nargs="+", metavar="NAME", help="a backbone, hf-hub:ORG/NAME[@REVISION], or an address")
    one.add_argument("--allow-pickle", default="", metavar="FILE", help="also fetch this pickle, which could run code")
    one.add_argument("--json", action="store_true", help="one JSON list: name, place, commit")

    one = add(
        "cache",
        _cache,
        "Show, check or thin out what was fetched (the hub's cache and torch's) and extracted (features).",
        CACHE_EXAMPLES,
    )
    one.add_argument("action", choices=["ls", "prune", "verify"])
    one.add_argument("--older-than", type=float, metavar="DAYS", help="prune: what was not used for so long")
    one.add_argument("--name", metavar="GLOB", help="prune: what `zoo cache ls` calls so, such as 'hf-hub:org/*'")
    one.add_argument("--yes", action="store_true", help="prune: do not ask")
    one.add_argument("--dry-run", action="store_true", help="prune: only say what would be removed")
    one.add_argument("--json", action="store_true", help="ls and verify: one JSON list")

    one = add("audit", _audit, "Say what a repository or folder holds, and whether zoo would load it.", AUDIT_EXAMPLES)
    one.add_argument("name", metavar="NAME|PATH", help="a backbone, hf-hub:ORG/NAME[@REVISION], a folder or a file")
    one.add_argument("--json", action="store_true", help="one JSON object")


def _fetch(options: argparse.Namespace) -> int:
    """Fetch each name; one that fails does not keep the others from coming."""
    from zoo.io.fetch import fetch as fetch_one
    from zoo.io.transport import shown

    done, failures = [], []
    for name in options.names:
        try:
            found = fetch_one(name, allow_pickle=options.allow_pickle)
        except ZooError as error:
            if len(options.names) == 1:
                raise
            failures.append(error)
            told = shown(name) if "://" in name else name
            print(f"zoo fetch: {told}: {error}", file=sys.stderr, flush=True)
            continue
        done.append({"name": found.name, "place": found.place and str(found.place), "commit": found.commit})
        if not options.json:
            commit = f" at commit {found.commit[:12]}" if found.commit else ""
            print(f"{found.name}{commit}: {found.place or 'comes with zoo'}")
    if options.json:
        print(json.dumps(done))
    return 2 if failures else 0


def _cache(options: argparse.Namespace) -> int:
    """`zoo cache ls | prune | verify`."""
    from zoo.io.cache import items, verify

    given = [flag for flag in ("older_than", "name", "yes", "dry_run") if getattr(options, flag) not in (None, False)]
    if options.action != "prune" and given:
        raise UsageError(f"--{given[0].replace('_', '-')} goes with `zoo cache prune` only.")
    if options.action == "prune":
        if options.json:
            raise UsageError("--json goes with `zoo cache ls` and `zoo cache verify` only.")
        return _prune(options)
    if options.action == "ls":
        found = items()
        print(json.dumps([item.to_json() for item in found]) if options.json else _listed(found))
        return 0
    verdicts = verify()
    if options.json:
        print(json.dumps([verdict.to_json() for verdict in verdicts]))
    else:
        told = [verdict for verdict in verdicts if verdict.state != "right"]
        lines = [f"{verdict.state:<8} {verdict.name}  {verdict.path}" for verdict in told]
        counts = {state: sum(v.state == state for v in verdicts) for state in ("right", "damaged", "unknown")}
        lines.append(f"{len(verdicts)} files: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
        if counts["damaged"]:
            lines.append(
                "`zoo fetch NAME` asks for a damaged file again; damaged features are made again when they are used"
            )
        print("\n".join(lines))
    return 1 if any(verdict.state == "damaged" for verdict in verdicts) else 0


def _audit(options: argparse.Namespace) -> int:
    """`zoo audit NAME|PATH`: exit 1 if zoo would not load it."""
    from zoo.io.audit import audit as look

    found = look(options.name)
    print(json.dumps(found.to_json()) if options.json else _audited(found))
    return 0 if found.loads else 1


def _prune(options: argparse.Namespace) -> int:
    from zoo.io.bar import megabytes
    from zoo.io.cache import chosen, items, left_over, remove

    found = chosen(items(), older_than=options.older_than, name=options.name)
    found += left_over()
    if not found:
        print("nothing to remove")
        return 0
    total = megabytes(sum(item.size for item in found))
    print(_listed(found))
    if options.dry_run:
        print(f"would remove {len(found)} items, {total} MB")
        return 0
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked here. Fix: add --yes to remove this, or --dry-run to only see it.")
        if input(f"Remove these {len(found)} items, {total} MB? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was removed")
            return 0
    for item in found:
        remove(item)
    print(f"removed {len(found)} items, {total} MB")
    return 0


def _listed(found: list[Item]) -> str:
    from zoo.io.bar import megabytes
    from zoo.io.settings import features_cache, hub_cache, torch_cache

    if not found:
        places = [str(place) for place in (hub_cache(), torch_cache(), features_cache()) if place]
        return f"nothing is cached in {', '.join(places[:-1])} and {places[-1]}"
    width = max(len(item.name) for item in found)
    rows = [(item.name, f"{megabytes(item.size)} MB", f"used {_ago(item.used)}") for item in found]
    return "\n".join(f"{name:<{width}}  {size:>12}  {used}" for name, size, used in rows)


def _ago(used: float) -> str:
    days = max(0, int((time.time() - used) // 86_400))
    return "today" if not days else f"{days} day{'s' if days > 1 else ''} ago"


def _audited(found: Audit) -> str:
    from zoo.io.bar import megabytes

    rows: list[tuple[Any, ...]] = [
        (_plain(x.name), f"{megabytes(x.size)} MB", x.kind, x.verdict, x.why) for x in found.lines
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {size:>{widths[1]}}  {kind:<{widths[2]}}  {verdict:<{widths[3]}}  {why}".rstrip()
        for name, size, kind, verdict, why in rows
    ]
    lines += [f"note: {_plain(note)}" for note in found.notes]
    where = found.what + (f" at commit {found.commit[:12]}" if found.commit else "")
    lines.append(f"{where}: zoo would load it" if found.loads else f"{where}: zoo would NOT load it:")
    return "\n".join([*lines, *(f"  - {_plain(reason)}" for reason in found.reasons)])


def _plain(text: str) -> str:
    """A stranger's text without what would steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
