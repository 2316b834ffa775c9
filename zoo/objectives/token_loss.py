"""Cross-entropy over the tokens that a network has to predict: the loss of masked and of causal language models.

The logits of a whole batch over a large vocabulary are most of its memory, so they are made only where they count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.objectives.parts import parts_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.contracts import Backbone

IGNORED = -100  # of a target that is not predicted; what torch and transformers use


def token_loss(backbone: Backbone, heads: nn.Module, inputs: Any, targets: Any) -> Tensor:
    """Mean cross-entropy of the targets [B, T] that are not IGNORED, over all parts of a batch; 0 where there are none.

    Args:
        heads: hidden states [M, D] to logits [M, V].
        inputs, targets: as the views of `mlm` and `causal` hold them.
    """
    from torch.nn.functional import cross_entropy

    losses = []
    for part, wanted in zip(parts_of(inputs), parts_of(targets), strict=True):
        hidden = backbone.encode(part)[backbone.spec.modality].tokens
        assert hidden is not None  # `needs` asks for tokens
        chosen = wanted != IGNORED
        logits = heads(hidden[chosen])
        losses.append(cross_entropy(logits, wanted[chosen], reduction="sum") + 0.0 * hidden.sum())
    total: Tensor = sum(losses[1:], losses[0])
    return total / max(token_count(targets), 1)


def token_count(targets: Any) -> int:
    """How many targets are predicted: what a part of a batch counts by, since the loss is a mean over tokens.

    Example:
        >>> import torch
        >>> token_count(torch.tensor([[5, IGNORED], [7, 8]]))
        3
    """
    return sum(int((part != IGNORED).sum()) for part in parts_of(targets))
