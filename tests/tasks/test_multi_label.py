import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

import zoo
from zoo.specs import TaskSpec
from zoo.tasks import TASKS
from zoo.tasks.multi_label import MultiLabel

KIND = MultiLabel()
RNG = np.random.default_rng(0)
TARGETS = (RNG.random((40, 3)) < (0.1, 0.4, 0.8)).astype(np.float32)
OUTPUTS = torch.from_numpy(RNG.standard_normal((40, 3)) + TARGETS)


def test_it_is_registered_for_all_inputs():
    names = [name for name in TASKS.names() if name.endswith("_multi_label")]
    assert names == [f"{inputs}_multi_label" for inputs in ("image", "text", "text_pair", "audio")]
    assert {TASKS.get(name) for name in names} == {MultiLabel}


def test_head_has_one_output_a_class():
    head = KIND.head(zoo.load("pocket/resnet10", pretrained=False), TaskSpec("t", "image_multi_label", "t", 7))
    assert head(torch.zeros(2, 256)).shape == (2, 7)


def slowly(scores, true):
    """Average precision written out: at each positive item, the precision of all that score as high."""
    return np.mean([true[scores >= scores[i]].mean() for i in np.flatnonzero(true)])


def f1(said, true):
    return 2 * (said * true).sum() / (said.sum() + true.sum())


def test_scores_by_hand():
    values, said = OUTPUTS.numpy(), (OUTPUTS > 0).numpy()
    found = KIND.score(OUTPUTS, TARGETS, 3)
    assert found == pytest.approx({
        "macro_average_precision": 100 * np.mean([slowly(values[:, k], TARGETS[:, k]) for k in range(3)]),
        "micro_average_precision": 100 * slowly(values.ravel(), TARGETS.ravel()),
        "micro_f1": 100 * f1(said, TARGETS),
        "macro_f1": 100 * np.mean([f1(said[:, k], TARGETS[:, k]) for k in range(3)]),
        "exact_match": 100 * np.mean([list(a) == list(b) for a, b in zip(said, TARGETS > 0, strict=True)]),
    })  # fmt: skip
    assert KIND.primary in found


def test_classes_with_one_answer_neither_break_nor_inflate():
    targets = np.concatenate([TARGETS, np.zeros((40, 1)), np.ones((40, 1))], axis=1)
    outputs = torch.cat([OUTPUTS, torch.randn(40, 2, generator=torch.Generator().manual_seed(0))], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = KIND.score(outputs, targets, 5)
    plain = KIND.score(OUTPUTS, TARGETS, 3)
    assert found["macro_average_precision"] == pytest.approx(plain["macro_average_precision"])
    assert average_precision_score(targets[:, 4], outputs[:, 4]) == 1  # which would have been a free 100
    assert set(KIND.score(OUTPUTS, np.zeros((40, 3)), 3).values()) <= {0.0, plain["exact_match"], 100 * np.mean(
        (OUTPUTS <= 0).all(1).numpy())}  # fmt: skip


def test_saying_no_to_all_scores_little():
    found = KIND.score(torch.full((40, 3), -1.0), TARGETS, 3)
    assert found["macro_average_precision"] == pytest.approx(100 * TARGETS.mean())
    assert found["macro_f1"] == found["micro_f1"] == 0


def test_weighted_and_smoothed_loss_by_hand():
    targets, weights, total = torch.from_numpy(TARGETS), torch.tensor([3.0, 1.0, 0.5]), 0.0
    chances = KIND.probabilities(OUTPUTS)
    for i in range(40):
        for k in range(3):
            soft = float(targets[i, k]) * 0.8 + 0.1
            total -= float(weights[k]) * soft * np.log(float(chances[i, k]))
            total -= (1 - soft) * np.log(1 - float(chances[i, k]))
    assert float(KIND.loss(OUTPUTS, targets, 0.2, weights.double())) == pytest.approx(total / 120, rel=1e-6)


def test_predictions_are_where_the_probability_is_above_a_half():
    assert torch.equal(KIND.predict(OUTPUTS).bool(), KIND.probabilities(OUTPUTS) > 0.5)
    assert KIND.metrics(KIND.predict(OUTPUTS).numpy(), TARGETS)["exact_match"] >= 0


def test_start_weighs_the_positives():
    assert KIND.start(None, TARGETS, ("a", "b", "c"), "balanced").values[0] == pytest.approx(
        (1 - TARGETS[:, 0]).sum() / TARGETS[:, 0].sum()
    )


def test_f1_of_the_only_class_that_occurs_is_its_own():
    targets, said = np.array([[1, 0], [1, 0], [0, 0], [0, 0]]), np.array([[1, 0], [0, 0], [0, 0], [0, 1]])
    assert MultiLabel().metrics(said, targets)["macro_f1"] == pytest.approx(200 / 3)  # 2 * 1 / (2 + 1), and no mean
