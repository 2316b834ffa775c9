"""Masked language modelling: some tokens are hidden, and the network says which they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import Option, number, own_options
from zoo.contracts import Backbone, Batch, Padded
from zoo.errors import InvalidRecord

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from zoo.objectives.vocabulary import Vocabulary


class Mlm:
    """Of `rate` of the tokens 80 % become the mask, 10 % another word and 10 % stay; all of them are predicted.

    Source: BERT, Devlin et al. 2018 (https://arxiv.org/abs/1810.04805), drawn anew for every batch as RoBERTa does (Liu
    et al. 2019, https://arxiv.org/abs/1907.11692). Rates are theirs; each token is drawn by itself, as in the library.
    The head is the library's own for this network (`zoo.objectives.native_heads`), and loss the mean over the predicted
    tokens of a batch.

    Example:
        >>> Mlm(rate=0.3).rate
        0.3
    """

    needs: ClassVar[frozenset[str]] = frozenset({"tokens"})
    options: ClassVar[dict[str, Option]] = {
        "rate": number(0.15, "a share above 0 and below 1", lambda rate: 0 < rate < 1),
        "masked": number(0.8, "a share from 0 to 1", lambda share: 0 <= share <= 1),
        "replaced": number(0.1, "a share from 0 to 1", lambda share: 0 <= share <= 1),
    }
    divisible = True

    def __init__(self, **options: Any) -> None:
        chosen = own_options("mlm", self, options)
        self.rate, self.masked, self.replaced = chosen["rate"], chosen["masked"], chosen["replaced"]
        if self.masked + self.replaced > 1:
            raise InvalidRecord(
                f"masked and replaced are shares of the same tokens, 1 at most together, received {self.masked:g} and "
                f"{self.replaced:g}. Fix: lower one of them.",
                ("masked", "replaced"),
            )
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Any = None) -> nn.Module:
        """The library's head, with the checkpoint's weights where the backbone has them; `notes` tell.

        Raises:
            IncompatibleError: the library has no such head for this network, or its tokenizer has no mask.
            WeightsError: the head of the checkpoint cannot be read.
        """
        from zoo.objectives.native_heads import native_head
        from zoo.objectives.vocabulary import need_mask, vocabulary_of

        head = native_head(backbone, "masked")
        vocabulary = vocabulary_of(backbone, source)
        need_mask(vocabulary, backbone.spec.name)
        self._vocabulary = vocabulary
        self.notes = (*vocabulary.notes, *head.notes)
        return head

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Ids [B, T] with some hidden, and targets [B, T]: the id where one is predicted, else -100."""
        from zoo.objectives.parts import joined, parts_of

        inputs: Any = batch.inputs
        made = [
            hide(part, self._vocabulary, generator, self.rate, self.masked, self.replaced) for part in parts_of(inputs)
        ]
        return Batch(joined([one for one, _ in made], inputs), joined([wanted for _, wanted in made], inputs))

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Mean cross-entropy over the hidden tokens."""
        from zoo.objectives.token_loss import token_loss

        return token_loss(backbone, heads, views.inputs, views.targets)

    def mass(self, views: Batch) -> int:
        """How many tokens are predicted."""
        from zoo.objectives.token_loss import token_count

        return token_count(views.targets)

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""


def hide(
    part: Padded | Tensor, vocabulary: Vocabulary, generator: torch.Generator, rate: float, masked: float, other: float
) -> tuple[Padded | Tensor, Tensor]:
    """Ids with some hidden, and the targets.

    Args:
        part: ids [B, T], or [B, T, 2] with the kind of each token, which is kept.
        rate: share of the words that are chosen.
        masked, other: shares of the chosen that become the mask, or another word.
    """
    import torch

    from zoo.data.draws import uniform
    from zoo.objectives.token_loss import IGNORED

    values = part.values if isinstance(part, Padded) else part
    ids = values[..., 0] if values.ndim == 3 else values
    known = vocabulary.words  # a range of a hundred thousand makes no list
    words = torch.arange(len(known)) if known == range(len(known)) else torch.tensor(known)
    words = words.to(ids.device)
    eligible = ~torch.isin(ids, torch.tensor(vocabulary.special, dtype=ids.dtype, device=ids.device))
    if isinstance(part, Padded):
        eligible &= part.mask
    chances, fate, choice = (uniform(ids, generator, ids.shape, 0.0, 1.0) for _ in range(3))
    chosen = eligible & (chances < rate)
    others = words[(choice * len(words)).long().clamp(max=len(words) - 1)]
    hidden = torch.where(chosen & (fate < masked), vocabulary.mask or 0, ids)
    hidden = torch.where(chosen & (fate >= masked) & (fate < masked + other), others, hidden)
    targets = ids.masked_fill(~chosen, IGNORED)
    whole = torch.stack([hidden, values[..., 1]], dim=2) if values.ndim == 3 else hidden
    return (Padded(whole, part.mask) if isinstance(part, Padded) else whole), targets
