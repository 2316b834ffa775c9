import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo.tasks.calibration import COOLEST, HOTTEST, ece, fit_temperature, nll, reliability, top_label


def slowly(confidence, correct, bins):
    """Bin by bin, item by item."""
    total, table = 0.0, []
    for at in range(bins):
        low, high = at / bins, (at + 1) / bins
        those = [i for i, p in enumerate(confidence) if low < p <= high or (at == 0 and p == 0)]
        if those:
            sure = sum(confidence[i] for i in those) / len(those)
            right = sum(bool(correct[i]) for i in those) / len(those)
            total += len(those) / len(confidence) * abs(sure - right)
            table.append((len(those), sure, right))
    return 100 * total, table


@given(seed=st.integers(0, 10**6), items=st.integers(1, 200), bins=st.sampled_from([1, 4, 15]))
@settings(max_examples=40, deadline=None)
def test_ece_and_reliability_equal_a_slow_rewrite(seed, items, bins):
    rng = np.random.default_rng(seed)
    confidence = np.concatenate([rng.random(items), [0.0, 0.25, 0.5, 1.0]])  # with values on the edges of 4 bins
    correct = rng.random(len(confidence)) < 0.6
    wanted, table = slowly(confidence, correct, bins)
    assert ece(confidence, correct, bins) == pytest.approx(wanted)
    found = reliability(confidence, correct, bins)
    assert [each.count for each in found] == [count for count, _, _ in table]
    assert np.allclose([(each.confidence, each.accuracy) for each in found], [each[1:] for each in table])
    assert sum(each.count for each in found) == len(confidence)


def test_true_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    confidence = rng.random(100_000)
    assert ece(confidence, rng.random(100_000) < confidence) < 1
    assert ece(np.ones(100), np.zeros(100)) == 100


def test_what_has_no_reliability():
    with pytest.raises(DataError, match="not the outputs"):
        reliability(np.array([1.5]), np.array([True]))
    with pytest.raises(DataError, match="shapes"):
        reliability(np.array([]), np.array([]))
    with pytest.raises(DataError, match="shapes"):
        reliability(np.array([0.5]), np.array([True, False]))


def drawn(seed, heat, items=60, classes=4, sigmoid=False):
    """Outputs that are `heat` times what they should be, and targets drawn by the true ones."""
    rng = np.random.default_rng(seed)
    true = 2 * rng.standard_normal((items, classes))
    if sigmoid:
        targets = (rng.random(true.shape) < 1 / (1 + np.exp(-true))).astype(np.float32)
    else:
        shares = np.exp(true) / np.exp(true).sum(1, keepdims=True)
        targets = np.array([rng.choice(classes, p=row) for row in shares])
    return torch.from_numpy(true * heat), targets


@pytest.mark.parametrize("sigmoid", [False, True])
@given(seed=st.integers(0, 10**6), heat=st.floats(0.01, 100))
@settings(max_examples=25, deadline=None)
def test_a_temperature_never_raises_the_nll_and_is_the_best_of_a_grid(sigmoid, seed, heat):
    outputs, targets = drawn(seed, heat, sigmoid=sigmoid)
    found = fit_temperature(outputs, targets)
    answers = torch.from_numpy(targets)
    assert COOLEST * (1 - 1e-9) <= found <= HOTTEST * (1 + 1e-9)
    smoothing = 1 / (len(targets) + 2)
    grid = [float(nll(outputs / value, answers, smoothing)) for value in [1.0, *np.geomspace(COOLEST, HOTTEST, 200)]]
    assert float(nll(outputs / found, answers, smoothing)) <= min(grid) + 1e-9


@pytest.mark.parametrize("sigmoid", [False, True])
def test_it_finds_the_temperature_that_was_put_in(sigmoid):
    outputs, targets = drawn(0, 3.0, items=20_000, sigmoid=sigmoid)
    assert fit_temperature(outputs, targets) == pytest.approx(3.0, rel=0.05)
    if not sigmoid:
        hot, mended = (ece(*top_label((outputs / t).softmax(1).numpy(), targets)) for t in (1.0, 3.0))
        assert mended < 2 < hot


def test_nll_by_hand():
    outputs, targets = drawn(0, 1.0)
    slow = -np.mean([float(outputs[i].log_softmax(0)[target]) for i, target in enumerate(targets)])
    assert float(nll(outputs, torch.from_numpy(targets))) == pytest.approx(slow)
    outputs, targets = drawn(0, 1.0, sigmoid=True)
    chances = outputs.sigmoid().numpy()
    slow = -np.mean(targets * np.log(chances) + (1 - targets) * np.log(1 - chances))
    assert float(nll(outputs, torch.from_numpy(targets))) == pytest.approx(slow)


def test_few_items_without_an_error_do_not_ask_for_certainty():
    outputs = torch.tensor([[3.0, 0.0], [0.0, 3.0]] * 2)
    shares = (outputs / fit_temperature(outputs, np.array([0, 1] * 2))).softmax(1).amax(1)
    assert shares.tolist() == pytest.approx(
        [11 / 12] * 4, abs=1e-4
    )  # a smoothing of 1 / 6, half of it for either class


def test_outputs_without_use_keep_the_temperature():
    assert fit_temperature(torch.zeros(4, 3), np.array([0, 1, 2, 0])) == 1.0
    with pytest.raises(DataError, match="validation part"):
        fit_temperature(torch.zeros(0, 3), np.zeros(0, dtype=int))
    with pytest.raises(DataError, match="finite"):
        fit_temperature(torch.full((1, 3), torch.nan), np.zeros(1, dtype=int))
