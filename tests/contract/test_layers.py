"""Hidden layers of a small member of every kind of network of every provider: from scratch, with moved weights."""

import dataclasses

import open_clip_small
import pytest
import torch
import torchaudio
from torch import nn
from vision import disturbed

import zoo
from zoo.catalog.query import describe
from zoo.conformance.checks import calibrate
from zoo.conformance.samples import samples_for
from zoo.conformance.tiny import tiny
from zoo.providers import torchaudio as speech
from zoo.providers.batching import encode_samples
from zoo.providers.layers import with_layers
from zoo.providers.loading import build
from zoo.providers.transformers_library import changes
from zoo.providers.trials import modalities, trial

TEXTS = ("albert", "bert", "deberta-v2", "gpt2", "longt5", "mamba", "modernbert", "t5", "xlnet")
IMAGES = ("convnext", "segformer", "swin", "vit")
CLIPS = ("audio-spectrogram-transformer", "hubert", "wavlm", "whisper")
VISION = {
    "convnext": {"image_size": 64},
    "segformer": {"image_size": 64},
    "swin": {"image_size": 64, "embed_dim": 16, "depths": [1, 1, 1], "num_heads": [2, 2, 2], "window_size": 4},
    "vit": {"image_size": 32},
}
NAMED = (
    *("pocket/resnet10", "torchvision/shufflenet_v2_x0_5", "torchvision/squeezenet1_1", "timm/test_vit_relpos"),
    *("timm/test_convnext", "timm/test_efficientnet", "timm/test_mambaout", "timm/test_resnet", "timm/test_vit"),
)
FOLDERS = ("", "coca", "resnet", "timm")


def small(arch):
    sizes = {"conv_dim": [16] * 7} if arch in ("hubert", "wavlm") else VISION.get(arch, {})
    spec = dataclasses.replace(describe(f"transformers/{arch}"), config=changes(tiny(arch, **sizes)))
    spec = dataclasses.replace(spec, tag="", source="", revision="")
    if arch in VISION:
        spec = dataclasses.replace(spec, input_size=(3, VISION[arch]["image_size"], VISION[arch]["image_size"]))
    return build(spec, pretrained=False, seed=0, layers=True)


def of_torchaudio(family):
    make = torchaudio.models.wavlm_model if family == "wavlm" else torchaudio.models.wav2vec2_model
    relative = {"encoder_num_buckets": 8, "encoder_max_distance": 20} if family == "wavlm" else {}
    module = make(
        extractor_mode="group_norm", extractor_conv_layer_config=[(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2],
        extractor_conv_bias=False, encoder_embed_dim=32, encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=4, encoder_attention_dropout=0.0,
        encoder_ff_interm_features=48, encoder_ff_interm_dropout=0.0, encoder_dropout=0.0,
        encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=None, **relative,
    )  # fmt: skip
    return with_layers(speech.assemble(describe("torchaudio/wav2vec2_base"), module))


def own(folder):
    net = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.Sequential(nn.Conv2d(6, 6, 3), nn.GELU()), nn.Conv2d(6, 8, 3, 2))
    return zoo.wrap(net, input_size=(3, 16, 16), layers=True)


KINDS = {
    **{name: lambda _, name=name: zoo.load(name, pretrained=False, seed=0, layers=True) for name in NAMED},
    **{f"transformers/{arch}": lambda _, arch=arch: small(arch) for arch in (*TEXTS, *IMAGES, *CLIPS, "clip")},
    **{f"torchaudio/{family}": lambda _, family=family: of_torchaudio(family) for family in ("wav2vec2", "wavlm")},
    **{
        f"open_clip folder {kind}": lambda folder, kind=kind: zoo.load(
            str(open_clip_small.repository(folder / "it", kind)), layers=True
        )
        for kind in FOLDERS
    },
    "module": own,
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
