import numpy as np
import pytest
import torch

import zoo
from zoo.specs import TaskSpec
from zoo.tasks import TASKS

KIND = TASKS.get("image_classification")()


def test_head_has_one_output_a_class():
    head = KIND.head(zoo.load("pocket/resnet10", pretrained=False), TaskSpec("t", "classification", "t", 7))
    assert head(torch.zeros(2, 256)).shape == (2, 7)


def test_metrics_by_hand():
    predictions, targets = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 2])
    metrics = KIND.metrics(predictions, targets)
    assert abs(metrics["accuracy"] - 500 / 6) < 1e-9
    assert abs(metrics["balanced_accuracy"] - 100 * (1 + 0.5 + 1) / 3) < 1e-9


def test_loss_and_prediction():
    outputs = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    targets = torch.tensor([0, 0])
    wanted = -(torch.log_softmax(outputs, 1)[torch.arange(2), targets]).mean()
    assert torch.allclose(KIND.loss(outputs, targets), wanted)
    assert KIND.predict(outputs).tolist() == [0, 1]


def scored(seed=0, items=60, classes=5, present=4):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, present, items)
    outputs = rng.standard_normal((items, classes)) + 1.5 * np.eye(classes)[targets]
    return outputs, targets


def test_scores_by_hand():
    outputs, targets = scored()
    said = outputs.argmax(1)
    recall, f1 = [], []
    for k in range(4):
        found, there, taken = ((said == k) & (targets == k)).sum(), (targets == k).sum(), (said == k).sum()
        recall.append(found / there)
        f1.append(2 * found / (there + taken))
    shares = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    wanted = {
        "accuracy": 100 * np.mean(said == targets),
        "balanced_accuracy": 100 * np.mean(recall),
        "macro_f1": 100 * np.mean(f1),
        "log_loss": -np.mean([np.log(shares[i, target]) for i, target in enumerate(targets)]),
    }
    found = KIND.score(torch.from_numpy(outputs), targets, 5)
    assert found.pop("ece") > 0
    assert found == pytest.approx(wanted)
    assert KIND.primary in found


def test_a_class_without_test_items_neither_breaks_nor_inflates():
    outputs = np.eye(3)[[0, 0, 1, 2]] * 5.0  # the last item is of class 1 and taken for class 2, which does not occur
    found = KIND.score(torch.from_numpy(outputs), np.array([0, 0, 1, 1]), 3)
    assert found["balanced_accuracy"] == 75
    assert found["macro_f1"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    one = KIND.score(torch.from_numpy(outputs[:2]), np.array([0, 0]), 3)
    assert one["balanced_accuracy"] == one["macro_f1"] == 100


def test_scores_take_what_a_network_in_training_gives():
    outputs, targets = scored()
    tensor = torch.from_numpy(outputs).float().requires_grad_()
    assert KIND.score(tensor, targets, 5)["accuracy"] == KIND.score(torch.from_numpy(outputs), targets, 5)["accuracy"]
    assert torch.allclose(KIND.probabilities(tensor).sum(1), torch.ones(60))


def test_weighted_and_smoothed_loss_by_hand():
    outputs, targets = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5]]), torch.tensor([0, 2])
    weights, smoothing = torch.tensor([1.0, 0.5, 3.0]), 0.3
    total = 0.0
    for row, target in zip(outputs.log_softmax(1), targets, strict=True):
        soft = [smoothing / 3 + (1 - smoothing) * (k == target) for k in range(3)]
        total -= sum(float(weights[k]) * float(soft[k]) * float(row[k]) for k in range(3))
    found = KIND.loss(outputs, targets, smoothing, weights)
    assert float(found) == pytest.approx(total / 4, rel=1e-5)  # 4 is the weight of the two targets


def test_start_weighs_the_classes():
    assert KIND.start(None, np.array([0, 1]), ("a", "b")).values is None
    assert KIND.start(None, np.array([0, 1, 1, 1]), ("a", "b"), "balanced").values.tolist()[0] == 2
