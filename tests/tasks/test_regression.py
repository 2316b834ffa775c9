import copy
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, rankdata

import zoo
from zoo.errors import DataError, IncompatibleError
from zoo.specs import TaskSpec
from zoo.tasks import TASKS
from zoo.tasks.regression import Regression

KIND = Regression()
RNG = np.random.default_rng(0)
TARGETS = (1000 + 20 * RNG.standard_normal(50)).astype(np.float32)
SAID = (TARGETS + 10 * RNG.standard_normal(50)).astype(np.float32)


def test_it_is_registered_for_all_inputs():
    assert {TASKS.get(f"{inputs}_regression") for inputs in ("image", "text", "text_pair", "audio")} == {Regression}


def test_the_head_answers_in_the_units_of_the_targets():
    head = KIND.head(zoo.load("pocket/resnet10", pretrained=False), TaskSpec("t", "image_regression", "t", 1))
    KIND.start(head, TARGETS)
    outputs = head(torch.randn(64, 256, generator=torch.Generator().manual_seed(0)))
    assert outputs.shape == (64, 1)
    assert abs(float(outputs.detach().mean()) - 1000) < 20
    assert KIND.predict(outputs).shape == (64,)
    assert KIND.probabilities(outputs) is None


def test_the_weighted_loss_is_that_of_standardised_targets():
    weights = torch.from_numpy(KIND.start(zoo_head(), TARGETS).values)
    outputs, targets = torch.from_numpy(SAID)[:, None], torch.from_numpy(TARGETS)
    standard = [(values - TARGETS.mean()) / TARGETS.std() for values in (SAID, TARGETS)]
    wanted = np.mean([(one - other) ** 2 for one, other in zip(*standard, strict=True)])
    assert float(KIND.loss(outputs, targets, 0.0, weights)) == pytest.approx(wanted, rel=1e-4)
    assert float(KIND.loss(outputs, targets, smoothing=0.1)) == pytest.approx(np.mean((SAID - TARGETS) ** 2), rel=1e-4)


def zoo_head():
    from zoo.tasks.scaled import ScaledLinear

    return ScaledLinear(4)


def test_training_does_not_depend_on_the_units():
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    start, predictions = zoo_head(), []
    for scale, shift in ((1.0, 0.0), (1000.0, 5000.0), (1e-25, 0.0), (1e25, 0.0)):
        head, targets = copy.deepcopy(start), torch.from_numpy((TARGETS - 1000) / 20) * scale + shift
        weights = torch.from_numpy(KIND.start(head, targets.numpy()).values)
        optimiser = torch.optim.SGD(head.parameters(), lr=0.1)
        for _ in range(20):
            optimiser.zero_grad()
            KIND.loss(head(features), targets, 0.0, weights).backward()
            optimiser.step()
        predictions.append((KIND.predict(head(features)).detach() - shift) / scale)
    for other in predictions[1:]:
        torch.testing.assert_close(other, predictions[0], atol=1e-4, rtol=1e-4)


def test_scores_by_hand():
    error = SAID.astype(float) - TARGETS
    found = KIND.score(torch.from_numpy(SAID)[:, None], TARGETS, 1)
    assert found == pytest.approx({
        "rmse": np.sqrt((error**2).mean()),
        "mae": np.abs(error).mean(),
        "r2": 100 * (1 - (error**2).sum() / ((TARGETS.astype(float) - TARGETS.mean(dtype=float)) ** 2).sum()),
        "spearman": 100 * pearsonr(rankdata(SAID), rankdata(TARGETS))[0],
    }, rel=1e-5)  # fmt: skip
    assert KIND.primary in found


def test_numbers_that_do_not_vary_score_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = KIND.metrics(np.ones(5), np.ones(5))
        one = KIND.metrics(np.ones(1), np.ones(1))
        mean = KIND.metrics(np.full(50, TARGETS.mean()), TARGETS)
    assert (same["r2"], same["spearman"], one["r2"]) == (0, 0, 0)
    assert mean["r2"] == pytest.approx(0, abs=1e-3)
    assert mean["spearman"] == 0


def test_targets_without_spread_and_without_sense():
    found = KIND.start(zoo_head(), np.full(3, 7.0))
    assert (found.values.tolist(), found.notes) == ([1.0], ("all targets are 7; there is nothing to learn",))
    for bad in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(DataError, match="finite"):
            KIND.start(zoo_head(), bad)
    with pytest.raises(IncompatibleError, match="no classes to weigh"):
        KIND.start(zoo_head(), TARGETS, how="balanced")
