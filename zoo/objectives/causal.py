"""Causal language modelling: every token is predicted from those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import Option, own_options
from zoo.contracts import Backbone, Batch, Padded
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Causal:
    """The next token of each real token but the last of a text; nothing is drawn, so that there is nothing to set.

    Source: GPT-2, Radford et al. 2019 (https://openai.com/research/better-language-models). The head is the library's
    own for this network (`zoo.objectives.native_heads`); the loss is the mean over the predicted tokens of a batch.

    Example:
        >>> Causal().divisible
        True
    """

    needs: ClassVar[frozenset[str]] = frozenset({"tokens"})
    options: ClassVar[dict[str, Option]] = {}
    divisible = True

    def __init__(self, **options: Any) -> None:
        own_options("causal", self, options)
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Any = None) -> nn.Module:
        """The library's head, with the checkpoint's weights where the backbone has them; `notes` tell.

        Raises:
            IncompatibleError: the network sees the token that it should predict, has no such head, or has fewer words
                than the tokenizer.
            WeightsError: the head of the checkpoint cannot be read.
        """
        from zoo.objectives.native_heads import check_kind, native_head
        from zoo.objectives.vocabulary import vocabulary_of
        from zoo.providers.transformers_text import is_causal

        check_kind(backbone, "causal")
        if not is_causal(backbone.spec.arch):
            raise IncompatibleError(
                f"{backbone.spec.name} sees what stands after a token, so that there is nothing to predict. "
                "Fix: choose objective mlm, or a network that sees only what stands before (such as transformers/gpt2)."
            )
        vocabulary_of(backbone, source)  # refuses one that does not belong to the network
        head = native_head(backbone, "causal")
        self.notes = head.notes
        return head

    def views(self, batch: Batch, _generator: torch.Generator) -> Batch:
        """The same inputs, and targets [B, T]: of each token the next one, -100 at the last of a text."""
        from zoo.objectives.parts import joined, parts_of

        inputs: Any = batch.inputs
        return Batch(inputs, joined([next_tokens(part) for part in parts_of(inputs)], inputs))

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Mean cross-entropy over the predicted tokens."""
        from zoo.objectives.token_loss import token_loss

        return token_loss(backbone, heads, views.inputs, views.targets)

    def mass(self, views: Batch) -> int:
        """How many tokens are predicted."""
        from zoo.objectives.token_loss import token_count

        return token_count(views.targets)

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""


def next_tokens(part: Padded | Tensor) -> Tensor:
    """Of ids [B, T] (or [B, T, 2] with the kind of each) the next real one, and -100 where there is none.

    Example:
        >>> import torch
        >>> next_tokens(Padded(torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()))
        tensor([[   6,    7, -100],
                [   9, -100, -100]])
    """
    import torch

    from zoo.objectives.token_loss import IGNORED

    values = part.values if isinstance(part, Padded) else part
    ids = values[..., 0] if values.ndim == 3 else values
    real = ids if not isinstance(part, Padded) else ids.masked_fill(~part.mask, IGNORED)
    return torch.cat([real[:, 1:], torch.full_like(real[:, :1], IGNORED)], dim=1)
