"""How a run trains, as a record: stored with recipes, checkpoints and fitted models. Torch-free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from zoo.errors import InvalidRecord
from zoo.specs import Record

PRECISIONS = ("no", "bf16", "fp16")
LATER: dict[str, Any] = {"accumulate": 1, "ema": 0.0, "recompute": False}
"""Fields that came after runs were stored: left out of the JSON at these defaults, so that digests stay."""


@dataclass(frozen=True)
class TrainSpec(Record):
    """How to train. `warmup` is a share of `steps`; `clip_norm` 0 turns clipping off; `device` a name or `auto`.

    `threads` pins torch's threads on the CPU, because sums in another order differ in their last bits; 0 leaves them.
    `accumulate` cuts each batch into so many chunks, whose gradients are added up. `ema` is the decay of an average of
    the weights, which is what training ends with (0: none). `recompute` computes activations again in the backward
    pass instead of keeping them, where the network offers that.

    Example:
        >>> "ema" in TrainSpec(10, 4, 0.1).to_json(), "ema" in TrainSpec(10, 4, 0.1, ema=0.99).to_json()
        (False, True)
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
    accumulate: int = 1
    ema: float = 0.0
    recompute: bool = False

    def to_json(self, *, brief: bool = False) -> dict[str, Any]:
        """The record as a dict, as every record gives it, without what came later and is not used."""
        return {k: v for k, v in super().to_json(brief=brief).items() if k not in LATER or v != LATER[k]}

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
            "accumulate": (1 <= self.accumulate <= self.batch_size, "from 1 to the batch size"),
            "ema": (0 <= self.ema < 1, "from 0 (off) to below 1"),
        }
        for name, (holds, expected) in rules.items():
            if not holds:
                raise InvalidRecord(f"{name} must be {expected}, received {getattr(self, name)!r}.")
