"""Sentence pairs: a text and its partner are alike, and unlike the partners of all other texts of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.options import flag, number, own_options
from zoo.contracts import Backbone, Batch
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from zoo.data.generated import Source


class SentencePairs:
    """Find each text's partner among those of the batch, by cosines of pooled features.

    Where a batch is two of texts (`inputs` is a tuple: the first text of each pair, and the second, each as
    preprocessing makes texts), the partners are given: Henderson et al. 2017 (https://arxiv.org/abs/1705.00652), with
    the cosines of Sentence-BERT (Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084).

    Where it is one of single texts, a text is its own partner, and only dropout differs between the two passes:
    unsupervised SimCSE (Gao et al. 2021, https://arxiv.org/abs/2104.08821). What is compared is what tasks get, the
    pooled features, with no layer between that is thrown away (the paper has one on the [CLS] token).

    Options:
        temperature: cosines are divided by it; 0.05 in SimCSE and, as a scale of 20, in Sentence-BERT's loss.
        symmetric: whether the second text also looks for the first.
        masked: the share of tokens of each text, special ones aside, that the mask hides; 0 hides none. Two texts that
            share rare words are then no longer found by these words alone.

    Example:
        >>> SentencePairs(symmetric="true").symmetric
        True
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {
        "temperature": number(0.05, "a number above 0", lambda value: value > 0),
        "symmetric": flag(False),
        "masked": number(0.0, "a share from 0 to below 1", lambda share: 0 <= share < 1),
    }
    divisible = False
    gathers = True
    least = 2  # samples of a batch: one alone has nothing to be told from
    pairs = True  # of texts, each an input of its own, are taken too: for others they are refused

    def __init__(self, **options: Any) -> None:
        own = own_options("sentence_pairs", self, options)
        self.temperature: float = own["temperature"]
        self.symmetric: bool = own["symmetric"]
        self.masked: float = own["masked"]
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """Nothing is trained beside the backbone.

        Raises:
            IncompatibleError: no backbone of texts; single texts, and a network without dropout; or tokens shall be
                masked, and the tokenizer has no mask.
        """
        from torch import nn

        from zoo.data.batches import generator_at

        spec = backbone.spec
        if spec.modality != "text":
            raise IncompatibleError(
                f"sentence_pairs is for texts, and {spec.name} is for {spec.modality}. "
                "Fix: choose a backbone of the modality text."
            )
        if not _has_dropout(backbone.module) and not isinstance(source.batch(2, generator_at(0, 0)).inputs, tuple):
            raise IncompatibleError(
                f"sentence_pairs on single texts needs dropout to tell two passes apart, and {spec.name} has none. "
                "Fix: give pairs of texts, or choose a network with dropout."
            )
        if self.masked:
            from zoo.objectives.vocabulary import need_mask, vocabulary_of

            self._vocabulary = vocabulary_of(backbone, source)
            need_mask(self._vocabulary, spec.name)
            self.notes = self._vocabulary.notes
        return nn.Identity()

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The two texts of each pair, or every single text twice; what is drawn is which tokens are masked."""
        both: Any = batch.inputs
        twice: Any = both if isinstance(both, tuple) else (both, both)
        if self.masked:
            twice = tuple(self._hidden(side, generator) for side in twice)
        return Batch(twice, batch.targets)

    def _hidden(self, texts: Any, generator: torch.Generator) -> Any:
        """The texts of one side, some tokens behind the mask."""
        from zoo.objectives.mlm import hide
        from zoo.objectives.parts import joined, parts_of

        shares = (self.masked, 1.0, 0.0)  # of the tokens, and of these the mask and other words
        return joined([hide(part, self._vocabulary, generator, *shares)[0] for part in parts_of(texts)], texts)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:  # noqa: ARG002  (there are none)
        """Cross-entropy over the batch of all processes."""
        from zoo.objectives.contrastive import in_batch_negatives
        from zoo.objectives.gathering import gather_here
        from zoo.providers.bundles import pooled

        one, other = (pooled(backbone, texts) for texts in views.inputs)
        return in_batch_negatives(one, other, self.temperature, symmetric=self.symmetric, gather=gather_here())

    def after_step(self) -> None:
        """Nothing moves beside the optimiser."""


def _has_dropout(network: nn.Module) -> bool:
    from torch import nn

    return any(part.p > 0 for part in network.modules() if isinstance(part, nn.modules.dropout._DropoutNd))
