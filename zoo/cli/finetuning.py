"""`zoo finetune` and `zoo predict`: a fitted model from labelled data, and its answers for files."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from zoo.cli.shown import named_values

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

    from zoo.cli.main import Add
    from zoo.training.fitted import FittedModel

FINETUNE_EXAMPLES = """\
  zoo finetune pocket/resnet10.glyphs digits --method linear_probe --labels 5
  zoo finetune timm/resnet18.a1_in1k photos/ --out runs/photos   # photos/CLASS/image.jpg
  zoo finetune transformers/microsoft/deberta-v3-base reviews.csv --role text=review --role label=stars --method lora
  zoo finetune timm/resnet18.a1_in1k photos/ --search 20 --early-stopping 3 --class-weights balanced
  zoo finetune timm/resnet18 photos/ --scratch"""

PREDICT_EXAMPLES = """\
  zoo predict runs/photos new/ --out answers.csv
  zoo predict runs/reviews more.csv --column review --out answers.jsonl"""

_UNITS = {"rmse": "", "mae": "", "log_loss": " nats"}


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("finetune", _finetune, "Fit a backbone to labelled images, texts or sounds.", FINETUNE_EXAMPLES)
    one.add_argument("backbone", help="a name from `zoo list`, a folder, or module/PACKAGE.MODULE:FUNCTION")
    one.add_argument(
        "data", help="digits, a folder with one sub-folder for each class, a .csv, .jsonl or .parquet file"
    )
    one.add_argument(
        "--method",
        default="full",
        help="full (default), linear_probe, knn, lp_ft, lora, top_k, layer_mix or zero_shot",
    )
    one.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of the method, such as rank=4; repeatable"
    )
    one.add_argument(
        "--role", action="append", default=[], metavar="ROLE=COLUMN", help="which column is what, such as label=stars"
    )
    one.add_argument("--inputs", default="", help="image, text, text_pair or audio, where the data leaves it open")
    one.add_argument("--answer", default="", help="classification, multi_label or regression, where it is open")
    one.add_argument("--bad-samples", default="error", metavar="POLICY", help="error (default), skip, or 'cap 5%%'")
    one.add_argument("--scratch", action="store_true", help="the same architecture without its weights")
    one.add_argument("--labels", type=int, help="use only so many labels of each class")
    one.add_argument("--steps", type=int, default=200)
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--lr", type=float, default=1e-3)
    one.add_argument("--weight-decay", type=float, default=0.02)
    one.add_argument("--class-weights", default="none", help="none (default) or balanced")
    one.add_argument("--augmentation", help="by name; the usual one of images unless told")
    one.add_argument(
        "--early-stopping",
        type=int,
        metavar="N",
        help="keep the weights that validation likes best; stop after N worse",
    )
    one.add_argument("--search", type=int, default=0, metavar="N", help="try N settings on validation first")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    one.add_argument("--out", help="folder to save the fitted model in")

    one = add("predict", _predict, "Write the answers of a fitted model for files.", PREDICT_EXAMPLES)
    one.add_argument("model", help="the --out folder of `zoo finetune`")
    one.add_argument("paths", nargs="+", metavar="path", help="files, folders, .txt (a text each line), tables")
    one.add_argument("--out", help="a .csv or .jsonl file; the terminal unless told")
    one.add_argument(
        "--column", action="append", default=[], help="of a table, the one that holds texts or paths; twice for pairs"
    )
    one.add_argument("--batch-size", type=int, default=64)


def _finetune(options: argparse.Namespace) -> int:
    from zoo.adaptations import ADAPTATIONS
    from zoo.adaptations.options import own_options
    from zoo.training.finetuning import finetune

    told: set[str] = set()

    def tell(line: str) -> None:
        told.add(line)
        print(line, flush=True)

    given, roles = _given("option", options.option), _given("role", options.role)
    own_options(options.method, ADAPTATIONS.get(options.method)(), given)  # an option `lr` is none of a method's
    model = finetune(
        options.backbone,
        options.data,
        method=options.method,
        pretrained=not options.scratch,
        labels_per_class=options.labels,
        steps=options.steps,
        batch_size=options.batch_size,
        lr=options.lr,
        weight_decay=options.weight_decay,
        class_weights=options.class_weights,
        augmentation=options.augmentation,
        early_stopping=options.early_stopping,
        search=options.search,
        roles=roles,
        inputs=options.inputs,
        answer=options.answer,
        bad_samples=options.bad_samples,
        seed=options.seed,
        device=options.device,
        out=options.out,
        tell=tell,
        **given,
    )
    for line in report(model, _chosen(options, given, model), told):
        print(line)
    if options.out:
        place = shlex.quote(options.out)
        print(f"saved in {options.out}; use it with `zoo predict {place} FILES` or zoo.load_model({options.out!r})")
    return 0


def _chosen(options: argparse.Namespace, given: Mapping[str, Any], model: FittedModel) -> str:
    """What validation was used for, in words."""
    from zoo.adaptations import ADAPTATIONS

    name = getattr(ADAPTATIONS.get(options.method), "searched", "")
    used = [f"{name} = {model.spec.options[name]:g}"] if name and name not in given else []
    used += ["the settings"] if options.search else []
    used += ["the step whose weights are kept"] if options.early_stopping else []
    return f"it chose {' and '.join(used) or 'nothing'}"


def report(model: FittedModel, use: str = "", told: Collection[str] = ()) -> list[str]:
    """The scores of a fitted model in words; `use` says what validation was used for, `told` are notes told already."""
    spec, scores = model.spec, model.spec.scores
    classes = f" of {len(spec.classes)} classes" if spec.classes else ""
    lines = [f"{spec.method} on {scores['labels']} labels{classes}:"]
    primary = scores["metric"]
    about = {"metric", "low", "high", "interval", "validation", "labels", "test_items", "validation_items"}
    if primary in scores:
        lines.append(
            _line(primary, scores) + f"   {scores['low']:.1f} to {scores['high']:.1f} (95 %), "
            f"on {scores['test_items']} test samples, read once"
        )
    lines += [_line(name, scores) for name in scores if name not in about and name != primary]
    if "validation" in scores:
        lines.append(_line("validation", scores, primary) + f"   on {scores['validation_items']} samples; {use}")
    return lines + [f"note: {note}" for note in spec.notes if note not in told]


def _line(name: str, scores: Mapping[str, Any], unit_of: str = "") -> str:
    unit = _UNITS.get(unit_of or name, " %")
    digits = 1 if unit == " %" else 3
    return f"  {name.replace('_', ' '):24} {scores[name]:8.{digits}f}{unit}"


def _predict(options: argparse.Namespace) -> int:
    from zoo.predicting import predict_files

    found = predict_files(
        options.model, options.paths, options.out, columns=tuple(options.column), batch_size=options.batch_size
    )
    if options.out:
        print(f"{found.rows} rows in {options.out}")
    for where, reason in found.unreadable[:10]:
        print(f"not read: {where}: {reason}", file=sys.stderr)
    if found.unreadable:
        print(
            f"{len(found.unreadable)} of {found.rows} inputs are without an answer; their rows say why", file=sys.stderr
        )
    return 1 if found.unreadable else 0


def _given(what: str, pairs: list[str]) -> dict[str, Any]:
    """`["rank=4"]` as `{"rank": "4"}`; the method reads the values."""
    return named_values(what, pairs, {"option": "rank=4", "role": "label=stars"}[what])
