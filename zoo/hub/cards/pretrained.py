"""The card of a backbone that `zoo pretrain` made, from what its folder holds: record, recipe and history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zoo.errors import WeightsError
from zoo.hub.cards.metadata import front, metadata_of
from zoo.hub.cards.parts import licence_text, origin, plain, size_of, table, use
from zoo.hub.privacy import without_paths
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.hub.cards.base import Base
    from zoo.hub.licences import Licence
    from zoo.providers.exported import Exported

RECIPE, HISTORY = "recipe.json", "history.json"
_COST = {
    "flops": "FLOPs",
    "seconds": "seconds of the timed steps",
    "cpu_seconds": "CPU seconds of the timed steps",
    "timed_steps": "timed steps",
    "samples_per_second": "samples a second",
}


def read_run(folder: Path) -> dict[str, Any]:
    """The recipe, the digests and the history of a pre-training run, without paths of this machine.

    Raises:
        WeightsError: the folder does not tell how its weights were made.
    """
    try:
        run = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
        history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
        found: dict[str, Any] = without_paths({**run, "history": history})
        found["recipe"]["training"]["steps"], found["recipe_digest"], found["data_digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{folder} does not tell how its weights were made: {RECIPE} or {HISTORY} cannot be read ({error}). "
            "Fix: give the --out folder of `zoo pretrain`."
        ) from error
    return found


def pretrained_card(
    exported: Exported, run: Mapping[str, Any], base: Base, licence: Licence, repository: str, evidence: str = ""
) -> str:
    """The whole card.

    Args:
        exported: the record of the export, whose snippet was run.
        run: what `read_run` gives.
        base: what the weights began as.
        licence: what they are published under.
        repository: where it will be.
        evidence: a section on a benchmark.

    Raises:
        UnknownName, PublishError: metadata that the hub does not know, or code that was not run.
    """
    spec, recipe = exported.backbone, run["recipe"]
    name = repository.partition("/")[2]
    start = f"on from {base.repository or base.name}" if base.name else "from scratch"
    first = (
        f"A backbone of {size_of(spec)} for {spec.modality}, pre-trained {start} by `{recipe['objective']}` on "
        f"{plain(recipe['data'])}. Written by zoo {__version__} from stored records."
    )
    notes = [plain(note) for note in (*run["history"].get("notes", ()), *exported.notes)]
    sections = {
        "Use": use(exported, repository, f'backbone = zoo.load("hf-hub:{repository}")'),
        "How it was pre-trained": _training(run),
        "Data": _data(run),
        "Cost": _cost(run["history"].get("cost") or {}),
        "What came of it": _course(run["history"]),
        "Evidence: pre-trained against from scratch": evidence,
        "What it began as": origin(spec, base),
        "Limits": _limits(notes, has_evidence=bool(evidence)),
        "Licence": licence_text(licence),
    }
    title = f"{front(metadata_of(exported, base, licence, name))}\n# {name}\n\n{first}\n"
    return title + "".join(f"\n## {head}\n\n{text}\n" for head, text in sections.items() if text)


def _training(run: Mapping[str, Any]) -> str:
    recipe = run["recipe"]
    left_out = {"schema", "device", "checkpoint_every"}
    rows = [
        ["recipe", recipe["name"]],
        ["digest of the recipe", run["recipe_digest"]],
        ["objective", recipe["objective"]],
        ["init", recipe.get("init", "scratch")],
    ]
    rows += [[f"{name} (of the objective)", value] for name, value in sorted(recipe.get("options", {}).items())]
    told = {name: value for name, value in recipe["training"].items() if name not in left_out}
    rows += [
        [name.replace("_", " "), f"{value:g}" if isinstance(value, float) else value]
        for name, value in told.items()
        if value not in ("", None)
    ]
    return table(["", ""], [*rows, ["stored as", recipe["dtype"]]])


def _data(run: Mapping[str, Any]) -> str:
    recipe = run["recipe"]
    about = f"\n\n{' '.join(recipe['about'].split())}" if recipe.get("about") else ""
    bad = run["history"].get("bad_samples") or 0
    left = (
        f"\n\n{bad} samples could not be read and were left out, as `{recipe.get('bad_samples')}` allows."
        if bad
        else ""
    )
    text = table(["", ""], [["data", recipe["data"]], ["digest of the data", run["data_digest"]]])
    return f"{text}{about}{left}\n\nThe data are not part of this repository, and zoo was told no licence of theirs."


def _cost(cost: Mapping[str, Any]) -> str:
    rows = [[told, f"{cost[name]:.4g}"] for name, told in _COST.items() if isinstance(cost.get(name), int | float)]
    return table(["", ""], rows) if rows else "Nothing of its cost was recorded."


def _course(history: Mapping[str, Any]) -> str:
    """Losses at the beginning and the end, and what the probe saw."""
    losses = [value for value in history.get("losses") or () if isinstance(value, int | float)]
    lines = []
    if losses:
        few = max(1, len(losses) // 20)
        begin, end = sum(losses[:few]) / few, sum(losses[-few:]) / few
        lines.append(f"Loss: {begin:.4g} in the first {few} of {len(losses)} steps, {end:.4g} in the last {few}.")
    scores = history.get("probe") or []
    shown = [pair for pair in scores if isinstance(pair, list | tuple) and len(pair) == 2]
    if shown:
        lines.append(
            "kNN probe of the features: " + ", ".join(f"{pair[1]:.1f} at step {pair[0]}" for pair in shown) + "."
        )
    return "\n\n".join(lines)


def _limits(notes: list[str], *, has_evidence: bool) -> str:
    lines = [
        "- One run with one seed.",
        "" if has_evidence else "- Whether it helps on other data was not compared: no benchmark was given.",
        *(f"- {note}" for note in notes),
    ]
    return "\n".join(filter(None, lines))
