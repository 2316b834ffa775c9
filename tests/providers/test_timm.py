import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

import zoo
from zoo.errors import Offline, WeightsError
from zoo.io.repository import Snapshot
from zoo.providers import timm as provider

NAME = "timm/resnet18.a1_in1k"


def perturbed(module, seed=0):
    """Weights that differ from any initialisation, so that no branch is exactly zero."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.02)
    return module


@pytest.fixture
def hub_file(tmp_path, monkeypatch):
    """A checkpoint in timm's own format (with its classifier), where the hub would have put it."""
    upstream = perturbed(timm.create_model("resnet18.a1_in1k", pretrained=False))
    save_file(upstream.state_dict(), tmp_path / "model.safetensors")
    found = Snapshot("timm/resnet18.a1_in1k", "c" * 40, tmp_path, {})
    monkeypatch.setattr(provider, "_fetched", lambda spec, allow_pickle: found)
    return upstream


def test_pretrained_equals_timm(hub_file):
    backbone = zoo.load(NAME)
    inputs = torch.rand(2, 3, 64, 64)
    hub_file.eval().reset_classifier(0)
    backbone.module.eval()
    with torch.inference_mode():
        assert torch.allclose(backbone.encode(inputs)["vision"].pooled, hub_file(inputs), atol=1e-6)
    assert zoo.fingerprint(backbone) == zoo.fingerprint(zoo.load(NAME, pretrained=False))


def test_preprocessing_is_timms_own(hub_file):
    backbone = zoo.load(NAME)
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg("resnet18.a1_in1k").to_dict())
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 120, 3), dtype=np.uint8))
    expected = timm.data.create_transform(**config)(image)
    assert torch.equal(backbone.preprocess([image])[0], expected)
    assert backbone.preprocess([image.convert("L"), image.convert("RGBA")]).shape == (2, 3, 224, 224)


@pytest.mark.parametrize(
    ("arch", "size", "has", "levels"),
    [
        ("resnet10t", (3, 192, 192), "maps", (1, 2, 3, 4, 5)),
        ("vit_tiny_patch16_224", (3, 224, 224), "tokens", ()),
        ("swin_tiny_patch4_window7_224", (3, 224, 224), "maps", (2, 3, 4, 5)),  # [B, H, W, C] inside
        ("convnext_atto", (3, 224, 224), "maps", (2, 3, 4, 5)),
    ],
)
def test_any_architecture_from_scratch(arch, size, has, levels):
    backbone = zoo.load(f"timm/{arch}", pretrained=False, seed=0)
    perturbed(backbone.module).eval()
    with torch.inference_mode():
        features = backbone.encode(torch.randn(2, *size, generator=torch.Generator().manual_seed(1)))["vision"]
    assert features.pooled.shape == (2, backbone.pooled_dim)
    assert (features.pooled[0] - features.pooled[1]).abs().max() > 1e-6
    assert has in backbone.spec.can
    if has == "maps":
        assert [one.shape[2] for one in features.maps] == [size[1] // 2**level for level in levels]
        assert torch.allclose(features.maps[-1].mean((2, 3)), features.pooled, atol=1e-4) == (
            not arch.startswith("conv")
        )
    assert backbone.spec.parameters == sum(p.numel() for p in backbone.module.parameters())


def test_bare_architecture_needs_a_tag():
    with pytest.raises(WeightsError, match=r"choose a tag \(`zoo list 'timm/resnet18\.\*'`"):
        zoo.load("timm/resnet18")


def test_offline_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(
        Offline, match=r"model\.safetensors of hub repository timm/resnet18\.a1_in1k \(main\) is not on"
    ):
        zoo.load(NAME)


def test_the_commit_is_said_and_recorded(hub_file):
    backbone = zoo.load(NAME)
    assert backbone.spec.revision == "c" * 40
    assert backbone.notes == (
        f"{NAME}: the catalog pins no revision; its weights are commit cccccccccccc of hf-hub:{NAME}",
    )


def test_damaged_download_is_refused(hub_file, tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="not a valid safetensors file"):
        zoo.load(NAME)


def test_stages_of_a_network_whose_last_layer_is_tokens():
    backbone = zoo.load("timm/hiera_tiny_224", pretrained=False, seed=0)
    perturbed(backbone.module).eval()
    inputs = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features = backbone.encode(inputs)["vision"]
        assert torch.allclose(features.pooled, backbone.module(inputs), atol=1e-6)
    assert features.tokens.shape == (2, 49, 768)
    assert [one.shape[1:] for one in features.maps] == [(96, 56, 56), (192, 28, 28), (384, 14, 14), (768, 7, 7)]
    assert backbone.spec.can == ("pooled", "tokens", "maps")
    assert backbone.spec.token_dim == 768


def test_watching_the_stages_costs_no_second_pass():
    backbone = zoo.load("timm/test_resnet", pretrained=False, seed=0)
    runs = []
    handle = backbone.module.layer1.register_forward_hook(lambda *_: runs.append(1))
    backbone.encode(torch.zeros(1, 3, 160, 160))
    handle.remove()
    assert len(runs) == 1


def test_convolutions_of_more_dimensions():
    """Weights of rank 5 have no channels_last format."""
    assert zoo.load("timm/lambda_resnet26t", pretrained=False, seed=0).spec.parameters > 8e6


@pytest.mark.parametrize("name", ["timm/fastvit_t8", "timm/repvgg_a0"])
def test_networks_that_channels_last_would_crash_are_laid_out_plainly(name):
    """torch 2.14.1 corrupts memory in their backward pass with channels last, and the process dies."""
    backbone = zoo.load(name, pretrained=False, seed=0)
    backbone.module.eval()
    images = torch.randn(1, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    backbone.encode(images)["vision"].pooled.sum().backward()
    assert all(p.is_contiguous() for p in backbone.module.parameters())


def test_other_convolutions_are_channels_last():
    module = zoo.load("timm/test_resnet", pretrained=False).module
    assert any(not p.is_contiguous() for p in module.parameters() if p.ndim == 4)
    assert provider.layout_of(module) is torch.channels_last
    stem = torch.nn.Sequential(torch.nn.Conv2d(32, 8, 1, stride=2, groups=4))  # 8 channels a group
    assert provider.layout_of(stem) is torch.contiguous_format
