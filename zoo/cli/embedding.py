"""`zoo embed`: features of files, without writing any code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add

SHOWN = 10  # unreadable inputs that are named one by one

EMBED_EXAMPLES = """\
  zoo embed pocket/resnet10.glyphs photos/ --out photos.parquet
  zoo embed torchaudio/wavlm_base.WAVLM_BASE calls/ --out calls.safetensors --allow-pickle wavlm_base.pth
  zoo embed NAME reviews.csv --column text --out reviews.parquet"""


def commands(add: Add) -> None:
    """Register it with `add`."""
    one = add("embed", _embed, "Write the features of images, sounds or texts to a file.", EMBED_EXAMPLES)
    one.add_argument("backbone", help="a name from `zoo list`, a folder, or module/PACKAGE.MODULE:FUNCTION")
    one.add_argument("paths", nargs="+", metavar="path", help="files, folders, .txt (a text each line), tables")
    one.add_argument("--out", required=True, help="a .parquet or .safetensors file; run again to go on after a stop")
    one.add_argument("--column", default="", help="of a table, the one that holds texts or paths")
    one.add_argument("--scratch", action="store_true", help="the same architecture without its weights")
    one.add_argument("--seed", type=int, default=0, help="of the architecture's initialisation, with --scratch")
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    one.add_argument("--allow-pickle", default="", metavar="FILE", help="weights that are a pickle which you trust")


def _embed(options: argparse.Namespace) -> int:
    from zoo.embedding.run import embed

    made = embed(
        options.backbone,
        options.paths,
        options.out,
        column=options.column,
        pretrained=not options.scratch,
        seed=options.seed,
        batch_size=options.batch_size,
        device=options.device,
        allow_pickle=options.allow_pickle,
    )
    for note in made.notes:
        print(note)
    print(f"{made.rows} rows of {made.width} features in {made.out}")
    for item, reason in made.unreadable[:SHOWN]:
        where = item.path if item.row is None else f"{item.path} row {item.row}"
        print(f"not read: {where}: {reason}", file=sys.stderr)
    if made.unreadable:
        rest = f", {len(made.unreadable) - SHOWN} more of them" if len(made.unreadable) > SHOWN else ""
        print(f"{len(made.unreadable)} inputs left out{rest}: see {made.out}.unreadable.jsonl", file=sys.stderr)
    return 1 if made.unreadable else 0
