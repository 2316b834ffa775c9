"""`zoo pretrain`: a backbone by a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.cli.shown import size

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


PRETRAIN_EXAMPLES = """\
  zoo pretrain --recipe glyphs --out runs/glyphs
  zoo pretrain --recipe mine.toml --out runs/mine"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("pretrain", _pretrain, "Pre-train a backbone by a recipe.", PRETRAIN_EXAMPLES)
    one.add_argument("--recipe", required=True, help="glyphs, textures, or the path of a TOML file")
    one.add_argument("--out", help="folder for the result (default: runs/pretrain/RECIPE)")
    one.add_argument("--steps", type=int, help="instead of the recipe's")
    one.add_argument("--seed", type=int, help="instead of the recipe's")
    one.add_argument("--device", help="auto, cpu, cuda or mps")


def _pretrain(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.training.pretraining import pretrain

    out = options.out or f"runs/pretrain/{Path(options.recipe).stem}"
    backbone = pretrain(options.recipe, out, steps=options.steps, seed=options.seed, device=options.device)
    print(f"{backbone.spec.name}: {size(backbone.spec)} parameters, SHA-256 {backbone.spec.digest}")
    print(f'saved in {out}; load it with zoo.load("{out}")')
    return 0
