"""A suite for a person's own data: what a suite file says, filled in from the data and the backbones."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmarking.references import anywhere, short_name
from zoo.benchmarking.suite import COMMAND, ROLES, Arm, Suite
from zoo.benchmarking.suite_checks import check
from zoo.data.images import DATASETS
from zoo.data.labelled import INPUTS
from zoo.data.sources import read_data
from zoo.data.splits import split_data
from zoo.errors import IncompatibleError, UnknownName, UsageError
from zoo.io.datasets import DATA
from zoo.providers.loading import spec_of
from zoo.specs import TaskSpec
from zoo.training.matching import check_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.data.labelled import LabelledData
    from zoo.specs import BackboneSpec

SPLIT = {"test": 0.3, "validation": 0.2, "seed": 0}
TRAINING = {"batch_size": 32, "weight_decay": 0.02, "label_smoothing": 0.1, "warmup": 0.15, "clip_norm": 3.0,
            "head_lr": 2e-3}  # fmt: skip
AUGMENTATION = {"image": "warp"}  # of texts and sounds none: which suits depends on what the network reads
WHAT = {"image": "images", "text": "texts", "text_pair": "pairs of texts", "audio": "sounds"}
TUNING_SEEDS = (1000, 1001)


@dataclass(frozen=True)
class Level:
    """How thorough a comparison is: the number of label budgets, the searched values, longer schedules of scratch."""

    budgets: int
    lr: tuple[float, ...]
    penalty: tuple[float, ...]
    longer: tuple[int, ...]
    noise: bool = False


LEVELS = {
    "quick": Level(2, (1e-4, 1e-3, 1e-2), (1e-3, 1e-1, 10.0), (3,)),
    "default": Level(4, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2), (1e-3, 1e-2, 1e-1, 1.0, 10.0), (3,)),
    "full": Level(
        6,
        (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.3, 1.0, 3.0, 10.0),
        (3, 9),
        noise=True,
    ),
}


def own_suite(
    data: str | Path,
    backbones: Sequence[str],
    level: str = "quick",
    *,
    budgets: Sequence[int] = (),
    steps: int = 100,
    seeds: int = 10,
    margin: float = 1.0,
) -> Suite:
    """The comparison of pre-trained `backbones` with scratch on the images, texts or sounds in `data`, as a suite.

    Every backbone is fine-tuned and probed frozen, against its own architecture from scratch; at level `full` also
    against noise of the same scale. Architectures that two backbones share are trained from scratch once. A classical
    baseline (role C) tells whether a network is needed at all. A test part that the data give is used.

    Args:
        data: what `zoo.read_data` reads by name or path: a folder with one sub-folder for each class, a table, a known
            data set, one of the hub; one class for each sample.
        backbones: names of pre-trained backbones for such samples, as `zoo.load` takes them.
        level: quick, default or full.
        budgets: labels a class; none lets the level choose so many between one and all that the split leaves.
        steps: training steps at equal budget; scratch also trains for multiples of it.
        seeds: how many report; fewer than 10 give no verdict.
        margin: the smallest difference that matters, in points of accuracy.

    Raises:
        UnknownName: no such data, backbone or level.
        DataError: the data cannot be split.
        IncompatibleError: a backbone without trained weights or of another modality; several answers a sample, or
            numbers.
        UsageError: no backbone, or one named twice.
        InvalidRecord: a number that no suite may have.

    Example:
        >>> suite = own_suite("digits", ["pocket/resnet10.glyphs", "pocket/resnet10.textures"])
        >>> [arm.id for arm in suite.arms][:3], suite.budgets
        (['S:resnet10', 'P:resnet10.glyphs', 'F:resnet10.glyphs'], (10, 87))
    """
    if level not in LEVELS:
        raise UnknownName("level", level, LEVELS, f"Known: {', '.join(LEVELS)}.")
    chosen = LEVELS[level]
    if not backbones:
        raise UsageError("no backbone was named. Fix: --backbones A,B with names from `zoo list --pretrained`.")
    found = read_data(_source(data))
    if found.answer != "classification":
        raise IncompatibleError(
            f"{found.name} is for {found.answer}, and a comparison needs one class for each sample. Fix: name a column "
            "of classes as the label (`zoo.read_data` says how), or fine-tune with `zoo finetune`."
        )
    specs = _specs(backbones, found)
    arms = _arms(specs, chosen)
    given = set() if found.parts is None else {str(name) for name in found.parts}
    sizes: dict[str, Any] = {name: value for name, value in SPLIT.items() if name != "test" or "test" not in given}
    parts, notes = split_data(found, **sizes)
    counts = np.bincount(found.targets[parts.train], minlength=len(found.classes))
    most = int(counts[counts > 0].min())
    what = WHAT[found.inputs]
    suite = Suite(
        name=_slug(found.name),
        version="1",
        level=level,
        title=f"{found.name}: pre-trained against from scratch",
        about=f"{len(found)} {what} of {len(found.classes)} classes, and {len(specs)} pre-trained "
        f"backbone{'' if len(specs) == 1 else 's'}. Every arm gets the same labels, the same search and the same "
        "augmentation; only the start differs." + "".join(f" {note[0].upper()}{note[1:]}." for note in notes),
        rests_on="The pre-training data of these backbones were made by others; what they share with these "
        f"{what} is not known.",
        leakage=f"unknown: whether these {what}, or {what} like them, were in the pre-training data was not examined",
        margin=float(margin),
        task=TaskSpec(_slug(found.name), found.kind, _source(data), len(found.classes)),
        arms=arms,
        budgets=tuple(sorted(budgets)) or _spread(most, chosen.budgets),
        seeds=tuple(range(seeds)),
        tuning_seeds=TUNING_SEEDS,
        steps=steps,
        grids={"lr": list(chosen.lr), "penalty": list(chosen.penalty)},
        training={**TRAINING, "augmentation": AUGMENTATION.get(found.inputs, "none")},
        longer=chosen.longer,
        split=sizes,
        sources={"data": found.name, "digest": found.digest, "licence": "not stated"},
    )
    check(suite, ROLES)
    return replace(suite, sources={**suite.sources, COMMAND: _command(suite, list(specs))})


def _command(suite: Suite, backbones: Sequence[str]) -> str:
    """What makes this suite again, from any folder and whatever the defaults become."""
    options = {
        "data": suite.task.source,
        "backbones": ",".join(backbones),
        "level": suite.level,
        "budgets": ",".join(map(str, suite.budgets)),
        "steps": suite.steps,
        "seeds": len(suite.seeds),
        "margin": f"{suite.margin:g}",
    }
    return shlex.join(
        ["zoo", "bench", *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    )


def describe_suite(suite: Suite) -> str:
    """What was filled in, for the person who asked for it.

    Example:
        >>> print(describe_suite(own_suite("digits", ["pocket/resnet10.glyphs"])).splitlines()[0])
        digits: 10 classes; 10, 87 labels a class; 10 seeds; 100 steps, scratch also 3 times as many
    """
    longer = " and ".join(map(str, suite.longer))
    first = (
        f"{suite.name}: {suite.task.classes} classes; {', '.join(map(str, suite.budgets))} labels a class; "
        f"{len(suite.seeds)} seeds; {suite.steps} steps, scratch also {longer} times as many"
    )
    return "\n".join([first, *(f"  {arm.role}  {arm.label}" for arm in suite.arms)])


def _specs(backbones: Sequence[str], data: LabelledData) -> dict[str, BackboneSpec]:
    """The record of each backbone, by what `zoo.load` takes; a folder by its full path, so that it works anywhere."""
    specs: dict[str, BackboneSpec] = {}
    for name in backbones:
        spec = spec_of(name)
        if not spec.pretrained:
            raise IncompatibleError(
                f"{name} is an architecture without trained weights, so there is no pre-training to judge. Fix: name "
                f"one of its tags (`zoo list '{spec.name}.*'`); from scratch is compared anyway."
            )
        check_task(spec, data.kind)
        if spec.modality == "image-text":
            raise IncompatibleError(
                f"{name} is for {spec.modality}, and the data are {WHAT[data.inputs]}. Fix: name backbones for "
                f"{INPUTS[data.inputs]} alone; as a frozen reference (--with) it can stand beside them."
            )
        if (full := anywhere(name)) in specs:
            raise UsageError(f"{name} is named twice. Fix: name each backbone once.")
        specs[full] = spec
    return specs


def _arms(specs: Mapping[str, BackboneSpec], level: Level) -> tuple[Arm, ...]:
    """Scratch of each architecture, followed by the backbones that share it; the classical baseline last."""
    short = dict(zip(specs, _short([spec.name for spec in specs.values()]), strict=True))
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, spec in specs.items():
        inputs = (spec.input_size, spec.mean, spec.std, spec.interpolation, spec.crop_pct, spec.crop_mode,
                  spec.config, spec.tokenizer, spec.lower_case, spec.context, spec.sample_rate)  # fmt: skip
        groups.setdefault((spec.provider, spec.arch, *inputs), []).append(name)
    architectures = [specs[group[0]].arch for group in groups.values()]
    arms: list[Arm] = []
    for group in groups.values():
        own = specs[group[0]].arch
        scratch = own if architectures.count(own) == 1 else short[group[0]]
        arms.append(Arm(f"S:{scratch}", "S", f"{scratch}, from scratch", group[0], "full"))
        for name in group:
            says = short[name]
            arms.append(Arm(f"P:{says}", "P", f"{says}, fine-tuned", name, "full", f"S:{scratch}"))
            arms.append(Arm(f"F:{says}", "F", f"{says}, frozen probe", name, "linear_probe", f"S:{scratch}"))
            if level.noise:
                arms.append(Arm(f"M:{says}", "M", f"noise with the scale of {says}", name, "full", f"S:{scratch}"))
    return (*arms, Arm("C", "C", "classical baseline"))


def _short(names: Sequence[str]) -> list[str]:
    """Names without their provider, where that leaves them different; numbered where even the names are equal.

    Example:
        >>> _short(["timm/resnet18.a1_in1k", "pocket/resnet10.glyphs", "pocket/resnet10.glyphs"])
        ['resnet18.a1_in1k', 'resnet10.glyphs-1', 'resnet10.glyphs-2']
    """
    bare = [short_name(name) for name in names]
    full = [own if len({n for n in names if n.endswith("/" + own)}) == 1 else name
            for name, own in zip(names, bare, strict=True)]  # fmt: skip
    return [
        name if full.count(name) == 1 else f"{name}-{full[: index + 1].count(name)}" for index, name in enumerate(full)
    ]


def _spread(most: int, count: int) -> tuple[int, ...]:
    """`count` budgets, log-spaced between a fortieth of what there is (of two: an eighth; one at least) and all of it.

    Example:
        >>> _spread(80, 2), _spread(80, 4), _spread(3, 4), _spread(1, 2)
        ((10, 80), (2, 7, 23, 80), (1, 2, 3), (1,))
    """
    least = max(1, most // (8 if count == 2 else 40))
    return tuple(sorted({round(budget) for budget in np.geomspace(least, most, count).tolist()}))


def _source(data: str | Path) -> str:
    """A data set by its name; a folder or a table by its full path, so that the store can be used from anywhere."""
    known = str(data) in DATASETS.names() and not (isinstance(data, Path) and data.is_dir())
    return str(data) if known or str(data).startswith(DATA) else str(Path(data).expanduser().resolve())


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"
