"""What the parity scripts share that trains: the recipe, the split of a seed, zoo's side, and a plain loop of PyTorch.

Import this before torch: it sets one thread and closes the network.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", ZOO_FEATURES="off")

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor, nn

    from zoo.contracts import Backbone
    from zoo.data.labelled import LabelledData

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """What both sides are told; `warmup` is a share of the steps."""

    steps: int
    batch_size: int
    lr: float
    weight_decay: float = 0.02
    warmup: float = 0.1


def schedule(step: int, steps: int, warmup: float) -> float:
    """The factor on the learning rate: a straight line up, then half a cosine down.

    >>> [round(schedule(step, 20, 0.1), 3) for step in (0, 1, 2, 11, 19)]
    [0.5, 1.0, 1.0, 0.5, 0.008]
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def epochs(count: int, batch_size: int, steps: int, seed: int) -> list[np.ndarray]:
    """Shuffled batches of positions as a DataLoader with `drop_last` gives them: all of them full."""
    import numpy as np

    if batch_size > count:
        raise ValueError(f"a batch of {batch_size} out of {count} samples")
    rng, found = np.random.default_rng(seed), []
    while len(found) < steps:
        order = rng.permutation(count)
        found += [order[at : at + batch_size] for at in range(0, count - batch_size + 1, batch_size)]
    return found[:steps]


def divided(data: LabelledData, seed: int, train: int | None = None) -> LabelledData:
    """The data with the parts of this seed written into it, so that every side uses them; of train `train` a class."""
    import numpy as np

    from zoo.data.splits import label_budget, split_data

    parts, _ = split_data(data, seed=seed)
    learnt = parts.train if train is None else label_budget(data.targets, parts.train, train, seed, data.classes)
    names = np.array(["train"] * len(learnt) + ["validation"] * len(parts.validation) + ["test"] * len(parts.test))
    chosen = data.taken(np.concatenate([learnt, parts.validation, parts.test]))
    return dataclasses.replace(chosen, parts=names)


def part(data: LabelledData, name: str) -> np.ndarray:
    """The indices of a part."""
    import numpy as np

    return np.flatnonzero(np.asarray(data.parts) == name)


def by_zoo(backbone: Backbone | str, data: LabelledData, recipe: Recipe, seed: int) -> float:
    """Accuracy in percent on the test part after `zoo.finetune`."""
    import zoo

    model = zoo.finetune(
        backbone, data, steps=recipe.steps, batch_size=recipe.batch_size, lr=recipe.lr, augmentation="none",
        weight_decay=recipe.weight_decay, label_smoothing=0.0, seed=seed, device="cpu", quiet=True,
    )  # fmt: skip
    return float(model.spec.scores["accuracy"])


def by_plain_loop(
    network: nn.Module, features: Callable[[Any], Tensor], width: int, batch_of: Callable[[np.ndarray], Any],
    data: LabelledData, recipe: Recipe, seed: int,
) -> float:  # fmt: skip
    """The same after a loop as one writes it by hand: AdamW over all weights, LambdaLR, cross-entropy.

    Args:
        network: trained in place.
        features: a batch of inputs -> [B, width], through `network`.
        width: of the features.
        batch_of: the inputs of the samples at these indices.
        data: with parts.
        recipe: as zoo is given it.
        seed: of the head, the order and dropout.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(1000 + seed)
    head = torch.nn.Linear(width, len(data.classes))
    weights = [*network.parameters(), *head.parameters()]
    for weight in weights:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights, lr=recipe.lr, weight_decay=recipe.weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(step, recipe.steps, recipe.warmup))
    train, test, targets = part(data, "train"), part(data, "test"), torch.from_numpy(data.targets)
    network.train()
    for chosen in epochs(len(train), recipe.batch_size, recipe.steps, seed):
        at = train[chosen]
        loss = functional.cross_entropy(head(features(batch_of(at))), targets[at])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    network.eval()
    right = 0
    with torch.no_grad():
        for at in range(0, len(test), 64):
            chosen = test[at : at + 64]
            right += int((head(features(batch_of(chosen))).argmax(1) == targets[chosen]).sum())
    return 100.0 * right / len(test)


def compared(
    name: str,
    ways: dict[str, Callable[[int], float]],
    facts: Callable[[int], LabelledData],
    recipe: Recipe,
    *,
    short: str,
    about: str,
    libraries: tuple[str, ...],
) -> None:
    """Run all ways for every seed, "zoo" first, and store `results/NAME.json`; the command line says how many seeds."""
    import torch
    from compare import MARGIN, paired, verdict

    from zoo.version import __version__

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--out", type=Path, help=f"such as benchmarks/parity/results/{name}.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scores: dict[str, list[float]] = {way: [] for way in ways}
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for seed in range(options.seeds):
        facts(seed)  # the data is made before any clock runs
        for way, run in ways.items():
            before = time.process_time()
            scores[way].append(run(seed))
            spent[way].append(time.process_time() - before)
        told = ", ".join(f"{way} {scores[way][-1]:.2f} ({spent[way][-1]:.1f} s)" for way in ways)
        print(f"seed {seed}: {told}", flush=True)
    comparisons = {way: paired(scores["zoo"], found) for way, found in scores.items() if way != "zoo"}
    for way, found in comparisons.items():
        print(f"zoo - {way}: {found['difference']} ({found['low']} to {found['high']}): {verdict(found)}")
    data = facts(0)
    results = {
        "modality": name, "short": short, "about": about, "margin": MARGIN, "recipe": dataclasses.asdict(recipe),
        "classes": len(data.classes),
        "samples": {each: len(part(data, each)) for each in ("train", "validation", "test")},
        "comparisons": comparisons,
        "accuracy": {way: [round(one, 3) for one in found] for way, found in scores.items()},
        "cpu_seconds": {way: [round(one, 2) for one in found] for way, found in spent.items()},
        "versions": {"python": platform.python_version(), "zoo": __version__, **versions(("torch", *libraries))},
        "threads": 1,
        "command": f".venv/bin/python benchmarks/parity/{name}.py --seeds {options.seeds} "
                   f"--out benchmarks/parity/results/{name}.json",
    }  # fmt: skip
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Of installed libraries."""
    from importlib.metadata import version

    return {library: version(library) for library in libraries}
