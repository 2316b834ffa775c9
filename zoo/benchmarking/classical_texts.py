"""The classical baseline of texts: TF-IDF of single words and pairs of words, and logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

LENGTH = 10.0  # of a text's vector: the penalties that are searched for standardised features then suit it too


def fit_texts(
    texts: Sequence[Any], targets: np.ndarray, penalty: float, classes: int
) -> tuple[Callable[[Sequence[Any]], np.ndarray], int]:
    """A function from texts to logits [n, classes], and the number of fitted weights.

    Words (runs of letters and digits, in lower case) and pairs of neighbours are counted, 1 + log(count), weighed by
    how rare they are among `texts`, and the vector of each text is brought to one length. Vocabulary and weights come
    from the labelled texts alone. Two texts of a pair are read one after the other.

    Args:
        texts: labelled texts, or pairs of them.
        targets: [n] class indices.
        penalty: inverse strength C of the L2 regularisation.
        classes: number of classes; one that is absent from `targets` gets a logit that never wins.

    Raises:
        DataError: no text holds a word.

    Example:
        >>> decide, weights = fit_texts(["so good", "so bad"], np.array([1, 0]), 1.0, 2)
        >>> decide(["good", "bad", "?"]).argmax(1).tolist(), weights
        ([1, 0, 0], 12)
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    try:
        known = counter.fit_transform([joined(text) for text in texts]) * LENGTH
    except ValueError as error:  # an empty vocabulary
        raise DataError(f"none of {len(texts)} texts holds a word ({error}). Fix: add texts with words.") from error
    solver = LogisticRegression(C=penalty, max_iter=2000).fit(known, targets)
    weight, bias = solver.coef_, solver.intercept_
    if len(solver.classes_) == 2:  # scikit-learn keeps one row for two classes
        weight, bias = np.concatenate([np.zeros_like(weight), weight]), np.concatenate([np.zeros_like(bias), bias])

    def decide(asked: Sequence[Any]) -> np.ndarray:
        logits = np.full((len(asked), classes), -1e9)
        logits[:, solver.classes_] = counter.transform([joined(text) for text in asked]) @ weight.T * LENGTH + bias
        return logits

    return decide, classes * (known.shape[1] + 1)


def joined(sample: Any) -> str:
    """One text of a sample: itself, or the two of a pair one after the other.

    Example:
        >>> joined("one"), joined(("one", "two"))
        ('one', 'one two')
    """
    return sample if isinstance(sample, str) else " ".join(sample)
