import dataclasses

import numpy as np
import pytest
import torch

from zoo.catalog.query import describe
from zoo.conformance.tiny import tiny
from zoo.providers.batching import encode_samples
from zoo.providers.loading import build
from zoo.providers.transformers_library import changes
from zoo.upkeep.transformers_padding import perturbed, relative

VARIANTS = [(arch, norm) for arch in ("wav2vec2", "hubert", "wavlm") for norm in ("group", "layer")]


@pytest.mark.parametrize(
    ("arch", "norm"), [*VARIANTS, ("data2vec-audio", ""), ("whisper", ""), ("audio-spectrogram-transformer", "")]
)
def test_a_clip_alone_and_in_a_batch(arch, norm):
    options = {"feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer"} if norm else {}
    spec = dataclasses.replace(describe(f"transformers/{arch}"), config=changes(tiny(arch, **options)))
    backbone = build(spec, pretrained=False, seed=0)
    perturbed(backbone.module, 1)
    if norm:
        assert backbone.spec.padding == "masked"
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal(n).astype("f4") * loud for n, loud in ((4000, 1.0), (7000, 0.01), (12000, 0.2))]
    together = encode_samples(backbone, clips)["speech"]
    for index, clip in enumerate(clips):
        alone = encode_samples(backbone, [clip])["speech"]
        assert relative(alone.pooled, together.pooled[index : index + 1]) < 1e-4
    assert relative(together.pooled[:1], together.pooled[1:2]) > 1e-3
    assert torch.isfinite(together.pooled).all()
