"""`zoo pretrain`: a backbone by a recipe, or on data of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.cli.shown import named_values, size

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


PRETRAIN_EXAMPLES = """\
  zoo pretrain --recipe glyphs --out runs/glyphs
  zoo pretrain --recipe mine.toml --out runs/mine
  zoo pretrain timm/resnet18 photos/ --objective supervised --steps 2000 --out runs/photos
  zoo pretrain transformers/bert texts/ --objective mlm --option rate=0.2 --ema 0.999 --out runs/texts
  zoo pretrain timm/resnet18.a1_in1k photos/ --objective supervised --continue-from-pretrained
  torchrun --nproc-per-node 2 -m zoo.cli pretrain --recipe mine.toml"""

RECIPES = "causal, glyphs, pairs, simclr, textures, voices, words"  # that come with zoo
SETTINGS = {  # of TrainSpec, by the name that they have there
    "steps": (int, "instead of the recipe's; 1000 without one"),
    "batch_size": (int, "samples of a step, over all processes"),
    "lr": (float, "learning rate; 1e-3 from scratch, 1e-4 from pre-trained weights"),
    "weight_decay": (float, "0.05 without a recipe"),
    "warmup": (float, "share of the steps in which the rate rises"),
    "accumulate": (int, "cut each batch into so many chunks, where memory is short"),
    "ema": (float, "end with an average of the weights, of this decay (such as 0.999)"),
    "precision": (str, "no, bf16 or fp16"),
    "checkpoint_every": (int, "steps between two checkpoints"),
    "seed": (int, "instead of the recipe's"),
    "device": (str, "auto, cpu, cuda or mps"),
}


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("pretrain", _pretrain, "Pre-train a backbone by a recipe, or on your own data.", PRETRAIN_EXAMPLES)
    one.add_argument("backbone", nargs="?", help="a name from `zoo list`, or a folder; not beside --recipe")
    one.add_argument("data", nargs="?", help="glyphs, textures, digits, a folder, a .txt file, a table, hf-data:...")
    one.add_argument("--recipe", help=f"{RECIPES}, or the path of a TOML file")
    one.add_argument("--objective", default="", help="what it learns; `zoo show BACKBONE` tells which fit")
    one.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of the objective, such as rate=0.15"
    )
    one.add_argument(
        "--continue-from-pretrained", action="store_true", help="start with the weights that BACKBONE names"
    )
    one.add_argument("--name", default="", help="tag of the result (default: the objective's name)")
    one.add_argument("--column", default="", help="of a table, the one with the samples; two with a comma for pairs")
    one.add_argument("--bad-samples", default="error", metavar="POLICY", help="error (default), skip, or 'cap 5%%'")
    one.add_argument("--augmentation", default="", help="by name; the usual one of the kind of samples unless told")
    one.add_argument("--recompute", action="store_true", help="activation checkpointing: less memory, more time")
    one.add_argument("--workers", type=int, default=2, help="threads that read ahead (default: 2)")
    one.add_argument("--probe-every", type=int, metavar="N", help="steps between two kNN probes; 0 for none")
    one.add_argument("--tracker", default="", help="such as tensorboard; it writes into OUT/tracker")
    one.add_argument("--out", help="folder for the result (default: runs/pretrain/NAME)")
    for name, (kind, meaning) in SETTINGS.items():
        one.add_argument(f"--{name.replace('_', '-')}", type=kind, help=meaning)


def _pretrain(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.errors import UsageError
    from zoo.training.pretraining import pretrain

    if options.recipe and options.backbone:
        raise UsageError(f"--recipe and the backbone {options.backbone!r} exclude each other. Fix: leave one out.")
    if not options.recipe and not options.data:
        raise UsageError("neither a recipe nor a backbone and data. Fix: --recipe glyphs, or BACKBONE DATA.")
    own: dict[str, Any] = {
        "objective": options.objective,
        "options": named_values("option", options.option, "rate=0.15"),
        "init": "pretrained" if options.continue_from_pretrained else "scratch",
        "name": options.name,
        "column": options.column,
        "bad_samples": options.bad_samples,
        "augmentation": options.augmentation,
        "workers": options.workers,
        "probe_every": options.probe_every,
        "tracker": options.tracker,
    }
    settings: dict[str, Any] = {name: getattr(options, name) for name in SETTINGS}
    settings["recompute"] = options.recompute or None
    named = options.name or options.objective if options.data else Path(options.recipe).stem
    out = options.out or f"runs/pretrain/{named}"
    backbone = pretrain(options.recipe or options.backbone, out, data=options.data, **own, **settings)
    print(f"{backbone.spec.name}: {size(backbone.spec)} parameters, SHA-256 {backbone.spec.digest}")
    print(f'saved in {out}; load it with zoo.load("{out}")')
    return 0
