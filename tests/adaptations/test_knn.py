import math

import numpy as np
import pytest
import torch

import zoo
from zoo.adaptations.knn import Knn
from zoo.errors import IncompatibleError

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((40, 6)).astype(np.float32)
TARGETS = RNG.integers(0, 4, 40)
QUERIES = RNG.standard_normal((15, 6)).astype(np.float32)


def slowly(query, k, temperature):
    """Votes of one query, written out: exp(cosine / T) for each of the k nearest."""
    alike = [float(f @ query / np.linalg.norm(f) / np.linalg.norm(query)) for f in FEATURES.astype(np.float64)]
    votes = np.zeros(4)
    for index in sorted(range(40), key=lambda i: -alike[i])[:k]:
        votes[TARGETS[index]] += np.exp(alike[index] / temperature)
    return votes / votes.sum()


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.07), (40, 0.5)])
def test_votes_equal_a_slow_rewrite(k, temperature):
    head = Knn().fit_head(FEATURES, TARGETS, {"k": k, "temperature": temperature}, classes=4)
    shares = head(torch.from_numpy(QUERIES)).softmax(1).numpy()
    assert np.abs(shares - [slowly(query, k, temperature) for query in QUERIES]).max() < 1e-5


def test_many_neighbours_at_low_temperature_stay_finite():
    head = Knn().fit_head(FEATURES, TARGETS, {"k": 40, "temperature": 1e-4}, classes=4)
    assert head(torch.from_numpy(QUERIES)).isfinite().all()


def test_a_class_without_samples_never_wins():
    head = Knn().fit_head(FEATURES, TARGETS, {"k": 3}, classes=9)
    assert set(head(torch.from_numpy(QUERIES)).argmax(1).tolist()) <= set(TARGETS.tolist())


def test_candidates():
    assert [each["k"] for each in Knn().candidates({}, labels=14)] == [1, 3, 10]
    assert Knn().candidates({"k": 7, "temperature": 0.1}, labels=14) == [{"k": 7, "temperature": 0.1}]
    with pytest.raises(IncompatibleError, match=r"k=15 .* there are 14 labelled samples. Fix: k=14"):
        Knn().candidates({"k": 15}, labels=14)


def test_the_head_travels_with_the_model(photos, tmp_path):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method="knn", out=tmp_path / "m", quiet=True)
    assert model.spec.options["k"] in (1, 3, 10)
    assert model.spec.head == {
        "samples": 14,
        "k": model.spec.options["k"],
        "temperature": 0.07,
        "answer": "classification",
    }
    assert not any(p.requires_grad for p in [*model.backbone.module.parameters(), *model.head.parameters()])
    again = zoo.load_model(tmp_path / "m").head
    assert torch.equal(again.features, model.head.features)
    assert torch.equal(again.targets, model.head.targets)


def test_k_is_chosen_on_validation(photos, monkeypatch):
    scored = []
    original = Knn.fit_head

    def noting(self, features, targets, options, classes):
        scored.append(options["k"])
        return original(self, features, targets, options, classes)

    monkeypatch.setattr(Knn, "fit_head", noting)
    zoo.finetune("pocket/resnet10.glyphs", photos, method="knn", quiet=True)
    assert scored == [1, 3, 10]
    scored.clear()
    zoo.finetune("pocket/resnet10.glyphs", photos, method="knn", k=2, quiet=True)
    assert scored == [2]


def by_hand(features, targets, queries, k, heat):
    """Shares of the vote, or weighted means, one query at a time: [Q, K]."""
    found = []
    for query in queries:
        alike = [float(query @ row / np.linalg.norm(query) / np.linalg.norm(row)) for row in features]
        nearest = sorted(range(len(features)), key=lambda place: -alike[place])[:k]
        weights = [math.exp(alike[place] / heat) for place in nearest]
        votes = sum(weight * targets[place] for weight, place in zip(weights, nearest, strict=True))
        found.append(np.atleast_1d(votes / sum(weights)))
    return np.stack(found)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_several_labels_have_votes_of_their_own(k):
    rng = np.random.default_rng(0)
    features, queries = (rng.normal(size=(count, 5)).astype(np.float32) for count in (20, 6))
    targets = rng.integers(0, 2, (20, 3)).astype(np.float32)
    head = Knn().fit_head(features, targets, {"k": k, "temperature": 0.3}, classes=3)
    found = head(torch.from_numpy(queries))
    assert np.allclose(found.sigmoid(), by_hand(features, targets, queries, k, 0.3), atol=1e-5)
    assert found.isfinite().all()
    again = Knn().blank_head(5, 3, head.facts)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(torch.from_numpy(queries)), found)


@pytest.mark.parametrize("k", [1, 4])
def test_of_numbers_the_weighted_mean_is_the_answer(k):
    rng = np.random.default_rng(1)
    features, queries = (rng.normal(size=(count, 5)).astype(np.float32) for count in (20, 6))
    targets = (1000 + 50 * rng.normal(size=20)).astype(np.float32)
    head = Knn().fit_head(features, targets, {"k": k, "temperature": 0.3}, classes=1)
    found = head(torch.from_numpy(queries))
    assert found.shape == (6, 1)
    assert np.allclose(found, by_hand(features, targets, queries, k, 0.3), rtol=1e-5)
    again = Knn().blank_head(5, 1, head.facts)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(torch.from_numpy(queries)), found)
