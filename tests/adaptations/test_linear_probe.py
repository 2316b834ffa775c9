import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
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


def test_several_labels_are_a_regression_each():
    rng = np.random.default_rng(0)
    features = (3 * rng.normal(size=(60, 4)) + 5).astype(np.float32)
    targets = (features @ rng.normal(size=(4, 3)) + rng.normal(size=(60, 3)) > 0).astype(np.float32)
    targets[:, 0] = features[:, 0] > 5
    head = LinearProbe().fit_head(features, targets, {"penalty": 0.3}, classes=3)
    scaled = StandardScaler().fit_transform(features)
    for label in range(3):
        solver = LogisticRegression(C=0.3, max_iter=2000).fit(scaled, targets[:, label])
        found = head(torch.from_numpy(features))[:, label].detach()
        assert np.allclose(found, solver.decision_function(scaled), atol=1e-3)


def test_a_label_that_all_or_none_have_is_sure():
    features = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    targets = np.stack([np.ones(10), np.zeros(10), np.arange(10) % 2], 1).astype(np.float32)
    found = LinearProbe().fit_head(features, targets, {}, classes=3)(torch.from_numpy(features)).detach()
    assert found[:, 0].eq(10).all()
    assert found[:, 1].eq(-10).all()


def test_numbers_are_a_ridge_regression_in_their_own_units():
    rng = np.random.default_rng(0)
    features = (3 * rng.normal(size=(50, 4)) + 5).astype(np.float32)
    targets = (1000 + 20 * features[:, 0] + rng.normal(size=50)).astype(np.float32)
    head = LinearProbe().fit_head(features, targets, {"penalty": 0.5}, classes=1)
    deviation, mean = targets.std(), targets.mean()
    scaled = StandardScaler().fit_transform(features)
    expected = Ridge(alpha=2.0).fit(scaled, (targets - mean) / deviation).predict(scaled) * deviation + mean
    assert np.allclose(head(torch.from_numpy(features))[:, 0].detach(), expected, rtol=1e-5)


def test_numbers_that_are_all_the_same():
    features = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    head = LinearProbe().fit_head(features, np.full(10, 7.0, np.float32), {}, classes=1)
    assert np.allclose(head(torch.from_numpy(features)).detach(), 7.0, atol=1e-5)
