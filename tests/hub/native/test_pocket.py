"""zoo's own text and speech networks: in the format of transformers, with what prepares their inputs."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from exporting import fitted, there_and_back

import zoo
from zoo.errors import IncompatibleError
from zoo.hub.native.export import export, taken
from zoo.hub.native.pocket import stage
from zoo.hub.native.verify import verify

LONG = "A text of many words, which is longer than the network reads. " * 9


def run(found, folder, name, content):
    """What the snippet gives, in this process, for another example."""
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    space = {}
    exec(found.snippet.replace('folder = "."', f"folder = {str(folder)!r}"), space)
    return space["outputs"]


@pytest.mark.parametrize("text", ["A cat runs.", LONG, "Unseen \u00fcmlauts \u4e2d 12,5!", ""])
def test_the_snippet_reads_texts_as_zoo_does(tmp_path, text):
    backbone = zoo.load("pocket/gpt2.pairs")
    found = there_and_back(backbone, tmp_path / "out", check=False)
    assert (found.library, found.gives, found.head) == ("transformers", "features", "")
    assert "resnet" not in found.snippet.lower()
    expected = backbone.encode(backbone.preprocess([text]))["text"].pooled
    torch.testing.assert_close(run(found, tmp_path / "out", "sample.json", {"text": [text]}), expected)


@pytest.mark.parametrize("pair", [("A cat.", "A dog."), (LONG, "short"), (LONG, LONG)])
def test_of_two_texts_each_gets_half(tmp_path, pair):
    model = fitted(zoo.load("pocket/gpt2.pairs"), "text_pair", tmp_path)
    found = there_and_back(model, tmp_path / "out", check=False)
    assert (found.gives, found.head) == ("logits", "beside")
    outputs = run(found, tmp_path / "out", "sample.json", {"text": list(pair)})
    torch.testing.assert_close(outputs, model.outputs([pair]))


@pytest.mark.parametrize("seconds", [0.1, 0.503, 1.0, 1.7])
def test_the_snippet_hears_clips_as_zoo_does(tmp_path, seconds):
    import wave

    model = fitted(zoo.load("pocket/whisper3.words"), "audio", tmp_path)
    found = there_and_back(model, tmp_path / "out", check=False)
    assert (found.library, found.gives, found.head) == ("transformers", "logits", "beside")
    clip = np.random.default_rng(0).integers(-9000, 9000, int(16_000 * seconds)).astype("<i2")
    with wave.open(str(tmp_path / "out" / "sample.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(clip.tobytes())
    space = {}
    exec(found.snippet.replace('folder = "."', f"folder = {str(tmp_path / 'out')!r}"), space)
    torch.testing.assert_close(
        space["outputs"], model.outputs([(clip.astype(np.float32) / 32768, 16_000)]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_the_card_of_a_text_model_runs_in_a_fresh_process(tmp_path):
    found = export(fitted(zoo.load("pocket/gpt2.pairs"), "text", tmp_path), tmp_path / "out", check=False)
    assert verify(found).exact
    assert {"tokenizer.json", "tokenizer_config.json"} <= set(found.files)


@pytest.mark.slow
def test_speech_in_a_fresh_process(tmp_path):
    there_and_back(zoo.load("pocket/whisper3.words"), tmp_path / "out")


def test_a_modality_without_a_pocket_network_is_refused(tmp_path):
    model = taken(zoo.load("pocket/gpt2.pairs"))
    spec = dataclasses.replace(model.spec, modality="image-text")
    with pytest.raises(IncompatibleError, match="image-text"):
        stage(dataclasses.replace(model, backbone=dataclasses.replace(model.backbone, spec=spec)), tmp_path)
