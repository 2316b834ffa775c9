"""Model cards from records and stored rows: every figure in a card is computed from rows, none is typed. Torch-free."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.summary import summarise
from zoo.hub.cards.evidence import longest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Comparison, Summary
    from zoo.specs import BackboneSpec, Result

TEMPLATE = Path(__file__).with_name("card.md")
PIPELINES = {"vision": "image-feature-extraction"}
SAMPLES = {"vision": "image", "text": '"a sentence"', "speech": "waveform"}
GENERATED = "All of it is generated: no photograph, no scan and no personal data was used.\n\n"
HEADER = ("labels a class", "arm", "accuracy", "scratch is", "difference", "interval", "verdict")


def render_card(
    spec: BackboneSpec, recipe: Mapping[str, Any], evidence: Sequence[tuple[Suite, Sequence[Result]]]
) -> str:
    """The card of one pocket checkpoint: what it is, how it was made, what it scores and where it does not help.

    Args:
        spec: its record in the catalog.
        recipe: the recipe that made it, as parsed from its TOML file.
        evidence: suites in which arms start from it, each with the rows of a stored benchmark.

    Raises:
        KeyError: the template asks for something that is not known; a card leaves nothing open.
    """
    sources = dict.fromkeys(str(source) for suite, _ in evidence for source in suite.sources.values())
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=spec.name,
        arch=spec.arch,
        modality=spec.modality,
        pipeline=PIPELINES.get(spec.modality, "feature-extraction"),
        licence=spec.licence,
        objective=spec.objective,
        inputs=_inputs(spec),
        sample=SAMPLES.get(spec.modality, "sample"),
        parameters=f"{(spec.parameters or 0) / 1e6:.2f}",
        width=spec.pooled_dim,
        digest=spec.digest[:12],
        recipe=spec.recipe,
        recipe_digest=spec.recipe_digest[:12],
        about=_flat(recipe["about"]),
        generated=GENERATED if spec.modality == "vision" else "",
        training=_training(spec, recipe["training"]),
        dtype=recipe["dtype"],
        evaluations="\n\n".join(_evaluation(spec, suite, rows) for suite, rows in evidence)
        or "## Evaluation\n\nNone is stored.",
        limits="\n\n".join(dict.fromkeys(_flat(suite.rests_on) for suite, _ in evidence)),
        sources="; ".join(sources),
    )


def _inputs(spec: BackboneSpec) -> str:
    """What it takes, in words.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> _inputs(BackboneSpec("p/a", "p", "a", modality="speech", sample_rate=8000))
        'sound at 8 kHz'
    """
    if spec.input_size:
        return f"images of {' x '.join(map(str, spec.input_size))} pixels"
    if spec.sample_rate:
        return f"sound at {spec.sample_rate / 1000:g} kHz"
    return f"text of up to {spec.context} tokens" if spec.context else spec.modality


def _training(spec: BackboneSpec, training: Mapping[str, Any]) -> str:
    """The settings of a recipe in words; those that it does not have are left out."""
    samples = {"vision": "images", "text": "texts", "speech": "clips"}.get(spec.modality, "samples")
    parts = [
        f"{training['steps']:g} steps of {training['batch_size']:g} {samples}, AdamW at {training['lr']:g} "
        f"(weight decay {training['weight_decay']:g}, none on norms and biases)"
    ]
    if "warmup" in training:
        parts.append(f"warm-up over\n{training['warmup']:.0%} of the steps, then cosine")
    if "label_smoothing" in training:
        parts.append(f"label smoothing {training['label_smoothing']:g}")
    if "clip_norm" in training:
        parts.append(f"gradients clipped at {training['clip_norm']:g}")
    return ", ".join(parts)


def _evaluation(spec: BackboneSpec, suite: Suite, rows: Sequence[Result]) -> str:
    """What one suite found of the arms that start from this checkpoint."""
    arms = [arm.id for arm in suite.arms if arm.backbone == spec.name]
    margin = f"{suite.margin:g} point{'' if suite.margin == 1 else 's'}"
    summary = summarise(suite, rows)
    closing = [*longest(suite, summary), f"Leakage: {suite.leakage}."]
    return (
        f"## Evaluation: {suite.title}\n\n"
        f"Suite `{suite.name}` version {suite.version}, level {suite.level}: "
        f"{' and '.join(map(str, suite.budgets))} labels a class, {len(suite.seeds)} seeds. "
        "Differences are from the same network trained from\n"
        f"scratch, in points of {suite.task.metric}, with {suite.confidence:.0%} intervals over seeds and test items; "
        f"the margin of a verdict is {margin}.\n\n" + "\n\n".join([_table(summary, arms), *closing])
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
