"""Every backbone of every provider keeps the one contract. A new provider adds a line to `BACKBONES`."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.catalog.rows import rows_of, spec_of
from zoo.providers.loading import build
from zoo.providers.weights import weights_digest


def own(**_):
    return zoo.wrap(nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.GELU(), nn.Conv2d(6, 8, 3, 2)), input_size=(3, 16, 16))


def named(name):
    return lambda: zoo.load(name, pretrained=False, seed=0)


def scratch(name):
    """By its row: also where the provider's rows are not shown yet."""
    spec = next(spec_of(row) for row in rows_of(name.partition("/")[0]) if row["name"] == name)
    return lambda: build(spec, pretrained=False, seed=0)


BACKBONES = {
    "pocket": named("pocket/resnet10"),
    "timm-resnet": named("timm/resnet10t"),
    "timm-vit": named("timm/test_vit"),
    "timm-convnext": named("timm/test_convnext"),
    "timm-nhwc": named("timm/swin_s3_tiny_224"),
    "torchvision-resnet": scratch("torchvision/resnet18"),
    "torchvision-swin": scratch("torchvision/swin_t"),
    "module": own,
}


@pytest.fixture(params=BACKBONES, scope="module")
def backbone(request):
    """Slightly perturbed, because zero-initialised branches would hide faults (and would get no gradient)."""
    built = BACKBONES[request.param]()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in built.module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    built.module.eval()
    return built


@pytest.fixture
def inputs(backbone):
    return torch.randn(3, *backbone.spec.input_size, generator=torch.Generator().manual_seed(2))


def test_declared_shapes_are_real(backbone, inputs):
    with torch.inference_mode():
        features = backbone.encode(inputs)[backbone.spec.modality]
    assert features.pooled.shape == (3, backbone.pooled_dim)
    assert ("tokens" in backbone.spec.can) == (features.tokens is not None)
    assert ("maps" in backbone.spec.can) == (features.maps is not None)
    for tokens in [features.tokens] if features.tokens is not None else []:
        assert tokens.shape[0] == 3
        assert tokens.ndim == 3
    for maps in features.maps or []:
        assert maps.shape[0] == 3
        assert maps.shape[2] == maps.shape[3]


def test_different_inputs_different_features_same_inputs_same(backbone, inputs):
    with torch.inference_mode():
        one, again = (backbone.encode(inputs)[backbone.spec.modality].pooled for _ in range(2))
    assert torch.equal(one, again)
    assert (one[0] - one[1]).abs().max() / one.abs().max() > 1e-3


def test_batching_never_changes_an_answer(backbone, inputs):
    with torch.inference_mode():
        together = backbone.encode(inputs)[backbone.spec.modality].pooled
        alone = torch.cat([backbone.encode(one[None])[backbone.spec.modality].pooled for one in inputs])
    assert (together - alone).abs().max() / together.abs().max() < 1e-4


def test_gradient_reaches_every_weight(backbone, inputs):
    backbone.module.zero_grad()
    backbone.encode(inputs)[backbone.spec.modality].pooled.pow(2).sum().backward()
    without = [n for n, p in backbone.module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert without == []
    backbone.module.zero_grad()


def test_preprocessing_gives_what_encode_takes(backbone):
    rng = np.random.default_rng(0)
    images = [
        Image.fromarray(rng.integers(0, 255, (30, 50, 3), dtype=np.uint8)),
        Image.fromarray(rng.integers(0, 255, (64, 20), dtype=np.uint8)),
        Image.new("CMYK", (9, 9)),
    ]
    batch = backbone.preprocess(images)
    assert batch.shape == (3, *backbone.spec.input_size)
    assert batch.dtype == torch.float32
    assert torch.isfinite(batch).all()


def test_state_survives_a_round_trip(backbone, tmp_path):
    from safetensors.torch import save_file

    from zoo.providers.weights import load_strictly, read_weights

    before = weights_digest(backbone.module)
    save_file({n: t.contiguous() for n, t in backbone.module.state_dict().items()}, tmp_path / "w.safetensors")
    tensors = read_weights(tmp_path / "w.safetensors")
    with torch.no_grad():
        next(backbone.module.parameters()).add_(1.0)
    load_strictly(backbone.module, tensors, backbone.spec.name)
    assert weights_digest(backbone.module) == before


def test_spec_round_trips_through_json(backbone):
    assert zoo.BackboneSpec.from_json(backbone.spec.to_json()) == backbone.spec
