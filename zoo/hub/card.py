"""Model cards from records and stored rows: every figure in a card is computed from rows, none is typed. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.benchmarking.summary import summarise

if TYPE_CHECKING:
    from zoo.benchmarking.suite import Suite
    from zoo.benchmarking.summary_records import Comparison, Summary
    from zoo.specs import BackboneSpec, Result


def render_card(spec: BackboneSpec, recipe: Mapping[str, Any], suite: Suite, rows: Sequence[Result]) -> str:
    """The card of one pocket checkpoint: what it is, how it was made, what it scores and where it does not help.

    Args:
        spec: its record in the catalog.
        recipe: the recipe that made it, as parsed from its TOML file.
        suite, rows: a stored benchmark in which arms start from it.
    """
    summary = summarise(suite, rows)
    arms = [arm.id for arm in suite.arms if arm.backbone == spec.name]
    return "\n".join(
        [
            _front_matter(spec),
            f"# {spec.name}",
            "",
            f"A {spec.arch} for images of {_size(spec)} pixels ({(spec.parameters or 0) / 1e6:.2f} M parameters, pooled "
            f"features of width {spec.pooled_dim}), pre-trained from scratch by zoo. It ships with zoo and loads without a network.",
            "",
            "```python",
            "import zoo",
            f'backbone = zoo.load("{spec.name}")',
            'features = backbone.encode(backbone.preprocess([image]))["vision"].pooled',
            "```",
            "",
            "## Training data",
            "",
            " ".join(str(recipe.get("about", "")).split()),
            "",
            "All of it is generated: no photograph, no scan and no personal data was used.",
            "",
            "## Training",
            "",
            *_training(recipe),
            "",
            f"Re-make it with `zoo pretrain --recipe {spec.recipe}` (recipe digest `{spec.recipe_digest[:12]}`, weights "
            f"SHA-256 `{spec.digest[:12]}`).",
            "",
            f"## Evaluation: {suite.title}",
            "",
            f"Suite `{suite.name}` version {suite.version}, level {suite.level}: {_labels(suite.budgets)}, "
            f"{len(suite.seeds)} seeds. Differences are from the same network trained from scratch, in points of "
            f"accuracy, with {suite.confidence:.0%} intervals over seeds and test images; the margin of a verdict is "
            f"{suite.margin:g} point{'' if suite.margin == 1 else 's'}.",
            "",
            *_table(summary, arms),
            "",
            f"Leakage: {suite.leakage}.",
            "",
            "## Limits",
            "",
            " ".join(suite.rests_on.split()),
            "",
            f"It takes grey images of {_size(spec)} pixels and has seen nothing but the data above: use it to study transfer "
            "and to try zoo, not as a general vision backbone.",
            "",
            "## Licence",
            "",
            f"Weights: {spec.licence}. The fonts behind the glyphs are under the Bitstream Vera and STIX licences and are not part of "
            "the weights."
            if spec.tag == "glyphs"
            else f"Weights: {spec.licence}.",
            "",
        ]
    )


def _front_matter(spec: BackboneSpec) -> str:
    fields: dict[str, str | list[str]] = {
        "license": spec.licence,
        "library_name": "transfer-zoo",
        "pipeline_tag": "image-feature-extraction",
        "tags": ["zoo", spec.arch, spec.objective],
    }
    lines = [
        f"{k}: {v}" if isinstance(v, str) else f"{k}:\n" + "\n".join(f"- {i}" for i in v) for k, v in fields.items()
    ]
    return "---\n" + "\n".join(lines) + "\n---\n"


def _training(recipe: Mapping[str, Any]) -> list[str]:
    training = recipe["training"]
    return [
        f"Objective: {recipe['objective']}. {training['steps']} steps of {training['batch_size']} images, AdamW at "
        f"{training['lr']:g} (weight decay {training['weight_decay']:g}, none on norms and biases), {training['warmup']:.0%} warm-up "
        f"then cosine, label smoothing {training['label_smoothing']:g}, gradients clipped at {training['clip_norm']:g}. "
        f"Stored as {recipe['dtype']}.",
    ]


def _table(summary: Summary, arms: Sequence[str]) -> list[str]:
    means = {(score.arm, score.budget): score.mean for score in summary.arms if score.schedule == 1}
    lines = [
        "| labels a class | arm | accuracy | scratch is | difference | interval | verdict |",
        "|---:|---|---:|---|---:|---|---|",
    ]
    lines += [_line(c, means.get((c.arm, c.budget))) for c in summary.comparisons if c.arm in arms]
    return lines


def _line(comparison: Comparison, mean: float | None) -> str:
    shown = [
        "" if value is None else f"{value:{form}}"
        for value, form in (
            (mean, ".1f"),
            (comparison.difference, "+.1f"),
            (comparison.low, "+.1f"),
            (comparison.high, "+.1f"),
        )
    ]
    against = comparison.against + (f" ({comparison.schedule}x)" if comparison.schedule > 1 else "")
    cells = [
        str(comparison.budget),
        comparison.label,
        shown[0],
        against,
        shown[1],
        f"{shown[2]} to {shown[3]}",
        comparison.verdict,
    ]
    return "| " + " | ".join(cells) + " |"


def _labels(budgets: Sequence[int]) -> str:
    return " and ".join(str(b) for b in budgets) + " labels a class"


def _size(spec: BackboneSpec) -> str:
    return " x ".join(map(str, spec.input_size or ()))
