"""Hidden layers of a small member of every kind of network of every provider: from scratch, with moved weights."""

import open_clip_small
import pytest
import torch
from small_backbones import narrow, of_torchaudio, own
from vision import disturbed

import zoo
from zoo.conformance.checks import calibrate
from zoo.conformance.samples import samples_for
from zoo.providers.batching import encode_samples
from zoo.providers.trials import modalities, trial

TEXTS = ("albert", "bert", "deberta-v2", "gpt2", "longt5", "mamba", "modernbert", "t5", "xlnet")
IMAGES = ("convnext", "segformer", "swin", "vit")
CLIPS = ("audio-spectrogram-transformer", "hubert", "wavlm", "whisper")
NAMED = (
    *("pocket/resnet10", "torchvision/shufflenet_v2_x0_5", "torchvision/squeezenet1_1", "timm/test_vit_relpos"),
    *("timm/test_convnext", "timm/test_efficientnet", "timm/test_mambaout", "timm/test_resnet", "timm/test_vit"),
)
FOLDERS = ("", "coca", "resnet", "timm")


KINDS = {
    **{name: lambda _, name=name: zoo.load(name, pretrained=False, seed=0, layers=True) for name in NAMED},
    **{
        f"transformers/{arch}": lambda _, arch=arch: narrow(arch, layers=True)
        for arch in (*TEXTS, *IMAGES, *CLIPS, "clip")
    },
    **{
        f"torchaudio/{family}": lambda _, family=family: of_torchaudio(family, layers=True)
        for family in ("wav2vec2", "wavlm")
    },
    **{
        f"open_clip folder {kind}": lambda folder, kind=kind: zoo.load(
            str(open_clip_small.repository(folder / "it", kind)), layers=True
        )
        for kind in FOLDERS
    },
    "module": lambda _: own("convolutions", layers=True),
}


@pytest.fixture(params=KINDS, scope="module")
def backbone(request, tmp_path_factory):
    built = KINDS[request.param](tmp_path_factory.mktemp("folder"))
    disturbed(built.module)
    if built.spec.modality == "vision":
        calibrate(built, samples_for(built.spec))
    built.module.eval()
    return built


def encoded(backbone, modality, count):
    with torch.no_grad():
        return backbone.encode(trial(backbone, modality, count))[modality]


def test_layers_have_the_shapes_of_the_contract(backbone):
    for modality in modalities(backbone):
        found = encoded(backbone, modality, 2)
        assert len(found.layers) > 1
        for layer in found.layers:
            assert (len(layer), layer.ndim) in ((2, 3), (2, 4))
            assert torch.isfinite(layer).all()
            assert modality == "vision" or layer.shape[:2] == found.tokens.shape[:2]
        first, last = found.layers[0], found.layers[-1]
        assert first.shape != last.shape or (first - last).abs().max() > 1e-3 * last.abs().max()
        if found.maps is not None and last.ndim == 4:  # a pyramid ends where the blocks end, or at a convolution on top
            assert last.shape[2:] == found.maps[-1].shape[2:]


def test_a_batch_changes_no_layer(backbone):
    for modality in modalities(backbone):
        three = encoded(backbone, modality, 3)
        two = encoded(backbone, modality, 2)
        for layer, other in zip(two.layers, three.layers, strict=True):
            assert (layer - other[:2]).abs().max() <= 1e-4 * layer.abs().max()


def test_samples_of_any_size_keep_their_layers(backbone):
    if backbone.spec.modality == "image-text":
        pytest.skip("its tokenizer is that of a large vocabulary; all its texts have one length")
    samples, modality = samples_for(backbone.spec), backbone.spec.modality
    together = encode_samples(backbone, samples)[modality]
    for place, sample in enumerate(samples):
        alone = encode_samples(backbone, [sample])[modality]
        for layer, whole in zip(alone.layers, together.layers, strict=True):
            one, other = layer[0], whole[place]
            if modality != "vision":
                one = one if alone.mask is None else one[alone.mask[0]]
                other = other if together.mask is None else other[together.mask[place]]
            assert one.shape == other.shape
            assert (one - other).abs().max() <= 1e-4 * one.abs().max()


def test_gradient_passes_through_the_first_and_the_last(backbone):
    weights = [weight for weight in backbone.module.parameters() if weight.requires_grad]
    for modality in modalities(backbone):
        layers = backbone.encode(trial(backbone, modality, 2))[modality].layers
        generator = torch.Generator().manual_seed(0)
        for layer in (layers[0], layers[-1]):
            total = (layer * torch.randn(layer.shape, generator=generator)).sum()
            given = torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True)
            assert any(one is not None and one.any() for one in given)


def test_without_asking_there_are_none():
    for name in ("pocket/resnet10", "timm/test_vit"):
        plain = zoo.load(name, pretrained=False, seed=0)
        assert encoded(plain, "vision", 2).layers is None
        assert not any(part._forward_hooks for part in plain.module.modules())
