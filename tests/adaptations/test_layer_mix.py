import numpy as np
import pytest
import torch

import zoo
from zoo.adaptations.layer_mix import LayerMix, LayerMixHead, pooled_layers
from zoo.adaptations.linear_probe import LinearProbe
from zoo.adaptations.options import own_options
from zoo.contracts import Features
from zoo.errors import IncompatibleError
from zoo.providers.trials import trial

RNG = np.random.default_rng(0)
TARGETS = np.arange(90) % 3


def planted(informative, layers=4, width=6):
    """Noise, but for one layer whose first three numbers tell the class."""
    features = RNG.standard_normal((90, layers, width))
    features[:, informative, :3] += 3 * np.eye(3)[TARGETS]
    return features.astype(np.float32)


@pytest.mark.parametrize("informative", [0, 2, 3])
def test_the_layer_that_tells_the_class_gets_the_largest_share(informative):
    features = planted(informative)
    head = LayerMix().fit_head(features, TARGETS, {"penalty": 1.0}, classes=3)
    assert int(head.shares.argmax()) == informative
    assert head.shares[informative] > 0.6
    assert float((head(torch.from_numpy(features)).argmax(1).numpy() == TARGETS).mean()) > 0.95


def test_of_one_layer_it_is_the_linear_probe():
    features = planted(0, layers=1) * [1, 10, 0.1, 3, 1, 5] + 7
    head = LayerMix().fit_head(features, TARGETS, {"penalty": 0.3, "normalise": False}, classes=3)
    probe = LinearProbe().fit_head(features[:, 0], TARGETS, {"penalty": 0.3}, classes=3)
    inputs = torch.from_numpy(features).float()
    difference = (head(inputs).softmax(1) - probe(inputs[:, 0]).softmax(1)).abs().max()
    assert head.shares.tolist() == [1.0]
    assert difference < 1e-3


@pytest.mark.parametrize("normalise", [True, False])
def test_the_head_equals_a_slow_rewrite(normalise):
    features = planted(1)
    head = LayerMix().fit_head(features, TARGETS, {"normalise": normalise}, classes=3)
    weights = np.exp(head.mix.numpy()) / np.exp(head.mix.numpy()).sum()
    for sample, outputs in zip(features[:5], head(torch.from_numpy(features[:5])).numpy(), strict=True):
        total = np.zeros(6)
        for share, layer in zip(weights, sample, strict=True):
            total += share * ((layer - layer.mean()) / np.sqrt(layer.var() + 1e-5) if normalise else layer)
        expected = head.linear.weight.numpy() @ total + head.linear.bias.numpy()
        assert np.abs(outputs - expected).max() < 1e-4


def test_no_small_change_of_the_mix_fits_better():
    features = planted(1)
    head = LayerMix().fit_head(features, TARGETS, {"penalty": 1.0, "normalise": False}, classes=3)
    inputs, targets = torch.from_numpy(features), torch.from_numpy(TARGETS)

    def loss():
        return float(torch.nn.functional.cross_entropy(head(inputs).double(), targets))

    least = loss()
    with torch.no_grad():
        for place in range(4):
            for change in (0.05, -0.05):
                head.mix[place] += change
                assert loss() > least - 1e-5
                head.mix[place] -= change


def test_the_same_data_give_the_same_head():
    heads = [LayerMix().fit_head(planted_once(), TARGETS, {}, classes=3).state_dict() for _ in range(2)]
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


def planted_once():
    return np.random.default_rng(3).standard_normal((90, 3, 5)).astype(np.float32)


def test_constant_features_and_absent_classes():
    features = np.ones((90, 3, 5), dtype=np.float32)
    features[:, 1, :3] += np.eye(3)[TARGETS]
    head = LayerMix().fit_head(features, TARGETS * 2, {}, classes=7)
    outputs = head(torch.from_numpy(features))
    assert outputs.isfinite().all()
    assert set(outputs.argmax(1).tolist()) == {0, 2, 4}


def test_a_saved_head_is_rebuilt_from_its_facts():
    features = planted(2)
    head = LayerMix().fit_head(features, TARGETS, {}, classes=3)
    again = LayerMix().blank_head(99, 3, head.facts)
    again.load_state_dict(head.state_dict())
    inputs = torch.from_numpy(features)
    assert torch.equal(again(inputs), head(inputs))
    assert not any(weight.requires_grad for weight in head.parameters())


def test_validation_chooses_the_penalty_and_options_are_checked():
    mix = LayerMix()
    assert [each["penalty"] for each in mix.candidates({}, labels=9)] == [0.01, 0.1, 1.0, 10.0]
    assert mix.candidates({"penalty": 3.0, "normalise": False}, labels=9) == [{"penalty": 3.0, "normalise": False}]
    assert own_options("layer_mix", mix, {"normalise": "false"})["normalise"] is False
    assert (mix.features, mix.trains_backbone) == ("layers", False)


def test_pooling_looks_at_real_tokens_only():
    layers = [torch.randn(2, 4, 3) for _ in range(3)]
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    found = pooled_layers(Features(torch.zeros(2, 3), layers[-1], mask, layers=layers))
    for place, count in enumerate((2, 4)):
        for level, layer in enumerate(layers):
            expected = sum(layer[place, token] for token in range(count)) / count
            assert torch.allclose(found[place, level], expected, atol=1e-6)


def test_maps_are_pooled_over_their_places_and_other_counts_of_tokens_have_no_mask():
    maps = torch.randn(2, 3, 4, 5)
    mask = torch.tensor([[True, False], [True, True]])
    found = pooled_layers(Features(torch.zeros(2, 3), torch.zeros(2, 2, 3), mask, layers=[maps, torch.ones(2, 7, 3)]))
    assert torch.allclose(found[:, 0], maps.flatten(2).mean(2), atol=1e-6)
    assert torch.equal(found[:, 1], torch.ones(2, 3))


def test_what_has_no_sum_is_refused():
    with pytest.raises(IncompatibleError, match="widths 3, 5"):
        pooled_layers(Features(torch.zeros(2, 3), layers=[torch.zeros(2, 7, 3), torch.zeros(2, 7, 5)]))
    with pytest.raises(IncompatibleError, match="layers=True"):
        pooled_layers(Features(torch.zeros(2, 3)))
    with pytest.raises(IncompatibleError, match=r"received \[90, 6\]"):
        LayerMix().fit_head(planted(0)[:, 0], TARGETS, {}, classes=3)


def test_on_the_layers_of_a_network():
    backbone = zoo.load("timm/test_vit", pretrained=False, seed=0, layers=True)
    LayerMix().prepare(backbone, {})
    backbone.module.eval()
    features = pooled_layers(backbone.encode(trial(backbone, "vision", 12))["vision"])
    assert features.shape == (12, 6, 64)
    assert not features.requires_grad
    head = LayerMix().fit_head(features.numpy(), np.arange(12) % 2, {"penalty": 10.0}, classes=2)
    assert isinstance(head, LayerMixHead)
    assert (head(features).argmax(1).numpy() == np.arange(12) % 2).all()


@pytest.mark.parametrize("answer", ["multi_label", "regression"])
def test_of_one_layer_it_is_the_linear_probe_for_other_answers_too(answer):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 1, 4)).astype(np.float32) * [1, 10, 0.1, 3] + 7
    told = features[:, 0] @ rng.normal(size=(4, 3)) + rng.normal(size=(60, 3))
    targets = (1000 + 20 * told[:, 0] if answer == "regression" else told > told.mean(0)).astype(np.float32)
    classes = 1 if answer == "regression" else 3
    head = LayerMix().fit_head(features, targets, {"penalty": 0.3, "normalise": False}, classes)
    probe = LinearProbe().fit_head(features[:, 0], targets, {"penalty": 0.3}, classes)
    inputs = torch.from_numpy(features).float()
    found, expected = head(inputs).detach(), probe(inputs[:, 0]).detach()
    assert (found - expected).norm() < 2e-3 * expected.norm()


@pytest.mark.parametrize("answer", ["multi_label", "regression"])
def test_the_layer_that_tells_has_the_largest_share(answer):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 3, 6)).astype(np.float32)
    targets = features[:, 1, 0] if answer == "regression" else (features[:, 1, :2] > 0).astype(np.float32)
    head = LayerMix().fit_head(features, targets, {"penalty": 1.0}, classes=1 if answer == "regression" else 2)
    assert head.shares.argmax() == 1
    again = LayerMix().blank_head(6, head.linear.out_features, head.facts)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(torch.from_numpy(features)), head(torch.from_numpy(features)))
