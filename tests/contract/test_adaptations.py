"""Every adaptation on every family: it trains exactly what it says, each such weight gets a gradient, and it fits."""

import numpy as np
import pytest
import torch

import zoo
from zoo.adaptations import ADAPTATIONS, NEEDS
from zoo.adaptations.probe import receiving
from zoo.adaptations.targets import targets
from zoo.data.images import image_folder
from zoo.providers.weights import weights_digest
from zoo.tasks.classification import Classification
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled
from zoo.training.trainspec import TrainSpec

FAST = ["pocket/resnet10.glyphs", "timm/test_vit"]
FAMILIES = [*FAST, "timm/test_resnet", "timm/test_convnext"]
ALL = [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in FAMILIES]
METHODS = [name for name in ADAPTATIONS.names() if "vision" in (NEEDS[name].modalities or ("vision",))]
TRAINING = [method for method in METHODS if ADAPTATIONS.get(method)().trains_backbone]
SETTINGS = {"lr": 0.003, "weight_decay": 0.0}


class Fixed:
    """A batch of noise as a data set, so that the tests need no images of the size of each network."""

    def __init__(self, backbone, count=8):
        shape = (count, *backbone.spec.input_size)
        self.values = torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))

    def __getitem__(self, indices):
        return self.values[indices]


def built(name):
    """A backbone; one of timm without its weights, but with norms that look like those of a trained network."""
    backbone = zoo.load(name, pretrained=name.startswith("pocket"), seed=0)
    if name.startswith("timm"):
        with torch.no_grad():
            for norm in (part for part in backbone.module.modules() if isinstance(part, torch.nn.BatchNorm2d)):
                norm.weight.fill_(1.0)  # zero in the last norm of a residual branch, before training
                norm.momentum = 0.5
            backbone.module.train()
            for _ in range(8):
                backbone.encode(Fixed(backbone).values)
            backbone.module.eval()
    return backbone


def fitted(name, method, steps, **options):
    """A backbone that a method trained on one batch, with what was said to train and the head."""
    backbone, adaptation = built(name), ADAPTATIONS.get(method)()
    groups = prepared(adaptation, backbone, SETTINGS | options, seed=0)
    data = Labelled(Fixed(backbone), np.arange(8) % 2, np.arange(8))
    head = torch.nn.Linear(backbone.pooled_dim, 2)
    spec = TrainSpec(steps, 8, SETTINGS["lr"], clip_norm=0.0, device="cpu", threads=1)
    fit_adapted(adaptation, groups, backbone, head, Classification(), data, spec, options,
                classes=2, head_lr=0.003, quiet=True)  # fmt: skip
    return backbone, head, data


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", METHODS)
def test_trains_only_the_weights_it_says_and_each_receives_a_gradient(method, name):
    backbone, adaptation = built(name), ADAPTATIONS.get(method)()
    groups = prepared(adaptation, backbone, SETTINGS, seed=0)
    said = {id(p) for group in groups for p in group["params"]}
    trained = {n: p for n, p in backbone.module.named_parameters() if id(p) in said}
    assert bool(said) == adaptation.trains_backbone
    assert {n for n, p in backbone.module.named_parameters() if p.requires_grad} == set(trained)
    if trained:
        assert receiving(backbone, trained) == set(trained)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", TRAINING)
def test_training_changes_what_was_said_and_nothing_else(method, name):
    plain = built(name)
    adaptation = ADAPTATIONS.get(method)()
    if method == "lora":
        expected = {f"{target}.weight" for target in targets(plain)}
    else:
        prepared(adaptation, plain, SETTINGS, seed=0)
        expected = {n for n, p in plain.module.named_parameters() if p.requires_grad}
    backbone, _, _ = fitted(name, method, steps=2)
    before, after = plain.module.state_dict(), backbone.module.state_dict()
    assert list(before) == list(after)
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    parameters = {n for n, _ in plain.module.named_parameters()}
    assert changed & parameters == expected
    owners = {n.rpartition(".")[0] for n in expected}
    assert {n for n in changed - parameters if n.rpartition(".")[0] not in owners} == set()  # BatchNorm's statistics


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", TRAINING)
def test_one_batch_is_fitted_to_a_loss_near_zero(method, name):
    backbone, head, data = fitted(name, method, steps=40)
    with torch.no_grad():
        backbone.module.train(method in ("full", "lp_ft"))  # BatchNorm that trains saw this very batch
        outputs = head(backbone.encode(data.inputs.values)["vision"].pooled)
    assert float(Classification().loss(outputs, torch.from_numpy(data.targets))) < 0.05


OF = {"layer_mix": "timm/test_vit"}  # needs layers of one width


@pytest.mark.parametrize("method", METHODS)
def test_fits_a_small_set_and_survives_a_reload(method, photos, tmp_path):
    name = OF.get(method, "pocket/resnet10.glyphs")
    model = zoo.finetune(name, photos, method=method, pretrained=name not in OF.values(), steps=30,
                         augmentation="none", lr=0.003, device="cpu", out=tmp_path / "model", quiet=True)  # fmt: skip
    assert model.evaluate(photos)["accuracy"] > 95
    again = zoo.load_model(tmp_path / "model")
    images = list(image_folder(photos).samples)[::3]
    assert np.array_equal(again.predict_proba(images), model.predict_proba(images))
    assert np.allclose(again.predict_proba(images[:1]), model.predict_proba(images)[:1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_model(method, photos):
    name = OF.get(method, "pocket/resnet10.glyphs")
    options = {"method": method, "pretrained": name not in OF.values(), "steps": 3, "device": "cpu", "quiet": True}
    fits = [zoo.finetune(name, photos, seed=seed, **options) for seed in (4, 4)]
    one, same = (weights_digest(fit.head) + weights_digest(fit.backbone.module) for fit in fits)
    assert one == same
