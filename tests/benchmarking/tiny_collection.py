"""A collection of small copies of the digits suite, as TOML files: it runs in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite_files import DIGITS

if TYPE_CHECKING:
    from pathlib import Path

QUICK = """budgets = [1]
seeds = [0, 1]
tuning_seeds = [1000]
longer = []
steps = 2
grids = { lr = [1e-3, 1e-2], penalty = [0.1, 1.0] }
"""


def suite_text(name: str) -> str:
    """The digits suite under another name, with the arms S, P:glyphs and C, and a small quick level."""
    head, rest = DIGITS.split("[levels.quick]")
    arms = rest.split("[[arms]]")[1:]
    kept = [arm for arm in arms if any(f'id = "{name}"' in arm for name in ("S", "P:glyphs", "C"))]
    head = head.replace('name = "digits"', f'name = "{name}"', 1)
    head = head.replace("test = 797", "test = 40").replace("validation = 300", "validation = 30")
    return "[[arms]]".join([f"{head}[levels.quick]\n{QUICK}\n", *kept])


def text(*names: str, tail: str = "") -> str:
    """A collection of these suites."""
    members = "".join(f'\n[members.{name}]\nmodality = "vision"\ntask = "{name}"\n' for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        'schema = 1\nkind = "collection"\nname = "small"\nversion = "1"\ntitle = "Small"\nabout = "A trial."\n\n'
        f'[levels.quick]\nsuites = [{listed}]\n\n[rows]\nvision = ["glyphs"]\n{members}{tail}'
    )


def files(folder: Path, *names: str) -> Path:
    """The collection's file with the suites beside it; suites called `absent` have none."""
    for name in names:
        if name != "absent":
            (folder / f"{name}.toml").write_text(suite_text(name), encoding="utf-8")
    path = folder / "small.toml"
    path.write_text(text(*names), encoding="utf-8")
    return path
