import dataclasses
import re
import sys

import pytest
import torch
import torchvision
from vision import disturbed, picture, record, records, saved, settle

import zoo
from zoo.errors import IncompatibleError, MissingDependency, Offline, UnknownName, UnsafeContent, WeightsError
from zoo.providers import loading
from zoo.providers.torchvision import preset

SMALL = {  # one small member of each family; the height of images that is enough for it
    "alexnet": 224,
    "convnext_tiny": 64,
    "densenet121": 64,
    "efficientnet_b0": 64,
    "googlenet": 64,
    "inception_v3": 96,
    "maxvit_t": 224,
    "mnasnet0_5": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "regnet_y_400mf": 64,
    "resnet18": 64,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "swin_t": 64,
    "swin_v2_t": 64,
    "vit_b_32": 224,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache of checkpoints, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    place = tmp_path / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    return place


def published(arch, tag, cache, tensors):
    """The record of a tag whose weights are these, as if they had been fetched."""
    file = saved(tensors, cache, arch)
    spec = record(f"torchvision/{arch}.{tag}")
    return dataclasses.replace(spec, source=f"https://download.pytorch.org/models/{file.name}"), file


@pytest.mark.parametrize("arch", SMALL)
def test_every_family_from_scratch(arch):
    spec = record(f"torchvision/{arch}")
    backbone = loading.build(spec, pretrained=False, seed=0)
    inputs = torch.randn(3, 3, SMALL[arch], SMALL[arch], generator=torch.Generator().manual_seed(1))
    settle(disturbed(backbone.module), inputs)
    with torch.inference_mode():
        together = backbone.encode(inputs)["vision"]
        alone = [backbone.encode(one[None])["vision"].pooled for one in inputs]
        assert torch.equal(together.pooled, backbone.module(inputs))
    assert together.pooled.shape == (3, spec.pooled_dim)  # the width that the index says
    assert (torch.cat(alone) - together.pooled).abs().max() / together.pooled.abs().max() < 1e-4
    assert (together.pooled[0] - together.pooled[1]).abs().max() / together.pooled.abs().max() > 1e-3
    assert backbone.spec.parameters == spec.parameters
    if arch.startswith("vit"):
        assert together.tokens.shape == (3, 50, 768)
        assert torch.equal(together.tokens[:, 0], together.pooled)
        assert together.maps is None
        return
    sides = [one.shape[2] for one in together.maps]
    assert sides == sorted(set(sides), reverse=True)
    assert len(sides) >= 3
    assert (together.tokens is not None) == arch.startswith("swin")
    last = together.maps[-1]
    if arch.startswith(("swin", "resnet", "regnet", "densenet", "mobilenet_v2", "efficientnet", "inception")):
        assert torch.allclose(last.mean((2, 3)), together.pooled, rtol=1e-4, atol=1e-5)
    if arch.startswith("swin"):
        assert torch.allclose(together.tokens.mean(1), together.pooled, atol=1e-5)


def _as_published_long_ago(tensors):
    """Densenet's published files name layers as modules may no longer be named, and lack the newest buffers."""
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): tensors[name] for name in tensors}
    return {name: tensor for name, tensor in older.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize(
    ("arch", "tag", "change"),
    [
        ("resnet18", "IMAGENET1K_V1", lambda tensors: tensors),
        ("densenet121", "IMAGENET1K_V1", _as_published_long_ago),
        ("mnasnet0_5", "IMAGENET1K_V1", lambda tensors: tensors),
        ("googlenet", "IMAGENET1K_V1", lambda tensors: tensors),
        ("swin_t", "IMAGENET1K_V1", lambda tensors: tensors),
    ],
)
def test_pretrained_equals_torchvision(arch, tag, change, cache, monkeypatch):
    """Published weights by torchvision's own loading and by zoo's, from the same file in torch's cache."""
    options = {"aux_logits": True, "init_weights": True} if arch == "googlenet" else {}
    whole = disturbed(torchvision.models.get_model(arch, weights=None, **options), size=0.01)
    state = whole.state_dict()
    changed = type(state)(change(state).items())
    if arch != "densenet121":  # whose published file is older
        changed._metadata = state._metadata
    spec, file = published(arch, tag, cache, changed)
    backbone = loading.build(spec, pretrained=True, allow_pickle=file.name)
    monkeypatch.setattr(
        torchvision.models._api, "load_state_dict_from_url", lambda *_, **__: torch.load(file, weights_only=True)
    )
    upstream = torchvision.models.get_model(arch, weights=tag)
    for module in (upstream, backbone.module):
        module.eval()
    inputs = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        pooled = backbone.encode(inputs)["vision"].pooled
        head = next(getattr(upstream, n) for n in ("fc", "heads", "head", "classifier") if hasattr(upstream, n))
        scores = head(pooled)
        assert torch.allclose(scores, upstream(inputs), atol=1e-6)
    assert zoo.fingerprint(backbone) == zoo.fingerprint(loading.build(spec, pretrained=False))


def test_a_pickle_loads_only_when_it_is_named(cache):
    spec, file = published("resnet18", "IMAGENET1K_V1", cache, {"a": torch.zeros(1)})
    for name in ("", "other-00000000.pth"):
        with pytest.raises(WeightsError, match=rf"pickles can run code.*Nothing was fetched.*'{file.name}'"):
            loading.build(spec, pretrained=True, allow_pickle=name)
    with pytest.raises(WeightsError, match=r"do not fit torchvision's ResNet: .*Missing key"):
        loading.build(spec, pretrained=True, allow_pickle=file.name)


class Evil:
    def __reduce__(self):
        return print, ("code of a pickle ran",)


def test_a_pickle_that_holds_more_than_tensors(cache, capsys):
    spec, file = published("resnet18", "IMAGENET1K_V1", cache, {"fc.weight": Evil()})
    with pytest.raises(UnsafeContent, match="holds more than tensors, and was not loaded"):
        loading.build(spec, pretrained=True, allow_pickle=file.name)
    assert "ran" not in capsys.readouterr().out


def test_damaged_and_absent_files(cache):
    spec, file = published("resnet18", "IMAGENET1K_V1", cache, {"a": torch.zeros(100)})
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(WeightsError, match="is damaged"):
        loading.build(spec, pretrained=True, allow_pickle=file.name)
    file.unlink()
    with pytest.raises(Offline, match=file.name):
        loading.build(spec, pretrained=True, allow_pickle=file.name)


def test_transforms_of_all_weights_are_torchvisions_own():
    image = picture()
    seen = set()
    tagged = [spec for spec in records("torchvision") if spec.tag]
    models = torchvision.models
    assert len(tagged) == sum(len(models.get_model_weights(arch)) for arch in models.list_models(module=models))
    for spec in tagged:
        own = torchvision.models.get_model_weights(spec.arch)[spec.tag].transforms()
        mine = preset(spec)
        assert repr(mine) == repr(own), spec.name
        if repr(own) not in seen and spec.input_size[1] < 400:
            seen.add(repr(own))
            assert torch.equal(mine(image), own(image)), spec.name


def test_preprocessing_takes_any_image():
    backbone = loading.build(record("torchvision/squeezenet1_1.IMAGENET1K_V1"), pretrained=False, seed=0)
    images = [picture(), picture(30, 20).convert("L"), picture(300, 400).convert("CMYK")]
    batch = backbone.preprocess(images)
    own = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()
    assert batch.shape == (3, 3, 224, 224)
    assert torch.equal(batch[0], own(images[0]))


def test_networks_that_expect_other_statistics_rescale_as_with_weights():
    for arch in ("googlenet", "inception_v3"):
        assert loading.build(record(f"torchvision/{arch}"), pretrained=False).module.transform_input


def test_gradient_reaches_every_weight():
    backbone = loading.build(record("torchvision/resnet18"), pretrained=False, seed=0)
    disturbed(backbone.module)
    backbone.encode(torch.randn(2, 3, 64, 64))["vision"].pooled.pow(2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().any() for p in backbone.module.parameters())


def test_given_tensors_fit_the_backbone_without_its_head(tmp_path):
    from safetensors.torch import save_file

    spec = record("torchvision/squeezenet1_1")
    one = loading.build(spec, pretrained=False, seed=0)
    save_file(one.module.state_dict(), tmp_path / "w.safetensors")
    from zoo.providers.weights import read_weights, weights_digest

    other = loading.build(spec, pretrained=True, tensors=read_weights(tmp_path / "w.safetensors"), seed=1)
    assert weights_digest(one.module) == weights_digest(other.module)


def test_names_that_cannot_be():
    with pytest.raises(UnknownName, match=r"unknown torchvision architecture 'resnet19'.*Nearest: resnet1"):
        loading.build(zoo.BackboneSpec("torchvision/resnet19", "torchvision", "resnet19"), pretrained=False)
    with pytest.raises(UnknownName):  # what torchvision has beside classification is no backbone here
        loading.build(zoo.BackboneSpec("torchvision/raft_small", "torchvision", "raft_small"), pretrained=False)
    with pytest.raises(WeightsError, match="names an architecture, not weights"):
        loading.build(record("torchvision/resnet18"), pretrained=True)
    with pytest.raises(IncompatibleError, match="comes with no pickle"):
        zoo.load("pocket/resnet10.glyphs", allow_pickle="a.pth")


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[torchvision\]"):
        loading.build(record("torchvision/resnet18"), pretrained=False)
