"""`zoo export` and `zoo publish`: a model in the format of its own library, in a folder or on the hub."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add
    from zoo.hub.publishing import Published

EXPORT_EXAMPLES = """\
  zoo export runs/photos runs/photos-native             # a fitted model
  zoo export runs/glyphs runs/glyphs-native             # a backbone that `zoo pretrain` made
  zoo export runs/reviews runs/adapter --adapter        # what LoRA learnt, without its base"""
PUBLISH_EXAMPLES = """\
  zoo publish runs/photos me/photos --dry-run               # the folder and the card; no network
  zoo publish runs/photos me/photos --evidence runs/bench   # private; --public shows it to everybody
  zoo publish runs/bert-texts me/bert-texts --licence apache-2.0 --results runs/bench"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add(
        "export",
        _export,
        "Write a model as the files of its own library, which loads them without zoo.",
        EXPORT_EXAMPLES,
    )
    one.add_argument(
        "model", metavar="FOLDER|NAME", help="a fitted model, a backbone's folder, or what `zoo show` knows"
    )
    one.add_argument("out", metavar="OUT", help="the folder to make")
    one.add_argument("--adapter", action="store_true", help="of a model that lora fitted: the adapter alone")
    one.add_argument("--no-check", action="store_true", help="do not load it in a fresh process to compare its outputs")

    one = add(
        "publish", _publish, "Publish a model, with its card, so that its own library loads it.", PUBLISH_EXAMPLES
    )
    one.add_argument("model", help="the --out folder of `zoo finetune` or `zoo pretrain`")
    one.add_argument("repository", metavar="OWNER/NAME", help="made private, unless it is there")
    one.add_argument("--public", action="store_true", help="everybody may see it")
    one.add_argument("--licence", default="", metavar="ID", help="such as apache-2.0; the base's is carried over")
    one.add_argument("--evidence", default="", metavar="STORE", help="of `zoo bench`: a section of the card tells it")
    one.add_argument("--results", default="", metavar="STORE", help="publish its rows as OWNER/NAME-results")
    one.add_argument("--adapter", action="store_true", help="of a model that lora fitted: only the adapter")
    one.add_argument("--dry-run", action="store_true", help="show the files and the card; touch no network")
    one.add_argument("--out", metavar="FOLDER", help="keep the folder that is published")


def _export(options: argparse.Namespace) -> int:
    from zoo.hub.native.export import export

    found = export(options.model, options.out, merge=not options.adapter, check=not options.no_check)
    where = {"inside": ", head inside", "beside": ", head beside", "zoo": "; the head needs zoo"}.get(found.head, "")
    print(f"{options.out}: {len(found.files) + 1} files for {found.library}, which gives {found.gives}{where}")
    if found.tolerance is not None:
        print(f"loaded by {found.library} alone in a fresh process: outputs differ by {found.tolerance:.1e}")
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"\n{found.snippet}", end="")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from zoo.hub.publishing import publish

    done = publish(
        options.model,
        options.repository,
        public=options.public,
        licence=options.licence,
        evidence=options.evidence,
        results=options.results,
        merge=not options.adapter,
        dry_run=options.dry_run,
        out=options.out,
    )
    print("\n".join(lines(done, dry_run=options.dry_run, out=options.out or "")))
    return 0


def lines(done: Published, *, dry_run: bool, out: str = "") -> list[str]:
    """What was, or would be, published; a dry run shows the card."""
    from zoo.io.bar import megabytes

    width = max(map(len, done.files))
    told = [f"{name:<{width}}  {megabytes(size):>10} MB" for name, size in done.files.items()]
    told += [f"note: {note}" for note in done.notes]
    who = "its owner alone" if done.private else "everybody"
    if dry_run:
        kept = f"; the folder is {out}" if out else ""
        told += ["", done.card, f"{done.repository} would hold this, for {who}, as {done.library}{kept}"]
        return told
    state = "holds this since" if done.changed else "held this already in"
    told.append(f"{done.repository} {state} commit {done.commit} ({done.library}, {done.licence}), for {who}")
    told.append(f"{done.url}; with zoo: hf-hub:{done.repository}@{done.commit}")
    if done.rows:
        told.append(f"{done.rows.url}: the rows, commit {done.rows.commit}")
    return told
