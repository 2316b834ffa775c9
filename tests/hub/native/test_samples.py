"""The example is read by plain code as zoo reads it."""

import numpy as np
import pytest
from PIL import Image

from zoo.data.audio import as_waveform
from zoo.hub.native.samples import reading, sample_of, sound, write_sample


def ran(inputs, folder, mode="RGB"):
    scope = {"folder": str(folder)}
    exec(reading(inputs, mode), scope)
    return scope


def test_sounds_are_exact(tmp_path):
    assert write_sample("audio", tmp_path) == "sample.wav"
    found = ran("audio", tmp_path)
    assert found["rate"] == 16_000
    assert np.array_equal(found["sound"], sound())
    assert np.array_equal(as_waveform(tmp_path / "sample.wav", 16_000), sound())


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_images_are_exact(mode, tmp_path):
    assert write_sample("image", tmp_path) == "sample.png"
    found = ran("image", tmp_path, mode)["image"]
    assert np.array_equal(np.asarray(found), np.asarray(sample_of("image").convert(mode)))
    assert isinstance(found, Image.Image)
    assert (tmp_path / "sample.png").stat().st_size < 20_000


def test_texts(tmp_path):
    assert write_sample("text_pair", tmp_path) == "sample.json"
    assert tuple(ran("text_pair", tmp_path)["example"]["text"]) == sample_of("text_pair")
    write_sample("text", tmp_path, ids=[4, 5])
    assert ran("text", tmp_path)["example"] == {"text": [sample_of("text")], "ids": [4, 5]}
    assert write_sample("both", tmp_path) == "sample.png"
    assert set(ran("both", tmp_path)) >= {"image", "example"}
