"""Zero-shot: the names of the classes, read by the text tower of an image-text network, are the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from zoo.adaptations.options import Option, pick
from zoo.errors import IncompatibleError
from zoo.providers.batching import encode_samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from zoo.contracts import Backbone, ParameterGroup

TEMPLATE = "a photo of a {}."
SCALE = 100.0  # where CLIP's own ends up, for networks that keep none


def _templates(value: Any) -> str:
    found = [one.strip() for one in (value.split("|") if isinstance(value, str) else value)]
    if not all("{}" in one for one in found) or not found:
        raise ValueError
    return "|".join(found)


class ZeroShot:
    """Nothing trains and no label is read: a sample is of the class whose description is nearest to it by cosine.

    Each class is described by every template with its name for `{}`; its vector is the mean of their unit vectors,
    brought to length 1. Names are read as they are: `golden_retriever` is not `golden retriever` to a tokenizer.

    Options:
        templates: texts with `{}` for the name, `|` between them; "a photo of a {}." by default.

    Source: Radford et al. 2021, https://arxiv.org/abs/2103.00020, section 3.1.
    """

    trains_backbone = False
    needs_trained = True  # towers that were not trained together share no space
    needs_names = True
    options: ClassVar = {"templates": Option(TEMPLATE, "texts with {} for the name and | between them", _templates)}

    def __init__(self) -> None:
        self._backbone: Backbone | None = None

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:  # noqa: ARG002
        """Freeze everything, and keep the backbone: `fit_head` reads the names with it.

        Raises:
            IncompatibleError: a backbone without a text tower.
        """
        if backbone.spec.modality != "image-text":
            raise IncompatibleError(
                f"zero_shot reads the names of the classes with a text tower, and {backbone.spec.name} is a backbone "
                f"for {backbone.spec.modality}. Fix: choose one for image-text (`zoo list --modality image-text`)."
            )
        backbone.module.requires_grad_(False)
        self._backbone = backbone
        return []

    def candidates(self, options: Mapping[str, Any], labels: int) -> list[dict[str, Any]]:  # noqa: ARG002
        """The one choice there is: no validation is read."""
        return [pick("zero_shot", self, options)]

    def fit_head(
        self,
        features: np.ndarray,
        targets: np.ndarray,  # noqa: ARG002  (no label is read)
        options: Mapping[str, Any],
        classes: int,
        names: Sequence[str] = (),
    ) -> ZeroShotHead:
        """A head from the names of the classes alone; features [N, D] say only its width.

        Raises:
            IncompatibleError: other than `classes` names, or `prepare` was not called.
        """
        if self._backbone is None or len(names) != classes:
            raise IncompatibleError(
                f"zero_shot needs its backbone and the name of each class, received {len(names)} names of {classes} "
                "classes. Fix: call prepare(backbone, options) first, then fit_head(..., names=data.classes)."
            )
        chosen = pick("zero_shot", self, options)["templates"]
        head = ZeroShotHead(features.shape[1], classes, chosen)
        head.vectors.copy_(described(self._backbone, names, chosen.split("|")))
        head.scale.fill_(learned_scale(self._backbone.module))
        return head

    def blank_head(self, width: int, classes: int, facts: Mapping[str, Any]) -> ZeroShotHead:
        """A head of the right shapes, for saved weights to be loaded into; `facts` are those of the saved head."""
        return ZeroShotHead(width, classes, facts["templates"])


class ZeroShotHead(nn.Module):
    """Features [B, D] to logits [B, classes]: cosine with the vector of each class, times the scale.

    Example:
        >>> head = ZeroShotHead(2, 2, TEMPLATE)
        >>> _ = head.vectors.copy_(torch.eye(2)), head.scale.fill_(100.0)
        >>> head(torch.tensor([[3.0, 4.0]])).round().tolist()
        [[60.0, 80.0]]
    """

    vectors: Tensor
    scale: Tensor

    def __init__(self, width: int, classes: int, templates: str) -> None:
        super().__init__()
        self.templates = templates
        self.register_buffer("vectors", torch.zeros(classes, width))
        self.register_buffer("scale", torch.ones(()))

    @property
    def facts(self) -> dict[str, Any]:
        """What `ZeroShot.blank_head` needs."""
        return {"templates": self.templates}

    def forward(self, features: Tensor) -> Tensor:
        return self.scale * nn.functional.normalize(features, dim=1) @ self.vectors.T


def described(backbone: Backbone, names: Sequence[str], templates: Sequence[str]) -> Tensor:
    """A unit vector for each name [classes, D]: the mean over templates of the unit vectors of the texts."""
    texts = [template.replace("{}", name) for name in names for template in templates]
    vectors = nn.functional.normalize(encode_samples(backbone, texts)["text"].pooled.float(), dim=1)
    return nn.functional.normalize(vectors.view(len(names), len(templates), -1).mean(1), dim=1)


def learned_scale(module: nn.Module) -> float:
    """What the network multiplies cosines by: `exp(logit_scale)` where it learned one, else 100."""
    log = getattr(module, "logit_scale", None)
    return float(log.detach().float().exp()) if isinstance(log, Tensor) and log.numel() == 1 else SCALE
