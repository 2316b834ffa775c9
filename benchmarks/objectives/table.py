"""The page of results: what each objective was worth, against before and against its control, paired by seed.

.venv/bin/python benchmarks/objectives/table.py      (writes benchmarks/objectives/README.md from results/)
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ORDER = (
    *("supervised", "simclr", "dino", "mae", "simmim", "distillation"),
    *("mlm", "causal", "sentence_pairs", "masked_prediction", "wav2vec2", "clip", "siglip"),
)
WRONG = {  # what a sample's target is replaced by in the control
    "supervised": "the label of another sample",
    "simclr": "the second view of another image",
    "dino": "crops of other images",
    "mae": "patches of another image",
    "simmim": "squares of another image",
    "distillation": "the teacher's features of another image",
    "mlm": "hidden words permuted over the batch",
    "causal": "next words permuted over the batch",
    "sentence_pairs": "the second half of another text",
    "masked_prediction": "clusters of another clip",
    "wav2vec2": "codes of other clips",
    "clip": "the caption of another image",
    "siglip": "the caption of another image",
}
DATA = {
    "vision": "scikit-learn's handwritten digits",
    "text": "docstrings of numpy, scipy, scikit-learn and torch; which library",
    "speech": "generated clips of five kinds, not recorded",
    "image-text": 'the same digits, each with a caption such as "the digit seven"',
}
ABOUT = """# Does an objective help?

Made by `python benchmarks/objectives/table.py` from `results/`, which `measure.py` makes.

A tiny network with random weights is pre-trained by `zoo.pretrain` for 100 to 300 steps on carried or generated data.
A linear probe (`zoo.finetune(method="linear_probe")`, a few labels of each class) scores it **before**, **after**, and
after a **control**: the same run with deliberately wrong targets, each sample's being those of another sample of the
batch. A seed fixes the split, the starting weights and the order of the samples, for all three alike. Nothing of the
validation and test part is pre-trained on.

The verdict was fixed before the stored runs. An objective **helps** when the 95 % intervals of both differences, after
minus before and after minus control, are above zero (Student's t over the seeds, not corrected for the number of
objectives). When only the first is, its control did as much, and the gain is not shown to be the objective's own. In
all other cases it does not help at this size, which says nothing of larger ones.
"""
LIMITS = """## How to read this

- `supervised` has the labels of the whole train part, and captions of `clip` and `siglip` name the label too; the probe
  has only a few. They show that labels get through, and are not to be compared with objectives without labels.
- `distillation` learns from `pocket/resnet10.glyphs`, which was trained on labelled glyphs.
- Networks, steps and rates are small, and hardly tuned: another choice may give another order of the objectives.
  {trials}
- A control may differ from "before" as well: scales, and statistics of BatchNorm, settle in any training.
- The loss tells whether anything was learnt: where it falls no further than the control's, nothing is shown.

## Not tried

{missing}
- Any second network or modality of an objective: `supervised` and `distillation` on text and speech, `dino` on a
  ResNet; ConvNeXt, Inception, RoBERTa, HuBERT and torchaudio's wav2vec 2.0 at all.
- Continued pre-training from a trained checkpoint, and larger sizes: more steps, larger batches, real recordings.
- `sentence_pairs` on single texts (dropout as the only difference); the augmentations of the papers
  (`augmentation="paper"`).
"""
TRIALS = """Trials with seed 100 settled times and settings. The batch of `simclr` was halved after its trial (90.3
  after, 75.2 control). For `distillation` patches became larger and steps twice as many after a trial that gave 54.9
  (control 53.8). A trial of `mlm` of 40 steps gave 42.0 before, 37.5 after, 44.0 control."""


def paired(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """The mean difference in points, ours minus theirs, and its 95 % interval over seeds."""
    from scipy import stats

    if len(ours) != len(theirs) or len(ours) < 2:
        raise ValueError(f"two runs or more of each side, as many of one as of the other: {len(ours)}, {len(theirs)}")
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean = statistics.fmean(differences)
    half = float(stats.t.ppf(0.975, len(differences) - 1)) * statistics.stdev(differences) / len(differences) ** 0.5
    return mean, mean - half, mean + half


def verdict(before: tuple[float, float, float], control: tuple[float, float, float]) -> str:
    """What follows from after minus before, and after minus control: each a mean and its interval.

    >>> verdict((9, 5, 13), (8, 4, 12)), verdict((9, 5, 13), (1, -3, 5)), verdict((-9, -13, -5), (1, -3, 5))
    ('helps', 'does not help at this size: its control does as much', 'does not help at this size: worse than before')
    """
    if before[1] > 0 and control[1] > 0:
        return "helps"
    if before[1] > 0:
        return "does not help at this size: its control does as much"
    if before[2] < 0:
        return "does not help at this size: worse than before"
    return "does not help at this size: no gain over the start is shown"


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(1.25), signed(-0.5), signed(0.04)
    ('+1.2', '−0.5', '0.0')
    """
    text = f"{value:+.1f}".replace("-", "−")
    return "0.0" if text[1:] == "0.0" else text


def spread(scores: list[float]) -> str:
    """The mean and the range; one score stands alone.

    >>> spread([1.0, 2.0, 6.0])
    '3.0 (1.0–6.0)'
    """
    if len(scores) < 2:
        return f"{scores[0]:.1f}"
    return f"{statistics.fmean(scores):.1f} ({min(scores):.1f}–{max(scores):.1f})"


def column(row: dict[str, Any], side: str) -> list[float]:
    """Of each seed the accuracy `before`, `after` or with the `control`."""
    return [run[side] for run in row["runs"]]


def judged(row: dict[str, Any]) -> str:
    """The verdict on a stored row; one seed has none."""
    after = column(row, "after")
    if len(after) < 2:
        return "one seed: no verdict"
    return verdict(paired(after, column(row, "before")), paired(after, column(row, "control")))


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    after = column(row, "after")
    cells = [spread(column(row, "before")), spread(after), spread(column(row, "control"))]
    for side in ("before", "control"):
        if len(after) < 2:
            cells.append(signed(after[0] - column(row, side)[0]))
            continue
        mean, low, high = paired(after, column(row, side))
        cells.append(f"{signed(mean)} ({signed(low)} to {signed(high)})")
    cells.append(judged(row))
    return f"| {row['modality']} | `{row['objective']}` | {len(row['runs'])} | {' | '.join(cells)} |"


def details(row: dict[str, Any]) -> str:
    """How a row was made, and what became of the losses."""
    told = {}
    for side in ("after", "control"):
        first, last = (statistics.fmean(run[f"{side}_loss"][end] for run in row["runs"]) for end in (0, 1))
        told[side] = f"{first:.2f} to {last:.2f}"
    options = ", ".join(f"{name} {value}" for name, value in row["options"].items()) or "its own defaults"
    return (
        f"| `{row['objective']}` | {row['network']} | {row['steps']} of {row['batch_size']} | {row['lr']:g} | "
        f"{options} | {row['labels']} | {WRONG[row['objective']]} | {told['after']} | {told['control']} |"
    )


def missing(rows: list[dict[str, Any]]) -> str:
    """What has no verdict, in words."""
    have = {row["objective"] for row in rows}
    single = [f"`{row['objective']}`" for row in rows if len(row["runs"]) < 2]
    never = [f"`{name}`" for name in ORDER if name not in have]
    told = f"- Not run at all: {', '.join(never)}.\n" if never else ""
    return (
        told + (f"- More than one seed: {', '.join(single)}; one says nothing of chance." if single else "")
    ).strip()


def page(rows: list[dict[str, Any]]) -> str:
    """The README, from what is stored."""
    versions = ", ".join(f"{name} {version}" for name, version in rows[0]["versions"].items())
    lines = [
        ABOUT,
        "| modality | objective | seeds | before | after | control | after − before | after − control | verdict |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
        *map(line, rows),
        "",
        "Accuracy on the test part in percent, mean and range over seeds; differences in points with their intervals.",
        "",
        "## How each was made",
        "",
        "| objective | network | steps | rate | options | labels a class | wrong target of the control | loss | "
        "loss of the control |",
        "|---|---|---|---:|---|---:|---|---|---|",
        *map(details, rows),
        "",
        "The loss is the mean over the first and the last tenth of the steps. `networks.py` has the networks: ResNet",
        "(timm's `test_resnet`), ViT and ViT-MAE of 4 layers of 64 on images of 32 pixels (patches of 4, `vit8` of 8);",
        "BERT, GPT-2 and wav2vec 2.0 of 2 layers of 64; open_clip towers of 2 and 1. `pocket/resnet10` is zoo's.",
        "",
    ]
    for modality, about in DATA.items():
        if found := [row["samples"] for row in rows if row["modality"] == modality]:
            lines.append(
                f"- {modality}: {about}; {found[0]['classes']} classes, {found[0]['pre-trained on']} samples to "
                f"pre-train on, {found[0]['test']} for the test (seed 0)"
            )
    lines += [
        f"- made with: {versions}; 1 thread",
        "- run again with `.venv/bin/python benchmarks/objectives/measure.py NAME --out benchmarks/objectives/results`",
        "",
    ]
    return "\n".join(lines) + "\n" + LIMITS.format(trials=TRIALS, missing=missing(rows))


def stored() -> list[dict[str, Any]]:
    """All results that there are, in the order of the page."""
    paths = [FOLDER / "results" / f"{name}.json" for name in ORDER]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def main() -> None:
    (FOLDER / "README.md").write_text(page(stored()), encoding="utf-8")


if __name__ == "__main__":
    main()
