"""Raw samples to check backbones with: images, texts and clips of different sizes, the same for everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec

WORDS = (
    "a backbone turns samples into features and a head turns features into answers so that few labels go a long way "
    "when the weights were trained on many other samples before and nobody has to start from nothing every time"
)
SIZES = ((40, 56), (64, 48), (50, 50))  # of images, width and height in pixels
LENGTHS = (3, 17, 9)  # of texts, in words
SECONDS = (0.4, 0.9, 0.65)  # of clips


def samples_for(spec: BackboneSpec, modality: str = "") -> list[Any]:
    """Three raw samples of different content and size, as `Backbone.preprocess` takes them.

    Images are PIL images (grey where the backbone wants one channel), texts are strings, clips are (float32 array,
    rate); for image-text pairs of an image and a text.

    Example:
        >>> from zoo.catalog.query import describe
        >>> [image.size for image in samples_for(describe("pocket/resnet10"))]
        [(40, 56), (64, 48), (50, 50)]
    """
    makers = {"vision": _images, "text": _texts, "speech": _clips}
    modality = modality or spec.modality
    if modality == "image-text":
        return list(zip(_images(spec), _texts(spec), strict=True))
    return makers[modality](spec)


def _images(spec: BackboneSpec) -> list[Any]:
    from PIL import Image

    rng = np.random.default_rng(0)
    grey = (spec.input_size or (3,))[0] == 1
    found = []
    for width, height in SIZES:
        coarse = rng.integers(0, 256, (8, 8) if grey else (8, 8, 3), dtype=np.uint8)
        found.append(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))
    return found


def _texts(spec: BackboneSpec) -> list[str]:
    """Different words in each; shorter ones where the context is short."""
    most = max((spec.context or 64) // 4, 2)
    starts = zip((0, 5, 11), LENGTHS, strict=True)
    return [" ".join(WORDS.split()[start : start + min(count, most)]) for start, count in starts]


def _clips(spec: BackboneSpec) -> list[tuple[np.ndarray, int]]:
    rate, rng = spec.sample_rate or 16_000, np.random.default_rng(0)
    clips = []
    for pitch, seconds in zip((140, 220, 310), SECONDS, strict=True):
        time = np.arange(int(rate * seconds)) / rate
        tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
        clips.append(((0.1 * tone + 0.02 * rng.standard_normal(len(time))).astype(np.float32), rate))
    return clips
