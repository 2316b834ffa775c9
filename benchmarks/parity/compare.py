"""What the parity scripts share that needs no network: paired differences, their verdict, and the page of results.

Two sides are paired by seed: a seed fixes the split and the starting weights of the backbone, on both sides alike. The
interval is that of Student's t over the differences of the seeds, so it speaks of this data and this recipe.

.venv/bin/python benchmarks/parity/compare.py      (writes benchmarks/parity/README.md from results/)
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MARGIN = 2.0  # points of accuracy; fixed before any run
ORDER = ("vision", "text", "sound")
TRIALS = (  # what was tried before the stored runs: a reader should know
    "The margin never moved, but recipes were settled in trial runs, with some of the same seeds. Two changes followed",
    "differences in zoo's favour, and made the budgets equal: full batches for the peers (the last batch of an epoch",
    "had been smaller), and on digits a learning rate at which the head of zoo has no other (1e-3 before: +0.93 points",
    "over 3 seeds). On text 2e-3 was given up because the Trainer's own head then failed on some seeds, and 5e-4 was",
    "tried on 3. On sound a small wav2vec 2.0 was tried first; it learnt nothing in 300 steps on either side.",
)


def paired(ours: list[float], theirs: list[float], margin: float = MARGIN) -> dict[str, Any]:
    """The mean difference in points, ours minus theirs, its 95 % interval over seeds, and what follows from it."""
    from scipy import stats

    if len(ours) != len(theirs) or len(ours) < 2:
        raise ValueError(f"two runs or more of each side, as many of one as of the other: {len(ours)}, {len(theirs)}")
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean, spread = statistics.fmean(differences), statistics.stdev(differences)
    half = float(stats.t.ppf(0.975, len(differences) - 1)) * spread / len(differences) ** 0.5
    low, high = mean - half, mean + half
    return {
        "seeds": len(differences),
        "ours": round(statistics.fmean(ours), 2),
        "theirs": round(statistics.fmean(theirs), 2),
        "difference": round(mean, 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "spread": round(spread, 2),
        "zero_within": low <= 0 <= high,
        "within_margin": -margin <= low and high <= margin,
    }


def verdict(found: dict[str, Any]) -> str:
    """The comparison in words."""
    if found["within_margin"]:
        return "the same within the margin" if found["zero_within"] else "the same within the margin, yet not zero"
    if found["zero_within"]:
        return "no difference seen, interval wider than the margin"
    return "zoo is better" if found["low"] > 0 else "zoo is worse"


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(1.234), signed(-0.5), signed(0.0)
    ('+1.23', '−0.50', '0.00')
    """
    return f"{value:+.2f}".replace("-", "−") if value else "0.00"


def page(results: list[dict[str, Any]]) -> str:
    """The README, from what the scripts have stored."""
    lines = [
        "# Parity: `zoo.finetune` beside what people use",
        "",
        "Made by `python benchmarks/parity/compare.py` from `results/`; the scripts beside this page make those.",
        "",
        "Both sides start from copies of the same backbone and see the same split, steps, batch size, learning rate,",
        "weight decay and schedule (linear warm-up, then cosine), without label smoothing and augmentation; every",
        "batch is full. A seed fixes the split and the starting weights. The margin was chosen before any run:",
        f"{MARGIN:g} points of accuracy.",
        "",
        "All else is each side's own: order of the samples, start of the head, dropout; clipping of gradients (zoo at",
        "3.0, the Trainer at 1.0, the plain loop not at all); which weights decay (in the plain loop all, in zoo and",
        "the Trainer all but biases and norms); and the rate of the head, in zoo never below 2e-3.",
        "",
        *TRIALS,
        "",
        "| data | peer | seeds | zoo | peer | zoo − peer | 95 % interval | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for one in results:
        for peer, found in one["comparisons"].items():
            lines.append(
                f"| {one['modality']}: {one['short']} | {peer} | {found['seeds']} | {found['ours']:.2f} | "
                f"{found['theirs']:.2f} | {signed(found['difference'])} | {signed(found['low'])} to "
                f"{signed(found['high'])} | {verdict(found)} |"
            )
    lines += ["", "Accuracy on the test part in percent, and differences in points, paired by seed."]
    for one in results:
        recipe = one["recipe"]
        lines += [
            "",
            f"## {one['modality'].capitalize()}",
            "",
            one["about"],
            "",
            f"- recipe: {recipe['steps']} steps of {recipe['batch_size']}, learning rate {recipe['lr']:g}, "
            f"weight decay {recipe['weight_decay']:g}, warm-up {recipe['warmup']:.0%} of the steps",
            f"- samples: {one['samples']['train']} train, {one['samples']['validation']} validation, "
            f"{one['samples']['test']} test; {one['classes']} classes",
            f"- made with: {', '.join(f'{name} {version}' for name, version in one['versions'].items())}; "
            f"{one['threads']} thread; run again with `{one['command']}`",
        ]
        lines += between_peers(one)
    return "\n".join(lines) + "\n"


def between_peers(one: dict[str, Any]) -> list[str]:
    """What the peers' own choices are worth, where there are several: each against the first, without zoo."""
    first, *others = one["comparisons"]
    lines = []
    for other in others:
        found = paired(one["accuracy"][first], one["accuracy"][other], one["margin"])
        lines.append(
            f"- without zoo, {first} minus {other}: {signed(found['difference'])} points ({signed(found['low'])} to "
            f"{signed(found['high'])}), so that much is the head's and not the engine's"
        )
    return lines


def stored() -> list[dict[str, Any]]:
    """All results, in the order of the page."""
    return [json.loads((FOLDER / "results" / f"{name}.json").read_text(encoding="utf-8")) for name in ORDER]


def main() -> None:
    (FOLDER / "README.md").write_text(page(stored()), encoding="utf-8")


if __name__ == "__main__":
    main()
