"""What is looked at while a backbone pre-trains: the loss, the pace, a kNN probe, and trackers that draw curves.

Nothing here changes what is trained: modes and random states are set back.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from zoo.adaptations.knn import Knn
from zoo.data.batches import generator_at
from zoo.errors import MissingDependency, UnknownName
from zoo.providers.bundles import moved, pooled
from zoo.training.collapse import Health, health, warning
from zoo.training.processes import rank
from zoo.training.trial import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.contracts import Backbone
    from zoo.data.generated import Source

SAMPLES = 512  # of the probe: half of them vote, half are asked
CHUNK = 64  # samples of the probe that go through the network together
NEIGHBOURS = 20


class Watcher:
    """Called after every step with its number, loss, the learner and the device; returns what is worth seeing.

    Attributes:
        scores: [step, accuracy in percent] of the probe.
        healths: [step, effective rank, spread] of the features.
        warned: that they have collapsed, or empty.
        seconds: how long the looks took.
        every: steps between two looks at the features; 0 for none.
        done: steps of the run so far.

    Args:
        backbone, source: of the run.
        size: samples of a batch, for the pace.
        every: as above.
        steps: of the run; the last one is looked at too.
        say: is told when features collapse.
        tracker: of accelerate, such as `tensorboard`; empty for none.
        place: folder for what the tracker writes.

    Raises:
        UnknownName: accelerate has no such tracker.
        MissingDependency: its library is not installed.
    """

    def __init__(
        self, backbone: Backbone, source: Source, *, size: int, every: int, steps: int, tracker: str, place: Path,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.scores: list[list[float]] = []
        self.healths: list[list[float]] = []
        self.warned = ""
        self._first: Health | None = None
        self.seconds = 0.0
        self.done = 0
        self.every = every
        self._backbone, self._source, self._size, self._steps = backbone, source, size, steps
        self._tracker_of = tracker_class(tracker) if tracker else None
        self._tracker: Any = None
        self._place = place
        self._say = say
        self._began = time.perf_counter()

    def __call__(self, done: int, loss: float, learner: nn.Module, device: Any) -> str:
        """After step `done`, from 1."""
        self.done = done
        pace = self._size / max(1e-9, time.perf_counter() - self._began)
        told: dict[str, float] = {"loss": loss, "samples_per_second": pace}
        if self.every and (done == 1 or done % self.every == 0 or done == self._steps):
            told |= self._look(done, learner, device)
        if self._tracker_of and rank() == 0:
            if self._tracker is None:  # only now, when it is known which process this is
                folder = (str(self._place),) if self._tracker_of.requires_logging_directory else ()
                self._tracker = self._tracker_of("zoo", *folder)
                if hasattr(self._tracker, "start"):
                    self._tracker.start()
            self._tracker.log(told, step=done)
        self._began = time.perf_counter()
        return f"kNN {self.scores[-1][1]:.1f} %" if self.scores else ""

    def state(self) -> dict[str, Any]:
        """What a resumed run has to know, as JSON."""
        first = asdict(self._first) if self._first else None
        seen = {
            "done": self.done,
            "scores": self.scores,
            "healths": self.healths,
            "warned": self.warned,
            "first": first,
        }
        return seen | ({"source": self._source.state()} if hasattr(self._source, "state") else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.scores, self.healths = list(state.get("scores", [])), list(state.get("healths", []))
        self.warned, self.done = state.get("warned", ""), state.get("done", 0)
        self._first = Health(**state["first"]) if state.get("first") else None
        if "source" in state:
            self._source.restore(state["source"])  # type: ignore[attr-defined]

    def end(self) -> None:
        """Close the tracker."""
        if self._tracker is not None:
            self._tracker.finish()

    def _look(self, done: int, learner: nn.Module, device: Any) -> dict[str, float]:
        began = time.perf_counter()
        with undisturbed(learner):
            learner.eval()
            features, targets = probe_features(self._backbone, self._source, device)
        now = health(features)
        self._first = self._first or now
        self.healths.append([done, round(now.rank, 3), round(now.spread, 5)])
        told = {"effective_rank": now.rank, "spread": now.spread}
        if (words := warning(now, self._first)) and not self.warned:
            self.warned = f"step {done}: {words}"
            self._say(self.warned)
        if self._source.classes > 1 and done > 1:
            score = knn_accuracy(features, targets, self._source.classes)
            self.scores.append([done, round(score, 3)])
            told["knn_accuracy"] = score
        self.seconds += time.perf_counter() - began
        return told


def probe_features(backbone: Backbone, source: Source, device: Any) -> tuple[Tensor, Tensor]:
    """Pooled features [N, D] of the same samples each time, as the network is now, and their targets [N]."""
    known = getattr(source, "size", SAMPLES)  # each sample of the user's own once at most
    size = max(1, min(CHUNK, known // 2))
    found, targets = [], []
    for chunk in range(max(1, min(SAMPLES, known) // size)):
        if hasattr(source, "at"):
            batch = source.at(chunk, size, 0)
        else:
            batch = source.batch(size, generator_at(0, chunk, stream=2))
        inputs = batch.inputs
        if not getattr(source, "clean", False):
            inputs = source.corrupt(inputs, generator_at(0, chunk, stream=3))
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs  # of two texts the first
        modality = "vision" if backbone.spec.modality == "image-text" else ""
        with torch.no_grad():
            found.append(pooled(backbone, moved(inputs, device), modality).float().cpu())
        targets.append(batch.targets)
    return torch.cat(found), torch.cat(targets)


def knn_accuracy(features: Tensor, targets: Tensor, classes: int) -> float:
    """Percent of the second half whose class the nearest of the first half tell.

    The probe is of training data: it says how the features move, and is no score for a report.

    Example:
        >>> knn_accuracy(torch.eye(2).repeat(4, 1), torch.arange(8) % 2, 2)
        100.0
    """
    half = len(features) // 2
    head = Knn().fit_head(features[:half].numpy(), targets[:half].numpy(), {"k": min(NEIGHBOURS, half)}, classes)
    right = head(features[half:]).argmax(1) == targets[half:]
    return 100 * float(right.float().mean())


def tracker_class(name: str) -> Any:
    """The tracker of accelerate of that name.

    Raises:
        UnknownName: there is none.
        MissingDependency: its library is not installed.
    """
    from accelerate import tracking

    known: dict[str, Any] = {str(one): kind for one, kind in tracking.LOGGER_TYPE_TO_CLASS.items()}
    if name not in known:
        raise UnknownName("tracker", name, known, f"Known: {', '.join(known)}.")
    if not getattr(tracking, f"is_{name}_available")():
        raise MissingDependency(name, "track")
    return known[name]


def usual_every(steps: int, asked: int | None) -> int:
    """Steps between two looks: as asked, else ten times in the course of a run of 200 steps or more.

    Example:
        >>> usual_every(1000, None), usual_every(50, None), usual_every(1000, 0)
        (100, 20, 0)
    """
    return max(20, steps // 10) if asked is None else asked
