"""Intervals: their limits, their words, and how often they cover the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from zoo.errors import DataError, UnknownName
from zoo.tasks.intervals import _draws, score_interval, support
from zoo.tasks.weighted import statistics

CLASSIFIED = (np.eye(3)[[0, 0, 1, 2, 2, 0] * 5], np.array([0, 0, 1, 2, 1, 2] * 5))


def classified(rng, sizes=(60, 20, 8), recall=(0.9, 0.8, 0.6)):
    """Outputs and targets of a classifier whose recall of each class is known; its balanced accuracy is the mean."""
    targets = np.repeat(np.arange(3), sizes)
    said = np.where(rng.random(len(targets)) < np.array(recall)[targets], targets, (targets + 1) % 3)
    return np.eye(3)[said], targets, None


def perfect(rng):
    return *classified(rng, (12, 12, 12), (0.98, 0.98, 0.98))[:2], None


def spoken(rng, speakers=20, clips=8):
    """A classifier that is good for some speakers and bad for others: 75 % on the mean."""
    groups = np.repeat(np.arange(speakers), clips)
    right = rng.random(len(groups)) < rng.choice([0.5, 1.0], speakers)[groups]
    return np.eye(2)[right.astype(int)], np.ones(len(groups), dtype=int), groups


def measured(rng, items=60):
    """Predictions with half of the variance of the targets left: r2 is 50 %."""
    said = rng.standard_normal((items, 1))
    return said, said[:, 0] + rng.standard_normal(items), None


def labelled(rng, items=150):
    """Two classes, 20 % and 40 % positive, by scores that lie one deviation higher for positives."""
    true = rng.random((items, 2)) < (0.2, 0.4)
    return rng.standard_normal((items, 2)) + true, true.astype(int), None


# Truth None: taken from a part of a million items. `measured` is the coverage over 2,000 parts (standard error 0.5
# points) with 500 resamples; where nearly nothing goes wrong the widening makes the interval wide on purpose.
CASES = [  # answer, metric, maker, truth, measured
    ("classification", "accuracy", classified, 100 * (0.9 * 60 + 0.8 * 20 + 0.6 * 8) / 88, 95.6),
    ("classification", "balanced_accuracy", classified, 100 * (0.9 + 0.8 + 0.6) / 3, 95.5),
    ("classification", "balanced_accuracy", perfect, 98.0, 99.5),
    ("classification", "accuracy", spoken, 75.0, 96.2),
    ("regression", "r2", measured, 50.0, 92.9),
    ("multi_label", "macro_average_precision", labelled, None, 93.2),
]


def coverage(answer, metric, make, truth, parts, resamples=500):
    """Percent of intervals, over so many drawn test parts, that hold the truth."""
    rng = np.random.default_rng(0)
    if truth is None:
        outputs, targets, _ = make(rng, 10**6)
        truth = float(statistics(answer, outputs, targets)[metric](np.ones((1, len(targets))))[0])
    found = [score_interval(answer, metric, *make(rng), resamples=resamples) for _ in range(parts)]
    return 100 * np.mean([each.low <= truth <= each.high for each in found])


@pytest.mark.parametrize(("answer", "metric", "make", "truth", "measured"), CASES)
def test_intervals_cover_the_truth_as_often_as_measured(answer, metric, make, truth, measured):
    found = coverage(answer, metric, make, truth, parts=200)
    assert abs(found - measured) < 5.5  # three standard errors of 200 parts at 93 %


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "metric", "make", "truth", "measured"), CASES)
def test_the_measured_coverage(answer, metric, make, truth, measured):
    assert abs(coverage(answer, metric, make, truth, parts=2000) - measured) < 0.5


def test_groups_make_it_wider():
    outputs, targets, groups = spoken(np.random.default_rng(1))
    alone = score_interval("classification", "accuracy", outputs, targets)
    together = score_interval("classification", "accuracy", outputs, targets, groups)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together.method == "bootstrap percentiles over 20 groups"
    assert together.score == alone.score


def test_a_plain_accuracy_is_wilsons():
    outputs, targets = CLASSIFIED
    found = score_interval("classification", "accuracy", outputs, targets)
    bounds = binomtest(20, 30).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == (100 * bounds.low, 100 * bounds.high)


def test_perfect_answers_do_not_make_a_point():
    outputs, targets = np.eye(2)[[0] * 40 + [1] * 4], np.array([0] * 40 + [1] * 4)
    found = score_interval("classification", "balanced_accuracy", outputs, targets)
    assert (found.score, found.high) == (100, 100)
    assert found.low == pytest.approx(100 - 100 * (1 - 0.025 ** (1 / 4)) / 2)  # half of what 4 of 4 leave open
    assert found.method.endswith("widened to what so few leave open")
    alone = score_interval("multi_label", "exact_match", np.ones((8, 2)), np.ones((8, 2)))
    assert alone.low == pytest.approx(100 * 0.025 ** (1 / 8))


def test_groups_that_all_agree_are_as_few_as_they_are():
    outputs, targets, groups = np.eye(2)[[0, 1] * 12], np.array([0, 1] * 12), np.repeat(np.arange(4), 6)
    found = score_interval("classification", "accuracy", outputs, targets, groups)
    assert found.low == pytest.approx(100 * 0.025 ** (1 / 4))


def test_one_unit_says_nothing_of_the_spread():
    one = score_interval("classification", "accuracy", *CLASSIFIED, np.zeros(30))
    assert (one.low, one.high, one.method) == (0, 100, "none: 1 groups say nothing of their spread")
    number = score_interval("regression", "rmse", np.ones((1, 1)), np.zeros(1))
    assert (number.low, number.high) == (-np.inf, np.inf)


def test_a_group_drawn_is_drawn_whole():
    units = np.array([0, 1, 1, 2])
    draws = np.concatenate(list(_draws(units, np.zeros(3, dtype=int), 50, seed=0)))
    assert draws.shape == (50, 4)
    assert (draws[:, 1] == draws[:, 2]).all()
    assert (draws[:, [0, 1, 3]].sum(1) == 3).all()


def test_draws_keep_the_size_of_each_class():
    strata = np.array([0, 1, 1, 0, 2])
    draws = np.concatenate(list(_draws(np.arange(5), strata, 50, seed=0)))
    assert (draws[:, strata == 0].sum(1) == 2).all()
    assert (draws[:, 4] == 1).all()


def test_same_seed_same_interval():
    first, second, other = (
        score_interval("classification", "macro_f1", *CLASSIFIED, seed=seed, resamples=200) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_what_cannot_be_asked():
    with pytest.raises(UnknownName, match=r"balanced_acc.*Nearest: balanced_accuracy"):
        score_interval("classification", "balanced_acc", *CLASSIFIED)
    with pytest.raises(DataError, match=r"lengths \[29, 30\]"):
        score_interval("classification", "accuracy", CLASSIFIED[0], CLASSIFIED[1][:-1])
    with pytest.raises(DataError, match="items"):
        score_interval("regression", "r2", np.zeros((0, 1)), np.zeros(0))


def test_support_says_what_is_thin():
    names = ("a", "b", "c", "d")
    assert support(np.array([0] * 9 + [1] * 5), names) == (
        "2 classes have no test item and are in no mean over classes: c, d",
    )
    assert support(np.array([0] * 9 + [1, 2, 3]), names) == (
        "3 classes have fewer than 5 test items each: b (1), c (1), d (1)",
    )
    said = support(np.array([[1, 1, 0]] * 5 + [[0, 1, 0]]), names[:3])
    assert said == (
        "1 class has no test item and is in no mean over classes: c",
        "1 class has no test item without it and is in no mean of average precision: b",
    )
