import numpy as np
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
