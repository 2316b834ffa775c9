"""How a run trains, as a record: stored with recipes, checkpoints and fitted models. Torch-free."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.errors import InvalidRecord
from zoo.specs import Record

PRECISIONS = ("no", "bf16", "fp16")


@dataclass(frozen=True)
class TrainSpec(Record):
    """How to train. `warmup` is a share of `steps`; `clip_norm` 0 turns clipping off; `device` a name or `auto`.

    `threads` pins torch's threads on the CPU, because sums in another order differ in their last bits; 0 leaves them.
    """

    steps: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0
    warmup: float = 0.1
    clip_norm: float = 3.0
    label_smoothing: float = 0.0
    seed: int = 0
    device: str = "auto"
    precision: str = "no"
    checkpoint_every: int = 500
    threads: int = 0

    def __post_init__(self) -> None:
        rules = {
            "steps": (self.steps >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "lr": (0 < self.lr < math.inf, "above 0 and finite"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "0 or more"),
            "warmup": (0 <= self.warmup < 1, "a share of the steps, from 0 to below 1"),
            "clip_norm": (0 <= self.clip_norm < math.inf, "0 (off) or more"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "from 0 to below 1"),
            "seed": (0 <= self.seed < 2**32, "from 0 to 4294967295"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            "checkpoint_every": (self.checkpoint_every >= 1, "1 or more"),
            "threads": (self.threads >= 0, "0 (as they are) or more"),
        }
        for name, (holds, expected) in rules.items():
            if not holds:
                raise InvalidRecord(f"{name} must be {expected}, received {getattr(self, name)!r}.")
