"""The contracts that everything above the ground floor keeps: what a backbone, objective, adaptation and task are.

They are protocols and dataclasses: a third party conforms by shape, never by inheritance. Importing this module does
not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import torch
    from torch import Tensor, nn

    from zoo.specs import BackboneSpec, TaskSpec

    Source = Any  # zoo.data.generated.Source, a floor above

    Encode = Callable[[Any, Tensor | None], "dict[str, Features]"]  # a Tensor, or a Pair for image-text backbones

ParameterGroup = dict[str, Any]  # what torch optimisers take: {"params": [...], "lr": ..., ...}


@dataclass(frozen=True)
class Features:
    """What a backbone says of a batch of B samples.

    Shapes: `pooled` [B, D] float; `tokens` [B, N, D] float or None; `mask` [B, N] bool, True where a token is real, or
    None when all are; `maps` a list of [B, C, H, W], fine to coarse, or None.

    `layers`, where the backbone was loaded with `layers=True`, is what each block of the network gave, first to last,
    before any last normalisation, and without the embeddings: entry 0 is the output of the first block, whichever
    library the network is of. Each is [B, N, D], or [B, C, H, W] where a block gives a map. For text and speech N and
    `mask` are those of `tokens`; in vision a block may have other counts of tokens than the last (pooling,
    class tokens that join late).
    """

    pooled: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    maps: list[Tensor] | None = None
    layers: list[Tensor] | None = None


@dataclass(frozen=True)
class Padded:
    """A batch of B samples of different lengths: `values` [B, T, ...] and `mask` [B, T] bool, True where it is real."""

    values: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Pair:
    """A batch for an image-text backbone: images [B, C, H, W], texts, or both; what is not given is None."""

    vision: Tensor | None = None
    text: Padded | None = None


@dataclass(frozen=True)
class Backbone:
    """A network behind the one contract, composed and never inherited from.

    `preprocess` turns raw samples (PIL images, arrays, texts) into a batch of inputs, with the statistics that belong
    to the weights: a Tensor where all samples have one size, else a Padded, and a Pair for image-text backbones.
    `encode` takes what `preprocess` gives and returns `{modality: Features}`. `notes` says what loading changed or left
    out, and what preprocessing does without being asked.

    Example:
        >>> backbone = zoo.load("pocket/resnet10.glyphs")           # doctest: +SKIP
        >>> inputs = backbone.preprocess([image])                   # doctest: +SKIP
        >>> backbone.encode(inputs)["vision"].pooled.shape          # doctest: +SKIP
        torch.Size([1, 256])
    """

    spec: BackboneSpec
    module: nn.Module
    preprocess: Callable[[Sequence[Any]], Any]
    encoder: Encode
    notes: tuple[str, ...] = ()

    def encode(self, inputs: Tensor | Padded | Pair, mask: Tensor | None = None) -> dict[str, Features]:
        """Features of a batch of preprocessed inputs, by modality.

        A Padded brings its own mask: `encode(Padded(values, mask))` is `encode(values, mask)`. A Pair goes to the
        encoder as it is.

        Raises:
            IncompatibleError: a mask beside a Padded or a Pair.
        """
        if isinstance(inputs, (Padded, Pair)) and mask is not None:
            raise IncompatibleError(
                f"a mask was given beside a {type(inputs).__name__}, which has its own. Fix: leave the mask out."
            )
        if isinstance(inputs, Padded):
            return self.encoder(inputs.values, inputs.mask)
        return self.encoder(inputs, mask)

    @property
    def pooled_dim(self) -> int:
        """Width D of `pooled`, measured when the backbone was built."""
        if self.spec.pooled_dim is None:
            raise ValueError(f"{self.spec.name} was built without measuring its pooled width")
        return self.spec.pooled_dim


@dataclass(frozen=True)
class Batch:
    """One training batch: inputs [B, ...] as preprocessed (of any kind), targets [B] (class indices)."""

    inputs: Any
    targets: Tensor


class Objective(Protocol):
    """A pre-training objective: a class, made with its own options and nothing else.

    `needs` names what the backbone must be able to do (`spec.can`). What else it may have is looked for:

    - `options`: its options by name (`zoo.adaptations.options.Option`); others are refused before anything runs.
    - `labelled = True`: it learns from the source's targets; data without labels are then refused.
    - `divisible = True`: its loss is a mean over samples: a batch may be cut (for memory, `accumulate`, processes).
    - `mass(views)`: what its loss is a mean over, where that is not the samples (tokens that were hidden).
    - `gathers = True`: its loss compares samples, and collects those of all processes by itself; each process then
      takes an equal part of the batch.
    - `least`: the fewest samples of a batch that it can learn from (2 where samples are compared); less is refused.
    - `pairs = True`: it takes two texts as two inputs (`inputs` is then a tuple); for others such data are refused.
    - `notes`, after `build`: sentences for the user.
    """

    needs: ClassVar[frozenset[str]]

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The heads that are trained beside the backbone and thrown away afterwards.

        Raises:
            IncompatibleError: this network, or this source, cannot be used, with the reason.
        """
        ...

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Corrupted or augmented inputs (a tuple where there are several views); all randomness from `generator`."""
        ...

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """A scalar to minimise."""
        ...

    def after_step(self) -> None:
        """Called after every optimiser step (an EMA teacher moves here)."""
        ...


class Adaptation(Protocol):
    """A way to fine-tune. An instance serves one fit.

    `trains_backbone` and `prepare` are all that is needed of one that trains. What else it may have is looked for:

    - `options`: its own options by name (`zoo.adaptations.options.Option`); others are refused before anything runs.
    - `needs_trained`: True where it makes sense on trained weights only; a from-scratch arm refuses it.
    - `fit_head(features [N, D], targets [N], options, classes) -> nn.Module`: a head from features that were extracted
      once. One that freezes the backbone must have it, and its head is the result; of one that trains it is the start.
    - `needs_names`: True where `fit_head` also takes `names`, those of the classes.
    - `candidates(options, labels) -> list of options`, of one that freezes: what validation chooses from, with
      `searched` the name of the option that differs.
    - `blank_head(width, classes, facts)`: an empty head for `load_model`, where `fit_head` gives no linear layer; the
      head's own `facts` (JSON) are saved with the model.
    - `cut(backbone, options)`: the frozen front of the backbone (`zoo.adaptations.cutting.Cut`), or why there is none.
    - `augmentation`: which one it uses unless told otherwise.
    - `notes`: after `prepare`, sentences for the user about what it left out.
    - `finish(backbone)` after training, and `drop()` when it failed: take out again what `prepare` put in.
    """

    trains_backbone: bool

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """Freeze or inject, and return the optimiser's groups of backbone parameters (empty when none trains).

        `options` holds `lr` and `weight_decay` beside its own; nothing random but from torch's global state.
        """
        ...


@dataclass(frozen=True)
class Weights:
    """Weights [K] float32 for a task's loss, or None where all count the same; `notes` are for the user."""

    values: np.ndarray | None = None
    notes: tuple[str, ...] = ()


class TaskKind(Protocol):
    """A family of tasks that share head, loss, prediction and scores. An instance has no state.

    Targets are those of `zoo.data.labelled.LabelledData`, outputs [B, K] are what the head gives. `primary` is the one
    score that is sane where classes are of unlike sizes, and `greater_is_better` says which way it goes.
    """

    primary: ClassVar[str]
    greater_is_better: ClassVar[bool]

    def head(self, backbone: Backbone, task: TaskSpec) -> nn.Module:
        """Freshly initialised, [D] -> [K]; it also takes saved weights."""
        ...

    def start(
        self, head: nn.Module, targets: np.ndarray, classes: Sequence[str], how: str | Mapping[str, float] = "none"
    ) -> Weights:
        """What the targets of the train part settle before training: facts in the head, and weights for `loss`."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
        """A scalar to minimise; `weights` are those that `start` gave, as a tensor."""
        ...

    def predict(self, outputs: Tensor) -> Tensor:
        """The answers."""
        ...

    def probabilities(self, outputs: Tensor) -> Tensor | None:
        """[B, K] between 0 and 1, or None where an answer has none."""
        ...

    def metrics(self, predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Scores that need the answers only."""
        ...

    def score(self, outputs: Tensor, targets: np.ndarray, classes: int) -> dict[str, float]:
        """All scores of the kind, `primary` among them."""
        ...
