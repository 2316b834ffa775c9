"""Early stopping: score the network every few steps, keep its best weights, and end with these."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import InvalidRecord
from zoo.training.trial import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


@dataclass(frozen=True)
class Judge:
    """How training is judged while it runs.

    Attributes:
        score: of the weights as they are now, on data that is not trained on; greater is better, NaN is the worst. It
            finds the network on the CPU, and may put it into evaluation mode and elsewhere: both are set back.
        every: steps between two scores; the last step is always scored.
        patience: scores in a row without a new best, after which training stops.

    Example:
        >>> Judge(lambda: 0.5, every=10).patience
        3
    """

    score: Callable[[], float]
    every: int = 50
    patience: int = 3

    def __post_init__(self) -> None:
        for name in ("every", "patience"):
            if getattr(self, name) < 1:
                raise InvalidRecord(f"{name} must be 1 or more, received {getattr(self, name)!r}.", (name,))

    @property
    def identity(self) -> list[Any]:
        """What a resumed run must have in common with the one that was stopped."""
        return ["judge", self.every, self.patience]


@dataclass
class Best:
    """What a judge saw so far: `scores` as [step, score], and the weights that had the best one.

    Kept are weights that train and buffers (BatchNorm statistics), on the CPU.
    """

    judge: Judge
    scores: list[list[float]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def due(self, done: int, steps: int) -> bool:
        """Whether step `done` of `steps` is scored."""
        return done % self.judge.every == 0 or done == steps

    def see(self, done: int, learner: nn.Module, device: Any) -> None:
        """Score the network after step `done`, and keep its weights when they are the best so far."""
        with undisturbed(learner, device):
            learner.to("cpu")
            score = float(self.judge.score())
        before = self.score
        self.scores.append([done, score])
        if not math.isnan(score) and (before is None or score > before):
            plain = torch.contiguous_format  # images make convolutions channels-last, which no file of weights takes
            self.weights = {
                name: one.detach().cpu().clone(memory_format=plain) for name, one in moving(learner).items()
            }

    def restore(self, learner: nn.Module) -> None:
        """Put the best weights back; without any score that is a number everything stays."""
        with torch.no_grad():
            for name, one in moving(learner).items():
                if name in self.weights:
                    one.copy_(self.weights[name])

    @property
    def step(self) -> int | None:
        """The step with the best score, the first of equals."""
        numbers = [(-score, int(step)) for step, score in self.scores if not math.isnan(score)]
        return min(numbers)[1] if numbers else None

    @property
    def score(self) -> float | None:
        """The best score."""
        return max((score for _, score in self.scores if not math.isnan(score)), default=None)

    @property
    def stops(self) -> bool:
        """Whether patience is at its end."""
        since = [int(step) > (self.step or 0) for step, _ in self.scores]
        return sum(since) >= self.judge.patience

    def note(self, done: int, steps: int) -> str:
        """A sentence for the user."""
        if self.step is None:
            return f"none of {len(self.scores)} scores was a number, so the weights of the last step are kept"
        early = f"training stopped at step {done} of {steps}: " if done < steps else ""
        return f"{early}the best score ({self.score:.4g}) was at step {self.step}, whose weights are kept"


def moving(learner: nn.Module) -> dict[str, Tensor]:
    """What training changes: weights that train, and buffers that are saved with the network."""
    saved = learner.state_dict(keep_vars=True)
    return {
        name: one
        for name, one in saved.items()
        if isinstance(one, torch.Tensor) and (one.requires_grad or not isinstance(one, torch.nn.Parameter))
    }
