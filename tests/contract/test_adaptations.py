"""Every adaptation on two families of every provider and modality: it trains what it says, by a gradient, and fits."""

import dataclasses
from collections.abc import Callable

import numpy as np
import open_clip_small
import pytest
import torch
from small_backbones import narrow, of_size, of_torchaudio, own

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.layer_mix import pooled_layers
from zoo.adaptations.reached import as_seen
from zoo.adaptations.targets import targets
from zoo.contracts import Pair
from zoo.data.images import image_folder
from zoo.errors import IncompatibleError
from zoo.providers.bundles import pooled
from zoo.providers.weights import weights_digest
from zoo.tasks.classification import Classification
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled, extract
from zoo.training.inputs import Inputs
from zoo.training.matching import check_fit, check_method, wants_layers
from zoo.training.trainspec import TrainSpec

RATES = {"full": 0.001, "lp_ft": 0.001, "lora": 0.003, "top_k": 0.01}
STEPS = {"full": 100, "lp_ft": 200, "lora": 100, "top_k": 80}
WEIGHT_DECAY = 0.01
COUNT = 8
TARGETS = np.arange(COUNT) % 2


@dataclasses.dataclass(frozen=True)
class Family:
    """How a backbone is built, what kind it is, and of an image-text one which features answer."""

    make: Callable
    modality: str = "vision"
    side: str = ""
    fast: bool = False


def named(name):
    return lambda _, layers: zoo.load(name, pretrained=name.startswith("pocket"), seed=0, layers=layers)


def image(name):
    return lambda _, layers: of_size(name, 64, layers)


def arch(name):
    return lambda _, layers: narrow(name, layers)


def folder(kind):
    def make(place, layers):
        torch.manual_seed(0)
        return zoo.load(str(open_clip_small.repository(place / "it", kind)), layers=layers)

    return make


SIDES = ("vision", "text")
FAMILIES = {  # pocket has one
    "pocket/resnet10.glyphs": Family(named("pocket/resnet10.glyphs"), fast=True),
    "timm/test_vit": Family(image("timm/test_vit"), fast=True),
    "timm/test_resnet": Family(image("timm/test_resnet")),
    "timm/test_convnext": Family(image("timm/test_convnext")),
    "torchvision/shufflenet": Family(image("torchvision/shufflenet_v2_x0_5")),
    "torchvision/swin": Family(image("torchvision/swin_t")),
    "module/attending": Family(lambda _, layers: own("attending", layers), fast=True),
    "module/convolutions": Family(lambda _, layers: own("convolutions", layers)),
    "torchaudio/wav2vec2": Family(lambda _, layers: of_torchaudio("wav2vec2", layers), "speech", fast=True),
    "torchaudio/wavlm": Family(lambda _, layers: of_torchaudio("wavlm", layers), "speech"),
    **{f"transformers/{name}": Family(arch(name), "text", fast=name == "bert") for name in ("bert", "gpt2", "t5")},
    **{f"transformers/{name}": Family(arch(name)) for name in ("segformer", "swin", "vit")},
    "transformers/hubert": Family(arch("hubert"), "speech"),
    "transformers/audio-spectrogram-transformer": Family(arch("audio-spectrogram-transformer"), "speech"),
    **{
        f"transformers/{name} {side}": Family(arch(name), "image-text", side, fast=name == "clip" and side == "vision")
        for name in ("clip", "siglip")
        for side in SIDES
    },
    **{
        f"open_clip/{kind or 'vit'} {side}": Family(folder(kind), "image-text", side, fast=side == "text" and not kind)
        for kind in ("", "timm")
        for side in SIDES
    },
}
PYRAMIDS = {  # their layers differ in width
    *("pocket/resnet10.glyphs", "timm/test_resnet", "timm/test_convnext", "torchvision/shufflenet"),
    *(
        "torchvision/swin",
        "transformers/segformer",
        "transformers/swin",
        "open_clip/timm vision",
        "module/convolutions",
    ),
}
METHODS = ADAPTATIONS.names()
TASKS = {"vision": "image_classification", "text": "text_classification", "speech": "audio_classification"}


def refusal(method, family):
    """Why a method does not fit, as it is told before anything is loaded; "" where it does."""
    if method == "top_k" and family.side:
        return "is a backbone for image-text, and top_k is for vision or text or speech"
    if method == "zero_shot" and not family.side:
        return f"is a backbone for {family.modality}, and zero_shot is for image-text"
    if method == "zero_shot" and family.side == "text":
        return "zero_shot names the one class of an image, and the task is text_classification"
    return ""


def cells(holds):
    """Parameters `method, name` of the cells for which something holds; all but the small ones are slow."""
    found = [(method, name) for name, family in FAMILIES.items() for method in METHODS if holds(method, name, family)]
    return pytest.mark.parametrize(
        ("method", "name"),
        [pytest.param(*each, marks=[] if FAMILIES[each[1]].fast else pytest.mark.slow) for each in found],
    )


def trains(method, name, family):
    return ADAPTATIONS.get(method).trains_backbone and not refusal(method, family)


def freezes(method, name, family):
    return not (ADAPTATIONS.get(method).trains_backbone or refusal(method, family) or narrows(method, name, family))


def narrows(method, name, family):
    return wants_layers(method) and name in PYRAMIDS


@pytest.fixture
def cell(tmp_path):
    """A function from a family to a backbone, its modality, and eight samples of noise with two classes."""
    made = iter(range(99))

    def build(name, layers=False):
        family = FAMILIES[name]
        backbone = family.make(tmp_path / str(next(made)), layers)
        data = Labelled(noise(backbone, family.side), TARGETS, np.arange(COUNT), family.side)
        if not name.startswith("pocket"):
            settle(backbone, data)
        return backbone, data

    return build


class Fixed:
    """A batch of noise as a data set, so that the tests need no images of the size of each network."""

    def __init__(self, backbone):
        shape = (COUNT, *(backbone.spec.input_size or (3, 224, 224)))
        self.values = torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
        self.is_pair = backbone.spec.modality == "image-text"

    def __getitem__(self, indices):
        return Pair(vision=self.values[indices]) if self.is_pair else self.values[indices]


def noise(backbone, modality):
    """Images of one size; texts and clips of different lengths, as the backbone's preprocessing makes them."""
    rng = np.random.default_rng(0)
    modality = modality or backbone.spec.modality
    if modality == "vision":
        return Fixed(backbone)
    samples = ["".join(rng.choice(list("abcdefgh "), 5 + 3 * place)) for place in range(COUNT)]
    if modality == "speech":
        times = [np.arange(2_000 + 300 * place) / 16_000 for place in range(COUNT)]
        pitches = rng.permutation(np.geomspace(100, 4_000, COUNT))
        samples = [
            (0.1 * np.sin(2 * np.pi * pitch * time) + 0.02 * rng.standard_normal(len(time))).astype(np.float32)
            for pitch, time in zip(pitches, times, strict=True)
        ]
    return Inputs(samples, backbone.preprocess, backbone.spec.padding)


def settle(backbone, data):
    """Norms that look like those of a trained network, where there are any that begin at zero or know no statistics."""
    norms = [part for part in backbone.module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.fill_(1.0)  # zero in the last norm of a residual branch, before training
            norm.momentum = 0.5
        backbone.module.train()
        for _ in range(8 if norms else 0):
            pooled(backbone, data.inputs[data.indices], data.modality)
        backbone.module.eval()


def trained_by(method, backbone, data):
    adaptation = ADAPTATIONS.get(method)()
    settings = {"lr": RATES.get(method, 0.0), "weight_decay": WEIGHT_DECAY}
    groups = prepared(adaptation, backbone, settings, 0, data.modality)
    return adaptation, groups


def fitted(method, backbone, data, steps):
    """Train on one batch; returns the head and what was noted."""
    adaptation, groups = trained_by(method, backbone, data)
    torch.manual_seed(0)
    head = torch.nn.Linear(backbone.pooled_dim, 2)
    spec = TrainSpec(steps, COUNT, RATES[method], WEIGHT_DECAY, clip_norm=0.0, device="cpu", threads=1)
    notes = fit_adapted(adaptation, groups, backbone, head, Classification(), data, spec, {},
                        classes=2, head_lr=0.003, quiet=True)  # fmt: skip
    return head, notes


@cells(lambda method, name, family: refusal(method, family))
def test_what_does_not_fit_is_refused_with_its_reason(method, name, cell):
    family, (backbone, _) = FAMILIES[name], cell(name)
    with pytest.raises(IncompatibleError, match=refusal(method, family)):  # noqa: PT012  (one of the two refuses)
        check_fit(method, backbone.spec)
        check_method(method, TASKS[family.side or family.modality], pretrained=True)


@cells(narrows)
def test_layers_that_have_no_sum_are_refused(method, name, cell):
    backbone, data = cell(name, layers=True)
    inputs = data.inputs[data.indices]
    with pytest.raises(IncompatibleError, match=r"layers have the widths .* so they have no sum"):
        pooled(backbone, inputs, data.modality, read=pooled_layers)


@cells(trains)
def test_what_is_said_to_train_can_and_receives_a_gradient_and_nothing_else_does(method, name, cell):
    backbone, data = cell(name)
    check_fit(method, backbone.spec)
    check_method(method, TASKS[FAMILIES[name].side or FAMILIES[name].modality], pretrained=True)
    adaptation, groups = trained_by(method, backbone, data)
    said = {id(weight) for group in groups for weight in group["params"]}
    weights = dict(backbone.module.named_parameters())
    assert said
    assert {name for name, weight in weights.items() if weight.requires_grad} == {
        name for name, weight in weights.items() if id(weight) in said
    }
    trained = {name for name, weight in weights.items() if id(weight) in said}
    assert reached(backbone, data) == trained
    if method in ("full", "lp_ft"):  # and none is left out
        backbone.module.requires_grad_(True)
        assert reached(backbone, data) == trained
        assert bool(adaptation.notes) == (len(trained) < len(weights))


def reached(backbone, data):
    """Names of the weights that receive a gradient from the features of the task, of the whole batch."""
    weights = dict(backbone.module.named_parameters())
    with torch.no_grad():  # what is all zero hides what lies behind it: one half of a LoRA
        for weight in weights.values():
            weight.grad = None
            if not weight.any():
                weight.copy_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    backbone.module.eval()
    out = pooled(backbone, data.inputs[data.indices], data.modality)
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    return {name for name, weight in weights.items() if weight.grad is not None and weight.grad.any()}


@cells(trains)
def test_training_changes_what_was_said_and_nothing_else(method, name, cell):
    plain, data = cell(name)
    if method == "lora":
        expected = {f"{target}.weight" for target in targets(as_seen(plain, data.modality))}
    else:
        trained_by(method, plain, data)
        expected = {n for n, weight in plain.module.named_parameters() if weight.requires_grad}
    backbone, data = cell(name)
    _, notes = fitted(method, backbone, data, steps=2)
    if method == "top_k":
        assert any("the frozen part ran once" in note or "cannot be cut: " in note for note in notes)
    before, after = plain.module.state_dict(), backbone.module.state_dict()
    assert list(before) == list(after)
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    parameters = {n for n, _ in plain.module.named_parameters()}
    assert changed & parameters == expected
    owners = {n.rpartition(".")[0] for n in expected}
    assert {n for n in changed - parameters if n.rpartition(".")[0] not in owners} == set()  # BatchNorm's statistics


@cells(trains)
def test_one_batch_is_fitted_to_a_loss_near_zero(method, name, cell):
    backbone, data = cell(name)
    head, _ = fitted(method, backbone, data, STEPS[method])
    backbone.module.eval()
    for part in backbone.module.modules():
        if isinstance(part, torch.nn.BatchNorm2d) and part.weight.requires_grad and method in ("full", "lp_ft"):
            part.train()  # it saw this very batch
    with torch.no_grad():
        outputs = head(pooled(backbone, data.inputs[data.indices], data.modality))
    assert float(Classification().loss(outputs, torch.from_numpy(TARGETS))) < 0.05


@cells(freezes)
def test_nothing_trains_and_the_head_answers_for_its_own_samples(method, name, cell):
    layers = wants_layers(method)
    backbone, data = cell(name, layers)
    check_fit(method, backbone.spec)
    before = weights_digest(backbone.module)
    adaptation, groups = trained_by(method, backbone, data)
    assert groups == []
    assert not any(weight.requires_grad for weight in backbone.module.parameters())
    with torch.no_grad():
        if layers:
            features = pooled(backbone, data.inputs[data.indices], data.modality, read=pooled_layers)
        else:
            features = extract(backbone, data.inputs, data.indices, "cpu", modality=data.modality)
    more = {"names": ("one", "two")} if method == "zero_shot" else {}
    options = {"knn": {"k": 1}, "zero_shot": {}}.get(method, {"penalty": 10.0})
    head = adaptation.fit_head(features.numpy(), TARGETS, options, 2, **more)
    outputs = head(features)
    assert outputs.shape == (COUNT, 2)
    assert torch.isfinite(outputs).all()
    if method != "zero_shot":  # which reads no labels
        assert outputs.argmax(1).tolist() == TARGETS.tolist()
    assert weights_digest(backbone.module) == before


OF = {"layer_mix": "timm/test_vit"}  # needs layers of one width
BY_METHOD = [method for method in METHODS if method != "zero_shot"]


@pytest.mark.parametrize("method", BY_METHOD)
def test_fits_a_small_set_and_survives_a_reload(method, photos, tmp_path):
    name = OF.get(method, "pocket/resnet10.glyphs")
    model = zoo.finetune(name, photos, method=method, pretrained=name not in OF.values(), steps=30,
                         augmentation="none", lr=0.003, device="cpu", out=tmp_path / "model", quiet=True)  # fmt: skip
    assert model.evaluate(photos)["accuracy"] > 95
    again = zoo.load_model(tmp_path / "model")
    images = list(image_folder(photos).samples)[::3]
    assert np.array_equal(again.predict_proba(images), model.predict_proba(images))
    assert np.allclose(again.predict_proba(images[:1]), model.predict_proba(images)[:1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", BY_METHOD)
def test_same_seed_same_model(method, photos):
    name = OF.get(method, "pocket/resnet10.glyphs")
    options = {"method": method, "pretrained": name not in OF.values(), "steps": 3, "device": "cpu", "quiet": True}
    fits = [zoo.finetune(name, photos, seed=seed, **options) for seed in (4, 4)]
    one, same = (weights_digest(fit.head) + weights_digest(fit.backbone.module) for fit in fits)
    assert one == same
