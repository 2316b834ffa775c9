import numpy as np
import pytest
import torch

import zoo
from zoo.data.mel import extractor, log_mel
from zoo.data.spoken import spoken_words
from zoo.providers.pocket import WEIGHTS
from zoo.providers.pocket_speech import config
from zoo.providers.weights import read_weights
from zoo.training.recipe import load_recipe

SHIPPED = ["pocket/whisper3.words", "pocket/whisper3.voices"]


@pytest.fixture(scope="module")
def clips():
    return [spoken_words(each=1).samples[k] for k in range(4)]


@pytest.mark.parametrize("name", SHIPPED)
def test_catalogued_facts_are_measured_ones(name):
    backbone = zoo.load(name)
    assert backbone.spec == zoo.describe(name)
    assert (WEIGHTS / f"{name.removeprefix('pocket/')}.safetensors").stat().st_size < 1e6


@pytest.mark.parametrize("name", SHIPPED)
def test_weights_and_frames_are_those_of_the_plain_library(name, clips):
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    backbone = zoo.load(name)
    spec = zoo.describe(name)
    plain = WhisperEncoder(config())
    plain.load_state_dict(read_weights(WEIGHTS / f"{spec.arch}.{spec.tag}.safetensors", spec.digest))
    plain.eval()
    backbone.module.eval()
    inputs = backbone.preprocess(clips)
    waves = [wave for wave, _ in clips]
    frames = extractor()(waves, sampling_rate=16_000, return_tensors="pt")["input_features"]
    assert torch.equal(inputs.values, frames.transpose(1, 2))
    assert torch.equal(inputs.values, log_mel(np.stack(waves)))
    assert inputs.mask.all()
    with torch.inference_mode():
        expected = plain(frames).last_hidden_state.mean(1)
        found = backbone.encode(inputs)["speech"].pooled
    assert (found - expected).abs().max() / expected.abs().max() < 1e-5


def test_the_two_sources_share_one_graph_and_differ_in_weights(clips):
    one, other = (zoo.load(name) for name in SHIPPED)
    assert (
        zoo.fingerprint(one) == zoo.fingerprint(other) == zoo.fingerprint(zoo.load("pocket/whisper3", pretrained=False))
    )
    features = [backbone.encode(backbone.preprocess(clips))["speech"].pooled for backbone in (one, other)]
    assert not torch.allclose(*features)


def test_long_clips_are_cut_and_it_is_said():
    backbone = zoo.load("pocket/whisper3", pretrained=False, seed=0)
    assert "cut at the end" in backbone.notes[0]
    wave = np.random.default_rng(0).standard_normal(24_000).astype(np.float32)
    long, cut = (backbone.preprocess([one]).values for one in (wave, wave[:16_000]))
    assert long.shape == cut.shape == (1, 100, 40)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "task"), [("words", "spoken_words"), ("voices", "speakers")])
def test_shipped_checkpoint_is_re_made(tmp_path, name, task):
    """The recipe gives a checkpoint whose frozen probe scores what the shipped one's does."""
    made = zoo.pretrain(name, tmp_path, quiet=True)
    shipped = zoo.load(f"pocket/whisper3.{name}")
    assert made.spec.recipe_digest == shipped.spec.recipe_digest == load_recipe(name).digest
    scores = []
    for backbone in (made, shipped):
        fits = [
            zoo.finetune(backbone, task, method="linear_probe", labels_per_class=10, seed=seed, quiet=True)
            for seed in range(5)
        ]
        scores.append(np.mean([fit.spec.scores["accuracy"] for fit in fits]))
    assert abs(scores[0] - scores[1]) < 3.0
