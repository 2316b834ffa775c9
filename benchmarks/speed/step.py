"""What a training step costs beside a plain loop: CPU of zoo's loop, transformers' Trainer and Lightning's.

A BERT with random weights learns to classify: one of the size of BERT-tiny (2 layers, 128 wide, 30,522 tokens) on
batches of 32 x 32 tokens, and one of the same parts with next to nothing in them, so that the loops themselves are
seen. All sides have the same weights, ready batches, fused AdamW over the same two groups, schedule and clipping, and
the same losses, which is checked. There is no dropout, logging, progress line or checkpoint on any side.

    plain        forward, backward, clip, step of optimiser and schedule, zero_grad: written out, with `loss.item()`
    zoo          `zoo.training.loop.train`
    trainer      `transformers.Trainer`
    lightning    `lightning.Trainer`, where it is installed: no part of zoo needs it

Short blocks of steps in turn (A B C D, B C D A ...), one thread, CPU time of the process. A step is timed from the
request of its batch to the request of the next; the start and the end of a run are not in it. A block counts by its
median step; the ratios are of blocks of the same turn, told as their median with an interval from order statistics.
`plain again` is the plain loop a second time, and tells what the noise of such a ratio is.

.venv/bin/python benchmarks/speed/step.py [--rounds 41] [--out benchmarks/speed/results/step.json]
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import logging
import math
import os
import statistics
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

WARM, RATE, CLIP, WARMUP = 5, 1e-3, 1.0, 0.1


@dataclass(frozen=True)
class Size:
    """Of a network and its batches, and how many steps a block has."""

    words: int
    width: int
    rows: int
    tokens: int
    steps: int


SIZES = {"BERT-tiny": Size(30_522, 128, 32, 32, 26), "next to no network": Size(50, 16, 1, 4, 106)}


class Batches:
    """Ready batches, one a request, and the CPU time at each request."""

    def __init__(self, size: Size) -> None:
        import torch

        draw = torch.Generator().manual_seed(1)
        self.ready = [
            {
                "input_ids": torch.randint(0, size.words, (size.rows, size.tokens), generator=draw),
                "attention_mask": torch.ones(size.rows, size.tokens, dtype=torch.long),
                "labels": torch.randint(0, 2, (size.rows,), generator=draw),
            }
            for _ in range(size.steps)
        ]
        self.marks: list[float] = []

    def __len__(self) -> int:
        return len(self.ready)

    def __getitem__(self, _place: int) -> dict:
        """The next batch, whatever place a sampler asks for. More requests than steps end a loop."""
        if len(self.marks) >= len(self.ready):
            raise IndexError
        self.marks.append(time.process_time())
        return self.ready[len(self.marks) - 1]

    def seconds(self) -> list[float]:
        """CPU seconds of each step but the first ones, and the last, after which nothing is asked for."""
        return [after - before for before, after in pairwise(self.marks[WARM:])]


def network(size: Size):
    """BERT of two layers with two classes, drawn from seed 0."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(vocab_size=size.words, hidden_size=size.width, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=4 * size.width, hidden_dropout_prob=0.0,
                        attention_probs_dropout_prob=0.0)  # fmt: skip
    return BertForSequenceClassification(config)


def optimiser_of(net, steps: int):
    """The optimiser and schedule of all sides."""
    from torch.optim.lr_scheduler import LambdaLR

    from zoo.adaptations.groups import parameter_groups
    from zoo.training.optimiser import adamw, warmup_cosine

    optimiser = adamw(parameter_groups(net, lr=RATE, weight_decay=0.01))
    return optimiser, LambdaLR(optimiser, lambda step: warmup_cosine(step, steps, WARMUP))


def plain(net, batches: Batches) -> list[float]:
    """The loop as one writes it by hand."""
    import torch

    optimiser, schedule = optimiser_of(net, len(batches))
    losses = []
    net.train()
    for step in range(len(batches)):
        loss = net(**batches[step]).loss
        losses.append(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return losses


def zoo_loop(net, batches: Batches) -> list[float]:
    """zoo's loop; the learner hands the batch on."""
    from torch import nn

    from zoo.adaptations.groups import parameter_groups
    from zoo.contracts import Batch
    from zoo.training.loop import train
    from zoo.training.trainspec import TrainSpec

    class Learner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, batch, _generator):
            ids, mask = batch.inputs
            return self.net(input_ids=ids, attention_mask=mask, labels=batch.targets).loss

    def batch(step: int) -> Batch:
        one = batches[step]
        return Batch((one["input_ids"], one["attention_mask"]), one["labels"])

    spec = TrainSpec(
        len(batches),
        len(batches.ready[0]["labels"]),
        RATE,
        weight_decay=0.01,
        warmup=WARMUP,
        clip_norm=CLIP,
        device="cpu",
    )
    learner = Learner()
    return train(learner, parameter_groups(learner, lr=RATE, weight_decay=0.01), batch, spec, quiet=True).losses


def trainer(net, batches: Batches) -> list[float]:
    """transformers' Trainer; an item of its data is a batch already."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        options = TrainingArguments(
            output_dir=folder, max_steps=len(batches), per_device_train_batch_size=1, max_grad_norm=CLIP, use_cpu=True,
            report_to="none", disable_tqdm=True, save_strategy="no", logging_strategy="no",
            dataloader_pin_memory=False)  # fmt: skip
        run = Trainer(net, options, train_dataset=batches, data_collator=lambda items: items[0],
                      optimizers=optimiser_of(net, len(batches)))  # fmt: skip
        run.remove_callback(PrinterCallback)
        return [run.train().training_loss]


def lightning(net, batches: Batches) -> list[float]:
    """Lightning's Trainer with everything off that can be."""
    import lightning
    from torch.utils.data import DataLoader

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch, _place):
            loss = self.net(**batch).loss
            losses.append(loss.item())
            return loss

        def configure_optimizers(self):
            optimiser, schedule = optimiser_of(self, len(batches))
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    losses: list[float] = []
    run = lightning.Trainer(
        accelerator="cpu", max_steps=len(batches), gradient_clip_val=CLIP, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    net.train()
    run.fit(Module(), DataLoader(batches, batch_size=None))
    return losses


def interval(values: list[float], sure: float = 0.95) -> tuple[float, float]:
    """An interval of the median from order statistics, at least as sure as asked from 6 values on.

    Example:
        >>> interval([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
        (1.0, 6.0)
    """
    ordered, count = sorted(values), len(values)
    outside, rank = 0.0, 0
    while rank < count // 2:
        outside += 2 * math.comb(count, rank) / 2**count
        if outside > 1 - sure:
            break
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[count - rank]


def measured(sides: dict, size: Size, rounds: int) -> dict:
    """CPU of a step on each side, and the ratios of blocks of the same turn."""
    start, spent, losses = network(size), {side: [] for side in sides}, {}
    for turn in range(-1, rounds):  # turn -1 warms
        names = list(sides)
        for side in names[turn % len(names) :] + names[: turn % len(names)]:
            batches = Batches(size)
            losses[side] = sides[side](copy.deepcopy(start), batches)
            if turn >= 0:
                spent[side].append(statistics.median(batches.seconds()))
        for side in sides:
            means = [statistics.fmean(losses[one]) for one in ("plain", side)]
            assert math.isclose(*means, rel_tol=1e-5), (side, means)
    found = {
        **asdict(size),
        "ms a step": {side: round(1e3 * statistics.median(each), 3) for side, each in spent.items()},
    }
    pairs = [(side, "plain") for side in sides if side != "plain"]
    pairs += [("zoo", side) for side in ("trainer", "lightning") if side in sides]
    for side, other in pairs:
        ratios = [a / b for a, b in zip(spent[side], spent[other], strict=True)]
        middle, (low, high) = statistics.median(ratios), interval(ratios)
        found[f"{side} / {other}"] = {"median": round(middle, 4), "95 %": [round(low, 4), round(high, 4)],
                                      "all": [round(ratio, 3) for ratio in ratios]}  # fmt: skip
        print(f"{side} / {other}: {middle:.3f}  ({low:.3f} to {high:.3f})", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    from frozen import machine, stored
    from transformers.utils import logging as told

    from zoo.training.threads import pinned_threads

    told.set_verbosity_error()
    warnings.filterwarnings("ignore")
    sides = {"plain": plain, "zoo": zoo_loop, "trainer": trainer, "lightning": lightning, "plain again": plain}
    results = {**machine(), "rounds": options.rounds, "lightning": "not measured: not installed",
               "limits": {"zoo / plain": "upper bound below 1.1, and below both peers"}, "networks": {}}  # fmt: skip
    if importlib.util.find_spec("lightning") is None:
        del sides["lightning"]
    else:
        import lightning as peer

        results["lightning"] = peer.__version__
        logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.ERROR)
    with pinned_threads(1):
        for name, size in SIZES.items():
            print(f"{name}:", flush=True)
            results["networks"][name] = measured(sides, size, options.rounds)
    stored(results, options.out)


if __name__ == "__main__":
    main()
