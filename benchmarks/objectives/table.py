"""The page of results: what each objective was worth, against before and against its control, paired by seed.

.venv/bin/python benchmarks/objectives/table.py      (writes benchmarks/objectives/README.md from results/)
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SEEDS = 5
ORDER = (
    *("supervised", "simclr", "dino", "mae", "simmim", "distillation"),
    *("mlm", "causal", "sentence_pairs", "masked_prediction", "wav2vec2", "clip", "siglip"),
)
OTHERS = (  # by network
    *("supervised-inception", "dino-vit4", "mae-vit_mae", "simmim-convnext", "mlm-roberta"),
    "masked_prediction-hubert",
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
    "speech": "generated clips of five kinds, 0 to 24 dB over their noise, not recorded",
    "image-text": 'the same digits, each with a caption such as "the digit seven"',
}
SCORES = (
    "| modality | objective | network | seeds | before | after | control | after − before | after − control "
    "| verdict |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|---|",
)
NETWORKS = (
    "The loss is the mean over the first and the last tenth of the steps. `networks.py` has the networks: timm's",
    "`test_resnet`, `inception_next_atto`, and `test_convnext` at a stride of 8; ViT of 4 layers of 64 on images of 32",
    "pixels: `vit4` and `vit8` by their patches, `vit_mean` of patches of 4 whose tokens are averaged, `vit_mae` of",
    "transformers; BERT, RoBERTa, GPT-2, wav2vec 2.0 and HuBERT of 2 layers of 64; open_clip towers of 2 and 1.",
    "`pocket/resnet10` is zoo's. `dino` on `vit4` had no local crops: it takes one size of image.",
    "",
)
ABOUT = """# Does an objective help?

Made by `python benchmarks/objectives/table.py` from `results/`, which `measure.py` makes.

A tiny network with random weights is pre-trained by `zoo.pretrain` for 100 to 600 steps on carried or generated data.
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
- A control may differ from "before" as well: scales, and statistics of BatchNorm, settle in any training.
- The loss tells whether anything was learnt: where it falls no further than the control's, nothing is shown.
- The loss of `dino` may rise and mean no harm. At first nothing is taken from the teacher's answers, all images get
  much the same answer, and agreeing is easy; then the centre takes that common part away. A loss that stays at the
  logarithm of the number of prototypes (5.55 for 256) says that the teacher answers evenly, and nothing is learnt.
- Features of `mae` are averaged over patches (`vit_mean`), because its loss reaches them and no class token directly.
  Features of `vit_mae` are its class token's.

## What was tried before

{trials}

## Not tried

{missing}
- `supervised` and `distillation` on text and speech; torchaudio's wav2vec 2.0 (95 million weights at the least) and
  Inception v3 and v4, which take many minutes a seed; `dino` with local crops on a ViT.
- Continued pre-training from a trained checkpoint, and larger sizes: more steps, larger batches, real recordings.
- `sentence_pairs` on single texts (dropout as the only difference); the augmentations of the papers
  (`augmentation="paper"`).
"""
TRIALS = """\
All trials had seed 100, which no stored run has, and one run each. Those of `mae` and `dino` had a simpler probe,
whose penalty was the best on the test part, and no control; their figures compare with each other only.

- The batch of `simclr` was halved after its trial (90.3 after, 75.2 control). For `distillation` patches became larger
  and steps twice as many after a trial that gave 54.9 (control 53.8). A trial of `mlm` of 40 steps gave 42.0 before,
  37.5 after, 44.0 control.
- `mae` and `dino` were first run as `mae` on `vit_mae` and `dino` on `vit4` are now, and did not learn; the second
  table keeps these runs. No fault was found in either loss: both equal slow rewrites, and learn with other settings.
- `mae` on `vit_mae` with a decoder twice as wide, 1500 steps: with normalised patches (the default) the loss stays near
  0.82, where the control's stays, for some 600 steps, and then falls to 0.63; the probe finds 68.2
  by the class token and 74.9 by the mean of patches (69.9 and 69.1 before). Without the normalisation it finds
  69.9 and 79.9. Patches of 8: 37.6 and 47.6. Weights drawn wider (`initializer_range` 0.125), 1000 steps: 69.9 with
  patches of 4, 57.1 with patches of 8. The settings of the table gave 42.3 before and 56.8 after.
- `dino` on ViT, 150 to 400 steps, twelve trials (class token or mean of patches, momentum 0.9 and 0.99, teacher's
  temperature 0.02 to 0.04, rates 0.0003 to 0.001, bottleneck 16 and 64): 41.5 on `vit8` before, at most 52.6 after, and
  in five of them the even answer. These ViT take one size of image, so there were no local crops. On a ResNet, 200
  steps at temperature 0.04 gave 65.5, and 450 at 0.02 gave 80.2 (60.2 before).
- `simmim` on `convnext` gave 79.1 (75.8 before, 72.4 control), `mlm` on `roberta` 41.2 (42.2 and 43.2).
- Speech was first run over five seeds on sounds of -12 to 12 dB over their noise, by a network with GroupNorm and the
  usual `initializer_range`: a probe found nothing (20 is chance) before `masked_prediction` (19.3) or after (19.5,
  control 20.3). Clearer sounds, LayerNorm, `initializer_range` 0.125 and 400 steps gave 42.0 (26.0 before, 24.7
  control), and became the settings above.
- `wav2vec2` stays at the loss of chance (log 21 = 3.04) on these clips, saying much the same of all hidden frames (mean
  cosine 0.97 to 0.99). So it was in further trials without a probe (weights of seed 0): batches of 16 for 300 and 500
  steps at rates of 0.002 and 0.003, spans of 3 frames, frames twice as far apart, and 400 steps of 8 clips that are
  four joined to one, so that hidden frames of a clip differ more. On eight clips alone it learns: to 2.55 in 200 steps
  of new spans each at a rate of 0.001, and to 0.15 in 400 of the same spans at 0.003. Its loss equals the library's.
  More steps were not tried; the paper takes hundreds of thousands."""


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
    return f"| {row['modality']} | `{row['objective']}` | {row['network']} | {len(row['runs'])} | {' | '.join(cells)} |"


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


def missing(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """What has no verdict or few seeds, in words."""
    have = {row["objective"] for row in rows}
    single = [f"`{row['objective']}`" for row in rows if len(row["runs"]) < 2]
    few = [f"`{row['objective']}` on {row['network']}" for row in (*rows, *others) if 2 <= len(row["runs"]) < SEEDS]
    never = [f"`{name}`" for name in ORDER if name not in have]
    told = [f"- Not run at all: {', '.join(never)}."] if never else []
    if single:
        told.append(f"- More than one seed: {', '.join(single)}; one says nothing of chance.")
    if few:
        told.append(f"- {SEEDS} seeds: {', '.join(few)} have fewer.")
    return "\n".join(told)


def page(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """The README, from what is stored: a row of each objective, and the others."""
    versions = ", ".join(f"{name} {version}" for name, version in rows[0]["versions"].items())
    every = [*rows, *others]
    lines = [
        ABOUT,
        *SCORES,
        *map(line, rows),
        "",
        "Accuracy on the test part in percent, mean and range over seeds; differences in points with their intervals.",
        "",
        "## The same objective on other networks",
        "",
        "Some have fewer seeds, and with them wider intervals. Settings are those below, not those of the first table.",
        "",
        *SCORES,
        *map(line, others),
        "",
        "## How each was made",
        "",
        "| objective | network | steps | rate | options | labels a class | wrong target of the control | loss | "
        "loss of the control |",
        "|---|---|---|---:|---|---:|---|---|---|",
        *map(details, every),
        "",
        *NETWORKS,
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
    return "\n".join(lines) + "\n" + LIMITS.format(trials=TRIALS, missing=missing(rows, others))


def stored(names: tuple[str, ...] = ORDER) -> list[dict[str, Any]]:
    """The results of these rows, where there are any."""
    paths = [FOLDER / "results" / f"{name}.json" for name in names]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def main() -> None:
    (FOLDER / "README.md").write_text(page(stored(), stored(OTHERS)), encoding="utf-8")


if __name__ == "__main__":
    main()
