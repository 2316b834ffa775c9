import pytest

from zoo.upkeep.index_transformers import config_of
from zoo.upkeep.measuring import on_meta
from zoo.upkeep.transformers_inputs import features

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize(
    ("arch", "modality", "size", "shapes"),
    [
        ("bert", "text", None, ((1, 768), (1, 8, 768))),
        ("t5", "text", None, ((1, 512), (1, 8, 512))),
        ("vit", "vision", (3, 224, 224), ((1, 768), (1, 197, 768))),
        ("resnet", "vision", (3, 224, 224), ((1, 2048), None)),
        ("wav2vec2", "speech", None, ((1, 768), (1, 49, 768))),
        ("whisper", "speech", None, ((1, 384), (1, 1500, 384))),
        ("audio-spectrogram-transformer", "speech", None, ((1, 768), (1, 1214, 768))),
        ("clip", "image-text", (3, 224, 224), ((1, 512), None)),
    ],
)
def test_features_of_each_kind_of_network(arch, modality, size, shapes):
    row = {"arch": arch, "modality": modality, "sample_rate": 16000, "input_size": size}
    config = config_of(row)
    with on_meta():
        given = features(transformers.AutoModel.from_config(config).eval(), config, row)
    tokens = None if given.tokens is None else tuple(given.tokens.shape)
    assert (tuple(given.pooled.shape), tokens) == shapes


def test_maps_come_from_convolutions():
    row = {"arch": "resnet", "modality": "vision", "input_size": (3, 224, 224)}
    config = config_of(row)
    with on_meta():
        maps = features(transformers.AutoModel.from_config(config).eval(), config, row).maps
    assert [tuple(level.shape) for level in maps] == [(1, 2048, 7, 7)]
