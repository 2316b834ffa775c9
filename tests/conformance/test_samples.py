"""Samples differ in content and size, and are the same every time."""

import numpy as np
import pytest

from zoo.conformance.samples import samples_for
from zoo.specs import BackboneSpec


def spec(modality, **more):
    return BackboneSpec("x/y", "x", "y", modality=modality, **more)


@pytest.mark.parametrize(("size", "mode"), [((3, 224, 224), "RGB"), ((1, 32, 32), "L"), (None, "RGB")])
def test_images(size, mode):
    images = samples_for(spec("vision", input_size=size))
    assert [image.mode for image in images] == [mode] * 3
    assert len({image.size for image in images}) == 3
    assert len({image.tobytes() for image in images}) == 3
    assert [i.tobytes() for i in samples_for(spec("vision", input_size=size))] == [i.tobytes() for i in images]


@pytest.mark.parametrize("context", [None, 512, 16, 4])
def test_texts(context):
    texts = samples_for(spec("text", context=context))
    assert len(set(texts)) == 3
    assert all(0 < len(text.split()) <= max((context or 64) // 4, 2) for text in texts)


def test_clips():
    clips = samples_for(spec("speech", sample_rate=16_000))
    assert len({len(clip) for clip, _ in clips}) == 3
    assert all(rate == 16_000 and clip.dtype == np.float32 and np.abs(clip).max() < 1 for clip, rate in clips)


def test_pairs():
    assert [(type(image).__name__, type(text)) for image, text in samples_for(spec("image-text"))] == [
        ("Image", str)
    ] * 3
