import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoo
from zoo.adaptations.linear_probe import LinearProbe, logistic_regression


def data(classes, seed=0):
    rng = np.random.default_rng(seed)
    targets = np.arange(60) % classes
    return rng.normal(size=(60, 5)) * [1, 10, 0.1, 3, 1] + 7 + targets[:, None], targets


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_head_equals_the_scikit_learn_pipeline(classes):
    features, targets = data(classes)
    upstream = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000)).fit(features, targets)
    head = LinearProbe().fit_head(features, targets, {"penalty": 0.3}, classes=classes)
    outputs = head(torch.from_numpy(features).float()).softmax(1).numpy()
    assert np.abs(outputs - upstream.predict_proba(features)).max() < 1e-4


def test_constant_features_and_absent_classes():
    features, targets = data(2)
    features[:, 0] = 1.0
    weight, bias = logistic_regression(features, targets * 2, penalty=1.0, classes=4)
    assert np.isfinite(weight).all()
    predictions = (features @ weight.T + bias).argmax(1)
    assert set(predictions) <= {0, 2}


def test_nothing_of_the_backbone_trains():
    backbone = zoo.load("pocket/resnet10.glyphs")
    assert LinearProbe().prepare(backbone, {}) == []
    assert not any(p.requires_grad for p in backbone.module.parameters())


def test_candidates_are_the_penalty_that_was_given_or_all():
    assert [each["penalty"] for each in LinearProbe().candidates({}, 10)] == [0.01, 0.1, 1.0, 10.0]
    assert LinearProbe().candidates({"penalty": 0.5}, 10) == [{"penalty": 0.5}]
