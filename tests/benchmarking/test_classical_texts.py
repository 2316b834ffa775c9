"""TF-IDF and logistic regression, against scikit-learn's pipeline and values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from zoo.benchmarking.classical_texts import LENGTH, fit_texts
from zoo.errors import DataError

TEXTS = ["a red rose", "blue sky and sea", "red red wine", "deep blue water", "green green grass", "a green leaf"]
TARGETS = np.array([0, 1, 0, 1, 2, 2])


def test_equals_a_scikit_learn_pipeline():
    decide, weights = fit_texts(TEXTS, TARGETS, 0.3, 3)
    counter = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    known = LENGTH * counter.fit_transform(TEXTS)
    solver = LogisticRegression(C=0.3, max_iter=2000).fit(known, TARGETS)
    asked = ["red sky", "green", "unknown words"]
    assert decide(asked) == pytest.approx(solver.decision_function(LENGTH * counter.transform(asked)))
    assert weights == 3 * (len(counter.vocabulary_) + 1)


def test_the_vocabulary_is_of_the_labelled_texts_alone():
    decide, _ = fit_texts(TEXTS, TARGETS, 1.0, 3)
    assert decide(["never seen"]) == pytest.approx(decide(["nor this"]))
    assert decide(["?"]).shape == (1, 3)


def test_an_absent_class_never_wins():
    decide, _ = fit_texts(TEXTS[:4], TARGETS[:4], 1.0, 4)
    found = decide(TEXTS)
    assert found.shape == (6, 4)
    assert set(found.argmax(1)) <= {0, 1}


def test_pairs_are_read_together():
    pairs = [tuple(text.split(" ", 1)) for text in TEXTS]
    assert fit_texts(pairs, TARGETS, 1.0, 3)[0](pairs) == pytest.approx(fit_texts(TEXTS, TARGETS, 1.0, 3)[0](TEXTS))


def test_texts_without_a_word():
    with pytest.raises(DataError, match="none of 2 texts holds a word"):
        fit_texts(["?", "..."], np.array([0, 1]), 1.0, 2)
