"""The table of conformance: a rate for each family of each provider, and why the others do not conform."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from zoo.conformance.rows import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.conformance.rows import Conformance


def render(rows: Sequence[Conformance]) -> str:
    """The table as Markdown.

    Example:
        >>> from zoo.conformance.rows import Conformance
        >>> print(render([Conformance("timm/a", "timm", "a", "vision", "conforms")]).splitlines()[0])
        # Conformance
    """
    parts = [
        "# Conformance",
        "What the contract promises, checked on slightly perturbed from-scratch weights by `zoo conform`: declared "
        "against real shapes and widths, finite features, different features for different inputs, the same features "
        "alone and in any batch (relative error at most 1e-4), the same features twice, gradient that reaches the "
        "weights, the same graph again from another seed, and weights that load back bit for bit.",
        _counts(rows),
        "## By family",
        _families(rows),
    ]
    others = [row for row in rows if row.state != "conforms"]
    parts += ["## What does not conform, and why", _others(others) if others else "Nothing."]
    return "\n\n".join(parts) + "\n"


def _counts(rows: Sequence[Conformance]) -> str:
    lines = [
        f"- **{state}** ({meaning}): {sum(row.state == state for row in rows)}" for state, meaning in STATES.items()
    ]
    return "\n".join([f"{len(rows)} backbones.", "", *lines])


def _families(rows: Sequence[Conformance]) -> str:
    groups: dict[tuple[str, str, str], list[Conformance]] = defaultdict(list)
    for row in rows:
        groups[row.modality, row.provider, row.family].append(row)
    lines = [
        "| modality | provider | family | conform | of those checked | padding | checked through something smaller |",
        "|---|---|---|---:|---:|---|---:|",
    ]
    for (modality, provider, family), own in sorted(groups.items()):
        checked = [row for row in own if row.state in ("conforms", "fails", "declared")]
        good = sum(row.state == "conforms" for row in own)
        rate = f"{100 * good / len(checked):.0f} % of {len(checked)}" if checked else "-"
        padding = ", ".join(sorted({row.padding for row in checked if row.padding}))
        smaller = sum(bool(row.through) for row in checked)
        lines.append(f"| {modality} | {provider} | {family} | {good} | {rate} | {padding} | {smaller} |")
    return "\n".join(lines)


def _others(rows: Sequence[Conformance]) -> str:
    lines = ["| backbone | state | why |", "|---|---|---|"]
    for row in rows:
        said = row.reason or "; ".join(f"{name}: {row.checks[name]['detail']}" for name in row.failing)
        through = f" Checked through {row.through}." if row.through else ""
        lines.append(f"| {row.name} | {row.state} | {_cell(said)}{through} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:400]
