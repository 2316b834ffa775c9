"""torchaudio's networks as those of transformers."""

import dataclasses
import json
import wave

import numpy as np
import pytest
import torch
from exporting import fitted
from small_backbones import of_torchaudio
from vision import disturbed

from zoo.hub.native.export import export, taken
from zoo.hub.native.parts import difference
from zoo.hub.native.samples import sound
from zoo.hub.native.torchaudio import converted, new_names
from zoo.providers.exported import tensors_of
from zoo.providers.torchaudio import assemble


def small(family):
    backbone = of_torchaudio(family)
    disturbed(backbone.module)
    return backbone


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm"])
def test_the_converted_network_gives_the_same(family):
    model = taken(small(family))
    with torch.no_grad():
        found = converted(model)(model.backbone.preprocess([model.sample]).values).last_hidden_state.mean(1)
    assert torch.allclose(found, model.features, rtol=1e-5, atol=1e-6)


def test_names():
    assert new_names("feature_extractor.conv_layers.0.conv.weight") == ["feature_extractor.conv_layers.0.conv.weight"]
    assert new_names("encoder.transformer.layer_norm.bias") == ["encoder.layer_norm.bias"]
    assert new_names("encoder.transformer.layers.1.attention.attention.in_proj_weight") == [
        f"encoder.layers.1.attention.{part}_proj.weight" for part in "qkv"
    ]


def test_quiet_clips_are_normalised_as_zoo_does(tmp_path):
    """The extractor of transformers adds less to the variance, which a clip near silence shows."""
    backbone = small("wav2vec2")
    backbone = assemble(dataclasses.replace(backbone.spec, normalize_waveform=True), backbone.module)
    found = export(backbone, tmp_path / "out", check=False)
    quiet = (sound() * 300).astype("<i2")  # one hundredth of full scale
    with wave.open(str(tmp_path / "out" / "sample.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(quiet.tobytes())
    clip = (quiet.astype(np.float32) / 32768, 16_000)
    with torch.no_grad():
        expected = backbone.encode(backbone.preprocess([clip]).values)["speech"].pooled
    space = {}
    exec(found.snippet.replace('folder = "."', f"folder = {str(tmp_path / 'out')!r}"), space)
    assert difference(space["outputs"], expected) <= 1e-6
    assert json.loads((tmp_path / "out" / "preprocessor_config.json").read_text())["do_normalize"]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["wav2vec2", "wavlm"])
def test_in_a_fresh_process_and_back(family, tmp_path):
    backbone = small(family)
    models = {"features": backbone}
    if family == "wav2vec2":  # of the other, from scratch, the features hardly differ, and a head multiplies rounding
        models["logits"] = fitted(backbone, "audio", tmp_path)
    for gives, model in models.items():
        found = export(model, tmp_path / gives)
        assert found.tolerance <= 1e-6
        assert found.gives == gives
        again, own = tensors_of(found), backbone.module.state_dict()
        assert again.keys() == own.keys()
        assert all(torch.equal(again[name], tensor) for name, tensor in own.items())
