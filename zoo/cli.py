"""The command line: a thin face on the public functions.

Results go to stdout, progress and errors to stderr. An error is one readable paragraph and exit code 2; `--debug` shows
the traceback. Nothing heavy is imported before the command that needs it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import TYPE_CHECKING

from zoo.errors import Interrupted, UsageError, ZooError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = {
    "list": (
        "zoo list 'resnet*' --license permissive --pretrained\n"
        "  zoo list --curated --max-params 30M --sort params    # canonical checkpoints, smallest first\n"
        "  zoo list --provider pocket --json"
    ),
    "show": "zoo show pocket/resnet10.glyphs",
    "pretrain": "zoo pretrain --recipe glyphs --out runs/glyphs\n  zoo pretrain --recipe mine.toml --out runs/mine",
    "finetune": (
        "zoo finetune pocket/resnet10.glyphs digits --method linear_probe --labels 5\n"
        "  zoo finetune timm/resnet18.a1_in1k photos/ --out runs/photos   # photos/CLASS/image.jpg\n"
        "  zoo finetune timm/resnet18 photos/ --scratch"
    ),
    "bench": (
        "zoo bench digits --out runs/digits\n"
        "  zoo bench digits --dry-run                          # cells, CPU-hours and memory\n"
        "  zoo bench digits --timeout 600 --memory 4000        # stop cells that hang or grow\n"
        "  zoo bench digits --only failed                      # run the failed cells again\n"
        "  zoo bench status runs/digits                        # what is finished, failed and missing"
    ),
    "report": "zoo report runs/digits\n  zoo report benchmarks/results/digits-quick.jsonl --out report/",
    "doctor": "zoo doctor",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 something is broken, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an ASCII terminal gets "?" and not a crash
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except ZooError as error:
        if options.debug:
            raise
        print(f"zoo {options.command}: {error}", file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 2
    except KeyboardInterrupt:
        print(f"zoo {options.command}: stopped. What is stored is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe (`| head`) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    from zoo.version import __version__

    parser = argparse.ArgumentParser(
        prog="zoo", description="Is pre-training worth it on your data, and which backbone?"
    )
    parser.add_argument("--version", action="version", version=f"zoo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"examples:\n  {EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=globals()[f"_{name}"])
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return made

    one = command("list", "List backbones, without loading any library.")
    one.add_argument("pattern", nargs="?", default="*", help="a glob over names, such as 'resnet*'")
    one.add_argument("--provider", help="timm, pocket, ...")
    one.add_argument("--modality", help="text, vision, speech or image-text")
    one.add_argument("--family", help="a model family, such as resnet, bert or wav2vec2")
    one.add_argument("--license", help="an identifier, or permissive, copyleft, noncommercial, other, unknown")
    one.add_argument("--max-params", help="at most so many parameters, such as 30M; unknown sizes are left out")
    one.add_argument("--min-params", help="at least so many parameters")
    one.add_argument("--can", action="append", default=[], help="a capability it must have: tokens, maps")
    one.add_argument("--curated", action="store_true", default=None, help="only the canonical checkpoints")
    one.add_argument("--sort", default="name", help="name (default), params or width; --sort=-params for largest first")
    one.add_argument("--limit", type=int, help="at most so many")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--pretrained", action="store_true", default=None, help="only with trained weights")
    which.add_argument("--scratch", action="store_false", dest="pretrained", default=None, help="only architectures")
    one.add_argument("--json", action="store_true", help="one JSON list; fields at their default are left out")

    one = command("show", "Show one backbone: facts, preprocessing, and how to load it.")
    one.add_argument("name")
    one.add_argument("--json", action="store_true", help="its record as JSON")

    one = command("pretrain", "Pre-train a backbone by a recipe.")
    one.add_argument("--recipe", required=True, help="glyphs, textures, or the path of a TOML file")
    one.add_argument("--out", help="folder for the result (default: runs/pretrain/RECIPE)")
    one.add_argument("--steps", type=int, help="instead of the recipe's")
    one.add_argument("--seed", type=int, help="instead of the recipe's")
    one.add_argument("--device", help="auto, cpu, cuda or mps")

    one = command("finetune", "Fit a backbone to labelled images.")
    one.add_argument("backbone", help="a name from `zoo list`, a folder, or module/PACKAGE.MODULE:FUNCTION")
    one.add_argument("data", help="digits, or a folder with one sub-folder for each class")
    one.add_argument("--method", default="full", help="full (default) or linear_probe")
    one.add_argument("--scratch", action="store_true", help="the same architecture without its weights")
    one.add_argument("--labels", type=int, help="use only so many labels of each class")
    one.add_argument("--steps", type=int, default=200)
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--lr", type=float, default=1e-3)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    one.add_argument("--out", help="folder to save the fitted model in")

    one = command("bench", "Compare pre-trained with from-scratch, as a suite says.")
    one.add_argument(
        "suite",
        nargs="?",
        default="digits",
        help="a suite that comes with zoo, or a TOML file; the word status runs nothing and counts the cells of STORE",
    )
    one.add_argument(
        "store", nargs="?", metavar="STORE", help="after status: the --out folder, or a packed .jsonl file"
    )
    one.add_argument("--out", help="folder of the rows and the report (default: runs/SUITE)")
    one.add_argument("--level", default="quick")
    one.add_argument("--workers", type=int, help="processes of one thread each (default: all usable cores)")
    one.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    one.add_argument("--dry-run", action="store_true", help="only say what it would cost")
    one.add_argument("--only", choices=["failed"], help="run the failed cells again, and what follows from them")
    one.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a cell after so long; it has failed")
    one.add_argument("--memory", type=int, metavar="MB", help="stop a cell that takes more memory; it has failed")
    one.add_argument("--json", action="store_true", help="with status: one JSON object")

    one = command("report", "Print a stored comparison and write its report again.")
    one.add_argument("store", help="the --out folder of `zoo bench`, or a packed .jsonl file")
    one.add_argument("--out", help="folder for report.html, report.md and the plots (default: the store)")
    one.add_argument("--json", action="store_true", help="print the summary as JSON and write nothing")

    one = command("doctor", "Say what is installed, what is missing and what is broken.")
    one.add_argument("--json", action="store_true", help="one JSON list")
    return parser


def _list(options: argparse.Namespace) -> int:
    from zoo.catalog.page import shape, size
    from zoo.catalog.query import find, near

    found = find(
        options.pattern,
        provider=options.provider,
        modality=options.modality,
        family=options.family,
        license=options.license,
        max_params=options.max_params,
        min_params=options.min_params,
        can=options.can,
        curated=options.curated,
        pretrained=options.pretrained,
        sort=options.sort,
        limit=options.limit,
    )
    if options.json:
        from zoo.specs import BackboneSpec

        schema = BackboneSpec.schema()  # a row of the catalog is brief already; to_json() would double the time
        print(json.dumps([{"schema": schema, **vars(spec)} for spec in found]))
        return 0
    width = max((len(spec.name) for spec in found), default=0)
    lines = [f"{s.name:<{width}}  {size(s):>10}  {shape(s):>11}  {s.licence}" for s in found]
    print("\n".join(lines) if lines else f"no backbone matches{near(options.pattern)}; `zoo list` shows all")
    return 0


def _show(options: argparse.Namespace) -> int:
    from zoo import adaptations, objectives, tasks
    from zoo.catalog.fit import fits
    from zoo.catalog.page import page
    from zoo.catalog.query import describe

    spec = describe(options.name)
    if options.json:
        print(json.dumps(spec.to_json()))
        return 0
    fitting = {
        "pre-train by": fits(spec, objectives.OBJECTIVES.names(), objectives.NEEDS),
        "fine-tune by": fits(spec, adaptations.ADAPTATIONS.names(), adaptations.NEEDS),
        "tasks": fits(spec, tasks.TASKS.names(), tasks.NEEDS),
    }
    print(page(spec, fitting))
    return 0


def _pretrain(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.catalog.page import size
    from zoo.training.pretraining import pretrain

    out = options.out or f"runs/pretrain/{Path(options.recipe).stem}"
    backbone = pretrain(options.recipe, out, steps=options.steps, seed=options.seed, device=options.device)
    print(f"{backbone.spec.name}: {size(backbone.spec)} parameters, SHA-256 {backbone.spec.digest}")
    print(f'saved in {out}; load it with zoo.load("{out}")')
    return 0


def _finetune(options: argparse.Namespace) -> int:
    from zoo.catalog.page import size
    from zoo.data.images import load_images
    from zoo.providers.loading import load
    from zoo.training.device import choose_device
    from zoo.training.finetuning import finetune

    device = choose_device(options.device)
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
    )
    scores = model.spec.scores
    print(f"{options.method} on {scores['labels']} labels of {len(model.spec.classes)} classes:")
    print(f"  accuracy           {scores['accuracy']:5.1f} %   on {scores['test_items']} test images, read once")
    print(f"  balanced accuracy  {scores['balanced_accuracy']:5.1f} %")
    use = "it chose the penalty" if options.method == "linear_probe" else "it chose nothing"
    print(f"  validation         {scores['validation']:5.1f} %   on {scores['validation_items']} images; {use}")
    if options.out:
        print(f'saved in {options.out}; use it with zoo.load_model("{options.out}").predict(images)')
    return 0


def _bench(options: argparse.Namespace) -> int:
    from pathlib import Path

    if options.suite == "status":
        return _bench_status(options)
    if options.store or options.json:
        extra = f"the argument {options.store!r}" if options.store else "--json"
        raise UsageError(f"{extra} goes with `zoo bench status` only. Fix: name the folder of a run by --out.")
    from zoo.benchmarking.runner import bench

    out = options.out or f"runs/{Path(options.suite).stem}"
    done = bench(
        options.suite,
        out,
        level=options.level,
        workers=options.workers,
        device=options.device,
        dry_run=options.dry_run,
        only=options.only,
        timeout=options.timeout,
        memory_mb=options.memory,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if options.dry_run:
        return 0
    _print_report(out)
    print("\n" + "\n".join(f"wrote {path}" for path in done.report))
    if done.failed:
        print(f"{done.failed} cells failed; the report shows them; --only failed runs them again", file=sys.stderr)
    return 1 if done.failed else 0


def _bench_status(options: argparse.Namespace) -> int:
    from zoo.benchmarking.status import status

    found = status(options.store or options.out or "runs/digits")
    print(json.dumps(found.to_json()) if options.json else found)
    return 0


def _report(options: argparse.Namespace) -> int:
    from pathlib import Path

    from zoo.benchmarking.report import write_report
    from zoo.benchmarking.store import read_rows, read_suite
    from zoo.benchmarking.summary import summarise

    suite, rows = read_suite(options.store), read_rows(options.store)
    if options.json:
        print(json.dumps(summarise(suite, rows).to_json()))
        return 0
    default = Path(options.store).parent if Path(options.store).is_file() else Path(options.store)
    paths = write_report(suite, rows, Path(options.out).expanduser() if options.out else default)
    _print_report(options.store)
    print("\n" + "\n".join(f"wrote {path}" for path in paths))
    return 0


def _print_report(store: str) -> None:
    from rich.console import Console

    from zoo.benchmarking.report import terminal_table
    from zoo.benchmarking.store import read_rows, read_suite
    from zoo.benchmarking.summary import summarise

    terminal_table(summarise(read_suite(store), read_rows(store)), Console())


def _doctor(options: argparse.Namespace) -> int:
    from zoo.upkeep.doctor import examine

    checks = examine()
    if options.json:
        print(json.dumps([check.to_json() for check in checks]))
    else:
        print("\n".join(f"{check.state:<7} {check.name:<28} {check.detail}" for check in checks))
    return 1 if any(check.state == "broken" for check in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
