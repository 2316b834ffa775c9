"""Model cards from records and stored rows: every figure in a card is computed from rows, none is typed. Torch-free."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Comparison, Summary
    from zoo.specs import BackboneSpec, Result

TEMPLATE = Path(__file__).with_name("card.md")
HEADER = ("labels a class", "arm", "accuracy", "scratch is", "difference", "interval", "verdict")


def render_card(spec: BackboneSpec, recipe: Mapping[str, Any], suite: Suite, rows: Sequence[Result]) -> str:
    """The card of one pocket checkpoint: what it is, how it was made, what it scores and where it does not help.

    Args:
        spec: its record in the catalog.
        recipe: the recipe that made it, as parsed from its TOML file.
        suite: the suite of a stored benchmark in which arms start from it.
        rows: the rows of that benchmark.

    Raises:
        KeyError: the template asks for something that is not known; a card leaves nothing open.
    """
    training = recipe["training"]
    shown = ("steps", "batch_size", "lr", "weight_decay", "label_smoothing", "clip_norm")
    arms = [arm.id for arm in suite.arms if arm.backbone == spec.name]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        {name: f"{training[name]:g}" for name in shown},
        name=spec.name,
        arch=spec.arch,
        modality=spec.modality,
        licence=spec.licence,
        objective=spec.objective,
        size=" x ".join(map(str, spec.input_size or ())),
        parameters=f"{(spec.parameters or 0) / 1e6:.2f}",
        width=spec.pooled_dim,
        digest=spec.digest[:12],
        recipe=spec.recipe,
        recipe_digest=spec.recipe_digest[:12],
        about=_flat(recipe["about"]),
        dtype=recipe["dtype"],
        warmup=f"{training['warmup']:.0%}",
        suite=suite.name,
        version=suite.version,
        level=suite.level,
        title=suite.title,
        budgets=" and ".join(map(str, suite.budgets)),
        seeds=len(suite.seeds),
        metric=suite.task.metric,
        confidence=f"{suite.confidence:.0%}",
        margin=f"{suite.margin:g} point{'' if suite.margin == 1 else 's'}",
        table=_table(summarise(suite, rows), arms),
        leakage=suite.leakage,
        rests_on=_flat(suite.rests_on),
        sources="; ".join(map(str, suite.sources.values())),
    )


def _table(summary: Summary, arms: Sequence[str]) -> str:
    means = {(score.arm, score.budget): score.mean for score in summary.arms if score.schedule == 1}
    lines = [_line(c, means.get((c.arm, c.budget))) for c in summary.comparisons if c.arm in arms]
    return "\n".join(["| " + " | ".join(HEADER) + " |", "|---:|---|---:|---|---:|---|---|", *lines])


def _line(comparison: Comparison, mean: float | None) -> str:
    """One row of the table; a number that is not known is left empty, never guessed."""
    effect = [("" if x is None else f"{x:+.1f}") for x in (comparison.difference, comparison.low, comparison.high)]
    cells = [
        str(comparison.budget),
        comparison.label,
        "" if mean is None else f"{mean:.1f}",
        comparison.against + (f" ({comparison.schedule}x)" if comparison.schedule > 1 else ""),
        effect[0],
        f"{effect[1]} to {effect[2]}" if effect[1] else "",
        comparison.verdict,
    ]
    return "| " + " | ".join(cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())
