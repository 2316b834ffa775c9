"""Scores of resamples at once equal the scores of each resample by itself."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from zoo.errors import InvalidRecord
from zoo.tasks import TASKS
from zoo.tasks.weighted import average_precision, mid_ranks, statistics

NO_STATISTIC = {"ece"}


def drawn(rng, answer, items=25, classes=4):
    """Outputs with ties, targets, and draws: a class that does not occur, and items that are not drawn."""
    outputs = rng.integers(-3, 4, (items, 1 if answer == "regression" else classes)) / 2
    targets = {
        "classification": rng.integers(0, classes - 1, items),
        "multi_label": (rng.random((items, classes)) < (0.1, 0.5, 0.0, 1.0)).astype(int),
        "regression": rng.integers(1000, 1005, items) / 1.0,
    }[answer]
    return outputs, targets, rng.multinomial(items, np.full(items, 1 / items), size=30).astype(float)


@pytest.mark.parametrize("answer", ["classification", "multi_label", "regression"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_each_resample_scores_as_by_itself(answer, seed):
    rng = np.random.default_rng(seed)
    outputs, targets, draws = drawn(rng, answer)
    kind, found = TASKS.get(f"image_{answer}")(), statistics(answer, outputs, targets)
    together = {name: statistic(draws) for name, statistic in found.items()}
    for row, times in enumerate(draws[:5].astype(int)):
        items = np.repeat(np.arange(len(times)), times)
        alone = kind.score(torch.from_numpy(outputs[items]), targets[items], outputs.shape[1])
        assert set(alone) - NO_STATISTIC == set(found)
        for name, values in together.items():
            assert values[row] == pytest.approx(alone[name], rel=1e-6, abs=1e-6), name


@given(seed=st.integers(0, 10**6), levels=st.integers(1, 20))
@settings(max_examples=20, deadline=None)
def test_average_precision_with_equal_scores_is_scikit_learns(seed, levels):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, levels, 30) / 1.0, rng.integers(0, 2, 30) / 1.0
    draws = rng.integers(0, 3, (5, 30)) / 1.0
    found = average_precision(scores, positive)(draws)
    for each, times in zip(found, draws, strict=True):
        if times @ positive:
            assert each == pytest.approx(average_precision_score(positive, scores, sample_weight=times))


def test_ranks_are_scipys():
    rng = np.random.default_rng(0)
    values, times = rng.integers(0, 6, 20) / 1.0, rng.integers(0, 3, 20)
    found = mid_ranks(values)(times[None] / 1.0)[0]
    assert np.repeat(found, times) == pytest.approx(rankdata(np.repeat(values, times)))


def test_nothing_positive_is_no_free_score():
    draws = np.ones((2, 3))
    found = statistics("multi_label", np.ones((3, 2)), np.zeros((3, 2)))
    assert found["macro_average_precision"](draws).tolist() == [0, 0]
    assert found["micro_average_precision"](draws).tolist() == [0, 0]


def test_an_unknown_answer():
    with pytest.raises(InvalidRecord, match="Nearest: regression"):
        statistics("regresion", np.ones((1, 1)), np.ones(1))


@pytest.mark.parametrize("targets", [np.ones((5, 2)), np.tile([[1, 0]], (5, 1)), np.array([[1, 0]] * 2 + [[0, 0]] * 3)])
def test_labels_without_one_of_the_answers_score_as_by_themselves(targets):
    outputs = np.random.default_rng(0).normal(size=targets.shape)
    alone = TASKS.get("image_multi_label")().score(torch.from_numpy(outputs), targets, 2)
    found = {name: one(np.ones((1, 5)))[0] for name, one in statistics("multi_label", outputs, targets).items()}
    assert found == pytest.approx(alone)
