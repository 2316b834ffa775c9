"""What exporters take and give: a model with an example of its inputs, and files with the code that reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import IncompatibleError
from zoo.providers.bundles import pooled
from zoo.training.extraction import channels_last

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.contracts import Backbone
    from zoo.specs import BackboneSpec
    from zoo.training.fitted import FittedModel

CLOSE = 1e-6  # relative: what every export is held to, whatever its rounding
# How many times the movement by rounding (see `rounding`) a difference may be. Another order of sums made up to 1.0
# times of it, in 35 small networks with heads; a table of positions that was off by 2 % made 100 times of it.
FACTOR = 4.0
LAYOUT = ".to(memory_format=torch.channels_last)"  # in snippets: as zoo lays images out, for the same order of sums


@dataclass(frozen=True)
class Model:
    """A backbone, and what was fitted on it.

    `inputs` says what its example is (`image`, `text`, `text_pair`, `audio`, or `both` for an image and a text),
    `sample` is that example, `features` [rows, D] and `outputs` [rows, K] what zoo gives for it (the features where
    there is no head). `rounding` says how far rounding alone moves the two, relative to the largest of a row or to
    `scale`.
    """

    backbone: Backbone
    fitted: FittedModel | None
    inputs: str
    sample: Any
    features: Tensor
    outputs: Tensor
    rounding: tuple[float, float] = (0.0, 0.0)

    @property
    def scale(self) -> float:
        """What differences of outputs are relative to: 0.0 for the largest of a row, or of a regression its deviation.

        The largest logit is of the size of what the sums in it round; numbers around 2000 that vary by 5 would be
        equal to 1e-6 of the largest while they differ by what counts.
        """
        from zoo.tasks.scaled import ScaledLinear

        head = self.fitted.head if self.fitted else None
        return float(head.deviation) if isinstance(head, ScaledLinear) else 0.0

    def equal(self, outputs: Tensor) -> bool:
        """Whether what another way of computing gave is the outputs, but for rounding."""
        return difference(outputs, self.outputs, self.scale) <= bar(self.rounding[1])

    @property
    def spec(self) -> BackboneSpec:
        """The backbone's record, with what its weights began from."""
        return self.fitted.spec.backbone if self.fitted else self.backbone.spec

    @property
    def classes(self) -> tuple[str, ...]:
        return self.fitted.spec.classes if self.fitted else ()

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """Weight [K, D] and bias [K] of a head that is one linear layer of the pooled features."""
        return linear_of(self.fitted.head) if self.fitted else None

    @property
    def state(self) -> dict[str, Tensor]:
        """The backbone's tensors, each with memory of its own, as safetensors wants them."""
        return {name: t.detach().contiguous().clone() for name, t in self.backbone.module.state_dict().items()}


@dataclass(frozen=True)
class Staged:
    """What an exporter wrote: `code` ends with `outputs`, or with `features` where the head is not in the network.

    The rest are fields of `zoo.providers.exported.Exported`.
    """

    library: str
    code: str
    gives: str = "features"
    inside: bool = False
    weights: str = "model.safetensors"
    tensors: dict[str, list[str]] = field(default_factory=dict)
    head_keys: tuple[str, ...] = ()
    preprocessing: bool = False
    notes: tuple[str, ...] = ()


def linear_of(head: nn.Module) -> tuple[Tensor, Tensor] | None:
    """Weight and bias of a linear head, with a regression's mean and deviation folded in; None for other heads.

    Example:
        >>> from zoo.tasks.scaled import ScaledLinear
        >>> head = ScaledLinear(2)
        >>> head.settle(mean=20.0, deviation=10.0)
        >>> weight, bias = linear_of(head)
        >>> bool(torch.allclose(weight @ torch.ones(2) + bias, head(torch.ones(1, 2))[0]))
        True
    """
    from zoo.tasks.scaled import ScaledLinear

    if isinstance(head, ScaledLinear):
        weight, bias = head.weight.double() * head.deviation, head.bias.double() * head.deviation + head.mean
        return weight.detach().float(), bias.detach().float()
    if type(head) is torch.nn.Linear:
        bias = head.bias if head.bias is not None else torch.zeros(head.out_features)
        return head.weight.detach().clone(), bias.detach().clone()
    return None


def example(backbone: Backbone, inputs: str, sample: Any, modality: str = "") -> Tensor:
    """Pooled features [rows, D] of the sample, in the order of sums in which zoo extracts features.

    Your own module may want its images as they are made.
    """
    backbone.module.eval()
    batches = [backbone.preprocess([one]) for one in (sample if inputs == "both" else [sample])]
    if backbone.spec.provider != "module":
        batches = [channels_last(batch) for batch in batches]
    with torch.no_grad():
        names = ["vision", "text"] if inputs == "both" else [modality]
        found = [pooled(backbone, batch, name).float() for batch, name in zip(batches, names, strict=True)]
    return torch.cat(found)


def difference(found: Tensor, expected: Tensor, scale: float = 0.0) -> float:
    """The largest difference, relative to `scale` or else to the largest expected value of its row.

    Infinite where shapes differ, or of NaN.

    Example:
        >>> difference(torch.tensor([[1.0, 2.5]]), torch.tensor([[1.0, 2.0]]))
        0.25
    """
    if found.shape != expected.shape or not bool(torch.isfinite(found).all()):
        return float("inf")
    found, expected = found.detach().double(), expected.detach().double()
    sizes = torch.tensor(scale) if scale else expected.abs().amax(-1, keepdim=True).clamp(min=1e-30)
    return float(((found - expected).abs() / sizes).max())


def bar(rounding: float) -> float:
    """The largest difference that rounding explains, in the units of `rounding`; at least 1e-6.

    Example:
        >>> bar(2e-8), bar(5e-7)
        (1e-06, 2e-06)
    """
    return max(CLOSE, round(FACTOR * rounding, 12))


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """A safetensors file that names the framework, as transformers wants it."""
    from safetensors.torch import save

    path.write_bytes(save({name: t.contiguous() for name, t in tensors.items()}, metadata={"format": "pt"}))


def import_line(kind: type) -> str:
    """The statement that imports a class.

    Raises:
        IncompatibleError: one that is defined within a function, which no statement reaches.

    Example:
        >>> import_line(Staged)
        'from zoo.hub.native.parts import Staged'
    """
    if not re.fullmatch(r"\w+", kind.__qualname__):
        raise IncompatibleError(f"{kind.__qualname__} is defined within something else. Fix: define it in a module.")
    return f"from {kind.__module__} import {kind.__name__}"
