"""`zoo pretrain` and `zoo finetune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.cli.shown import size

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


PRETRAIN_EXAMPLES = """\
  zoo pretrain --recipe glyphs --out runs/glyphs
  zoo pretrain --recipe mine.toml --out runs/mine"""

FINETUNE_EXAMPLES = """\
  zoo finetune pocket/resnet10.glyphs digits --method linear_probe --labels 5
  zoo finetune timm/resnet18.a1_in1k photos/ --out runs/photos   # photos/CLASS/image.jpg
  zoo finetune pocket/resnet10.glyphs digits --method lora --option rank=4 --option dora=true
  zoo finetune timm/resnet18 photos/ --scratch"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("pretrain", _pretrain, "Pre-train a backbone by a recipe.", PRETRAIN_EXAMPLES)
    one.add_argument("--recipe", required=True, help="glyphs, textures, or the path of a TOML file")
    one.add_argument("--out", help="folder for the result (default: runs/pretrain/RECIPE)")
    one.add_argument("--steps", type=int, help="instead of the recipe's")
    one.add_argument("--seed", type=int, help="instead of the recipe's")
    one.add_argument("--device", help="auto, cpu, cuda or mps")

    one = add("finetune", _finetune, "Fit a backbone to labelled images.", FINETUNE_EXAMPLES)
    one.add_argument("backbone", help="a name from `zoo list`, a folder, or module/PACKAGE.MODULE:FUNCTION")
    one.add_argument("data", help="digits, or a folder with one sub-folder for each class")
    one.add_argument("--method", default="full", help="full (default), linear_probe, knn, lp_ft, lora or top_k")
    one.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of the method, such as rank=4; repeatable"
    )
    one.add_argument("--scratch", action="store_true", help="the same architecture without its weights")
    one.add_argument("--labels", type=int, help="use only so many labels of each class")
    one.add_argument("--steps", type=int, default=200)
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--lr", type=float, default=1e-3)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    one.add_argument("--out", help="folder to save the fitted model in")


def _pretrain(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.training.pretraining import pretrain

    out = options.out or f"runs/pretrain/{Path(options.recipe).stem}"
    backbone = pretrain(options.recipe, out, steps=options.steps, seed=options.seed, device=options.device)
    print(f"{backbone.spec.name}: {size(backbone.spec)} parameters, SHA-256 {backbone.spec.digest}")
    print(f'saved in {out}; load it with zoo.load("{out}")')
    return 0


def _finetune(options: argparse.Namespace) -> int:
    from zoo.adaptations import ADAPTATIONS
    from zoo.adaptations.options import own_options
    from zoo.data.images import load_images
    from zoo.providers.loading import load, spec_of
    from zoo.training.device import choose_device
    from zoo.training.finetuning import check_task, finetune

    device = choose_device(options.device)
    adaptation = ADAPTATIONS.get(options.method)
    given = _given(options.option)
    own_options(options.method, adaptation(), given)  # refused before anything is loaded
    check_task(spec_of(options.backbone))
    backbone = load(options.backbone, pretrained=not options.scratch, seed=options.seed)
    start = "from scratch" if options.scratch else "pre-trained"
    head = f"a new head on {backbone.pooled_dim} features"
    print(f"{backbone.spec.name}: {size(backbone.spec)} parameters, {start}; {head}; {device}")
    data = load_images(options.data)
    for note in (*backbone.notes, *data.notes):
        print(note)
    model = finetune(
        backbone,
        data,
        method=options.method,
        labels_per_class=options.labels,
        steps=options.steps,
        batch_size=options.batch_size,
        lr=options.lr,
        seed=options.seed,
        device=device,
        out=options.out,
        **given,
    )
    scores = model.spec.scores
    print(f"{options.method} on {scores['labels']} labels of {len(model.spec.classes)} classes:")
    print(f"  accuracy           {scores['accuracy']:5.1f} %   on {scores['test_items']} test images, read once")
    print(f"  balanced accuracy  {scores['balanced_accuracy']:5.1f} %")
    searched = getattr(adaptation, "searched", "")
    chose = searched and searched not in given
    use = f"it chose {searched} = {model.spec.options[searched]:g}" if chose else "it chose nothing"
    print(f"  validation         {scores['validation']:5.1f} %   on {scores['validation_items']} images; {use}")
    for note in model.spec.notes:
        print(f"note: {note}")
    if options.out:
        print(f'saved in {options.out}; use it with zoo.load_model("{options.out}").predict(images)')
    return 0


def _given(pairs: list[str]) -> dict[str, Any]:
    """`["rank=4"]` as `{"rank": "4"}`; the method reads the values."""
    from zoo.errors import UsageError

    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in given:
            what = "was given twice" if name in given else "is no NAME=VALUE"
            raise UsageError(f"--option {pair!r} {what}. Fix: write it once, such as --option rank=4.")
        given[name] = value
    return given
