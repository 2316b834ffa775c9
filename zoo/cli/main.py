"""The command line: a thin face on the public functions.

Results go to stdout, progress and errors to stderr. An error is one readable paragraph and exit code 2; `--debug` shows
the traceback. Nothing heavy is imported before the command that needs it.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING

from zoo.errors import Interrupted, ZooError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Run = Callable[[argparse.Namespace], int]
    Add = Callable[[str, Run, str, str], argparse.ArgumentParser]
    """Makes a command: its name, what runs it, one sentence on it, and examples."""

ROOMS = {
    "backbones": ("list", "show"),
    "embedding": ("embed",),
    "training": ("pretrain",),
    "finetuning": ("finetune", "predict"),
    "bench": ("bench", "report"),
    "hub": ("export", "publish"),
    "files": ("fetch", "cache", "audit"),
    "conform": ("conform",),
    "upkeep": ("doctor",),
}
"""The modules beside this one, and the commands of each, in the order of `zoo --help`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 something is broken, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an ASCII terminal gets "?" and not a crash
            stream.reconfigure(errors="replace")
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments[0] if arguments else "").parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except ZooError as error:
        if options.debug:
            raise
        stopped = isinstance(error, Interrupted)
        if not stopped or os.environ.get("RANK", "0") == "0":  # of several processes that stop together one tells it
            print(f"zoo {options.command}: {error}", file=sys.stderr)
        return 130 if stopped else 2
    except KeyboardInterrupt:
        print(f"zoo {options.command}: stopped. What is stored is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe (`| head`) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(asked: str = "") -> argparse.ArgumentParser:
    """The parser of all commands; of those in one room, which is quicker, where `asked` is one of them."""
    from importlib import import_module

    from zoo.version import __version__

    parser = argparse.ArgumentParser(
        prog="zoo", description="Is pre-training worth it on your data, and which backbone?"
    )
    parser.add_argument("--version", action="version", version=f"zoo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Run, summary: str, examples: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return made

    own = [room for room, names in ROOMS.items() if asked in names]
    for room in own or ROOMS:
        import_module(f"zoo.cli.{room}").commands(add)
    return parser
