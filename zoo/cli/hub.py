"""`zoo export`: a model in the format of its own library."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add

EXPORT_EXAMPLES = """\
  zoo export runs/photos runs/photos-native             # a fitted model
  zoo export runs/glyphs runs/glyphs-native             # a backbone that `zoo pretrain` made
  zoo export runs/reviews runs/adapter --adapter        # what LoRA learnt, without its base"""


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
