"""Token embeddings that know their neighbours before the first step: the start that recipes call `ppmi`.

How often two tokens stand near each other in the data is counted, weighed and factored. That is pre-training without
gradients: it reads the same data, takes seconds, and belongs to the recipe, whose digest covers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Collection

    from zoo.contracts import Backbone

WINDOW = 5  # tokens to either side; a neighbour at distance d counts 1 / d
SMOOTHING = 0.75  # the power that contexts are counted to


def start_embeddings(backbone: Backbone, source: Any, *, seed: int = 0) -> None:
    """Put the vectors of `neighbour_vectors` into the embeddings of a text network, as wide as these spread already.

    Special tokens keep the embeddings that they have.

    Args:
        backbone: a network of transformers that reads the ids of the source.
        source: has `stream()` and `tokens` (see `zoo.data.generated.Source`).

    Raises:
        IncompatibleError: a source without these, or a network without token embeddings of enough rows.
    """
    import torch

    network: Any = backbone.module
    embeddings: Any = network.get_input_embeddings() if hasattr(network, "get_input_embeddings") else None
    if not hasattr(source, "stream") or getattr(embeddings, "weight", None) is None:
        raise IncompatibleError(
            f"init = 'ppmi' needs data that are read as one stream of tokens and a network with token embeddings; "
            f"{getattr(source, 'name', source)!r} with {backbone.spec.name} has not both. Fix: init = 'scratch'."
        )
    tokens, weight = source.tokens, embeddings.weight
    if weight.shape[0] < tokens.vocabulary:
        raise IncompatibleError(
            f"the data have {tokens.vocabulary} tokens, and {backbone.spec.name} has {weight.shape[0]}. "
            "Fix: choose the backbone that belongs to these data, such as pocket/gpt2."
        )
    vectors = neighbour_vectors(source.stream(), tokens.vocabulary, weight.shape[1], skipped=tokens.special, seed=seed)
    words = [index for index in range(tokens.vocabulary) if index not in tokens.special]
    with torch.no_grad():
        made = torch.from_numpy(vectors[words]).to(weight)
        weight[words] = made * (weight.std() / made.std().clamp(min=1e-12))


def neighbour_vectors(
    stream: np.ndarray, vocabulary: int, width: int, *, skipped: Collection[int] = (), seed: int = 0
) -> np.ndarray:
    """One vector for each token, [vocabulary, width] float32: positive pointwise mutual information, factored.

    Args:
        stream: token numbers [N] in reading order.
        vocabulary: how many tokens there are.
        width: of the vectors, below `vocabulary`.
        skipped: tokens that are no neighbours of any.
        seed: of the factoring, which is approximate.

    Source: Levy and Goldberg 2014, Neural word embedding as implicit matrix factorization
    (https://papers.nips.cc/paper/5477); smoothing and square roots of Levy et al. 2015
    (https://aclanthology.org/Q15-1016).

    Example:
        >>> stream = np.array([1, 2, 1, 2, 1, 3, 4, 3, 4, 3])
        >>> neighbour_vectors(stream, 5, 2).shape
        (5, 2)
    """
    from scipy.sparse import coo_matrix
    from sklearn.utils.extmath import randomized_svd

    kept = ~np.isin(stream, list(skipped))
    shape = (vocabulary, vocabulary)
    counts = coo_matrix(shape, dtype=np.float64).tocsr()
    for distance in range(1, WINDOW + 1):
        both = kept[:-distance] & kept[distance:]
        places = (stream[:-distance][both], stream[distance:][both])
        counts += coo_matrix((np.full(both.sum(), 1 / distance), places), shape).tocsr()
    found = (counts + counts.T).tocoo()
    sums = np.asarray(found.sum(1)).ravel()
    smoothed = sums**SMOOTHING
    information = np.log(found.data * smoothed.sum() / (sums[found.row] * smoothed[found.col]))
    positive = coo_matrix((np.maximum(information, 0), (found.row, found.col)), shape).tocsr()
    left, values, _ = randomized_svd(positive, width, n_iter=3, random_state=seed)
    return np.asarray(left * np.sqrt(values), dtype=np.float32)
