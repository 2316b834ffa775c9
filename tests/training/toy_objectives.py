"""Objectives small enough for tests: hidden tokens of texts, the mean of a clip, and pairs told apart."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from zoo.adaptations.options import number, own_options
from zoo.catalog.fit import Needs
from zoo.contracts import Batch, Padded
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.providers.bundles import Bundle, pooled


class Hidden:
    """Say which the hidden tokens were; a mean over them."""

    needs: ClassVar = frozenset({"tokens"})
    options: ClassVar = {"rate": number(0.3, "a share above 0 and below 1", lambda rate: 0 < rate < 1)}
    divisible = True

    def __init__(self, **options: Any) -> None:
        self.rate = own_options("hidden", self, options)["rate"]

    def build(self, backbone: Any, source: Any) -> nn.Module:
        return nn.Linear(backbone.spec.token_dim, backbone.module.config.vocab_size)

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        ids, mask = batch.inputs.values, batch.inputs.mask
        hide = (torch.rand(ids.shape, generator=generator) < self.rate) & mask
        return Batch(Padded(ids.masked_fill(hide, 1), mask), ids.masked_fill(~hide, -100))

    def mass(self, views: Batch) -> int:
        return int((views.targets >= 0).sum())

    def loss(self, backbone: Any, heads: nn.Module, views: Batch) -> torch.Tensor:
        logits = heads(backbone.encode(views.inputs)["text"].tokens)
        return nn.functional.cross_entropy(logits.flatten(0, 1), views.targets.flatten())

    def after_step(self) -> None:
        pass


class Loudness:
    """Say how loud a sample is; needs no labels and takes batches in parts."""

    needs: ClassVar = frozenset({"pooled"})
    divisible = True

    def build(self, backbone: Any, source: Any) -> nn.Module:
        return nn.Linear(backbone.pooled_dim, 1)

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        parts = batch.inputs.parts if isinstance(batch.inputs, Bundle) else (batch.inputs,)
        values = [part.values if isinstance(part, Padded) else part for part in parts]
        power = torch.cat([one.float().pow(2).flatten(1).mean(1) for one in values])
        return Batch(batch.inputs, power[batch.inputs.order] if isinstance(batch.inputs, Bundle) else power)

    def loss(self, backbone: Any, heads: nn.Module, views: Batch) -> torch.Tensor:
        return nn.functional.mse_loss(heads(pooled(backbone, views.inputs))[:, 0], views.targets)

    def after_step(self) -> None:
        pass


class Apart(Loudness):
    """Its loss compares samples, so that a batch cannot be cut."""

    divisible = False


def register() -> None:
    """Put them among the objectives; they do no harm there."""
    for name, kind, needs in (
        ("hidden", "Hidden", Needs(("tokens",), ("text",))),
        ("loudness", "Loudness", Needs()),
        ("apart", "Apart", Needs()),
    ):
        OBJECTIVES.builtins[name] = f"toy_objectives:{kind}"
        NEEDS[name] = needs


def unregister() -> None:
    """Take them out again."""
    for name in ("hidden", "loudness", "apart"):
        OBJECTIVES.builtins.pop(name, None)
        NEEDS.pop(name, None)
