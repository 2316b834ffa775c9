"""k nearest neighbours on frozen features: nothing trains at all, and the labelled samples vote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from zoo.adaptations.options import number, pick, whole
from zoo.data.labelled import answer_of
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from zoo.contracts import Backbone, ParameterGroup

NEIGHBOURS = (1, 3, 10, 20, 50, 100, 200)
TINY = 1e-12  # share of the vote of a class that no neighbour has


class Knn:
    """The `k` labelled samples nearest by cosine vote, each with weight exp(cosine / temperature).

    With several labels each label has a vote of its own; of numbers the vote is their weighted mean.

    Options:
        k: neighbours; validation chooses it by default, among 1 to 200 as far as there are labels.
        temperature: 0.07 by default; the larger, the more alike the votes of near and far neighbours.

    Source: the protocol of Wu et al. 2018 (https://arxiv.org/abs/1805.01978) as DINO uses it (Caron et al. 2021,
    https://arxiv.org/abs/2104.14294).
    """

    trains_backbone = False
    searched = "k"
    options: ClassVar = {"k": whole(None), "temperature": number(0.07, "above 0", lambda value: value > 0)}

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:  # noqa: ARG002
        """Freeze everything; there is nothing for an optimiser to do."""
        backbone.module.requires_grad_(False)
        return []

    def candidates(self, options: Mapping[str, Any], labels: int) -> list[dict[str, Any]]:
        """The k that was given, or those that validation chooses from.

        Raises:
            IncompatibleError: more neighbours than labelled samples.
        """
        given = pick("knn", self, options)
        if given["k"] is None:
            return [given | {"k": k} for k in NEIGHBOURS if k <= labels]
        if given["k"] > labels:
            raise IncompatibleError(
                f"k={given['k']} neighbours were asked for, and there are {labels} labelled samples. "
                f"Fix: k={labels} or less."
            )
        return [given]

    def fit_head(self, features: np.ndarray, targets: np.ndarray, options: Mapping[str, Any], classes: int) -> KnnHead:
        """A head that holds the features [N, D] and the targets; with fewer than k samples all of them vote."""
        chosen = pick("knn", self, options)
        head = KnnHead(
            len(features),
            features.shape[1],
            classes,
            k=min(chosen["k"] or 10, len(targets)),
            heat=chosen["temperature"],
            answer=answer_of(targets),
        )
        head.features.copy_(nn.functional.normalize(torch.from_numpy(features).float(), dim=1))
        head.targets.copy_(torch.from_numpy(targets))
        return head

    def blank_head(self, width: int, classes: int, facts: Mapping[str, Any]) -> KnnHead:
        """A head of the right shapes, for saved weights to be loaded into; `facts` are those of the saved head."""
        return KnnHead(
            facts["samples"], width, classes, k=facts["k"], heat=facts["temperature"],
            answer=facts.get("answer", "classification"),
        )  # fmt: skip


class KnnHead(nn.Module):
    """Features [B, D] to outputs [B, classes]; `facts` rebuild it.

    Outputs are log shares of the vote, log odds of each label's share, or the mean of numbers: a softmax or a sigmoid
    gives the shares back.

    Example:
        >>> import numpy as np
        >>> features, targets = np.eye(3, dtype=np.float32), np.array([0, 1, 1])
        >>> head = Knn().fit_head(features, targets, {"k": 1}, classes=2)
        >>> head(torch.tensor([[2.0, 0.1, 0.0], [0.0, 0.1, 3.0]])).argmax(1).tolist()
        [0, 1]
    """

    features: Tensor
    targets: Tensor

    def __init__(self, samples: int, width: int, classes: int, *, k: int, heat: float, answer: str) -> None:
        super().__init__()
        self.k, self.heat, self.classes, self.answer = k, heat, classes, answer
        shape = (samples, classes) if answer == "multi_label" else (samples,)
        kind = torch.long if answer == "classification" else torch.float32
        self.register_buffer("features", torch.zeros(samples, width))
        self.register_buffer("targets", torch.zeros(shape, dtype=kind))

    @property
    def facts(self) -> dict[str, Any]:
        """What `Knn.blank_head` needs."""
        return {"samples": len(self.targets), "k": self.k, "temperature": self.heat, "answer": self.answer}

    def forward(self, features: Tensor) -> Tensor:
        alike = nn.functional.normalize(features, dim=1) @ self.features.T
        nearest, which = alike.topk(self.k, dim=1)
        weights = (nearest / self.heat).softmax(1)  # shares of the vote: exp(cosine / temperature), normalised
        if self.answer != "classification":
            answers = self.targets[which].reshape(*which.shape, -1)  # [B, k, K]
            votes = (weights[..., None] * answers).sum(1)
            return votes if self.answer == "regression" else votes.clamp(TINY, 1 - 1e-6).logit()
        votes = torch.zeros(len(features), self.classes, dtype=weights.dtype, device=weights.device)
        return votes.scatter_add(1, self.targets[which], weights).clamp_min(TINY).log()
