from __future__ import annotations

import pytest
import torch

from zoo.data.generated import SOURCES, GlyphSource, Source, TextureSource
from zoo.data.glyphs import render_glyphs
from zoo.errors import UnknownName


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Source]:
    cache = tmp_path_factory.mktemp("sources") / "glyphs.npz"
    return {"glyphs": GlyphSource(cache), "textures": TextureSource()}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_registry_names_both():
    assert SOURCES.names()[:2] == ["glyphs", "textures"]
    assert SOURCES.get("glyphs") is GlyphSource
    assert SOURCES.get("textures") is TextureSource
    with pytest.raises(UnknownName, match="Nearest: glyphs"):
        SOURCES.get("glyph")


@pytest.mark.parametrize(("name", "side"), [("glyphs", 40), ("textures", 32)])
class TestEverySource:
    def test_says_what_it_is(self, sources, name, side):
        source = sources[name]
        assert isinstance(source, Source)
        assert source.name == name
        assert len(source.digest) == 64
        assert isinstance(source.classes, int)

    def test_batches_are_raw_and_labelled(self, sources, name, side):
        batch = sources[name].batch(512, generator())
        assert batch.inputs.shape == (512, 1, side, side)
        assert batch.inputs.dtype == torch.float32
        assert (batch.inputs.min(), batch.inputs.max()) == (0, 1)
        assert batch.targets.shape == (512,)
        assert batch.targets.dtype == torch.int64
        assert batch.targets.min() >= 0
        assert batch.targets.max() < sources[name].classes
        assert len(batch.targets.unique()) > 150

    def test_only_the_generator_counts(self, sources, name, side):
        source = sources[name]
        torch.manual_seed(1)
        first = source.batch(16, generator(7))
        view = source.corrupt(first.inputs, generator(8))
        torch.manual_seed(2)
        before = torch.random.get_rng_state()
        again = source.batch(16, generator(7))
        assert torch.equal(first.inputs, again.inputs)
        assert torch.equal(first.targets, again.targets)
        assert torch.equal(view, source.corrupt(again.inputs, generator(8)))
        assert torch.equal(before, torch.random.get_rng_state())
        assert not torch.equal(first.targets, source.batch(16, generator(9)).targets)

    def test_batches_go_on_without_repeating(self, sources, name, side):
        g = generator()
        assert not torch.equal(sources[name].batch(16, g).targets, sources[name].batch(16, g).targets)

    def test_views_are_corrupted_frames(self, sources, name, side):
        raw = sources[name].batch(32, generator()).inputs
        kept = raw.clone()
        g = generator()
        one, two = sources[name].corrupt(raw, g), sources[name].corrupt(raw, g)
        assert one.shape == (32, 1, 32, 32)
        assert not torch.equal(one, two)
        assert one.min() >= 0
        assert one.max() <= 1.2
        assert torch.equal(raw, kept)


def test_glyph_batches_are_the_rendered_glyphs(sources, tmp_path_factory):
    glyphs = render_glyphs()
    assert sources["glyphs"].digest == glyphs.digest
    assert sources["glyphs"].classes == glyphs.classes
    by_pixels = {}
    for image, label in zip(glyphs.images, glyphs.labels.tolist(), strict=True):
        by_pixels.setdefault(image.tobytes(), set()).add(label)
    batch = sources["glyphs"].batch(64, generator())
    for image, label in zip((batch.inputs[:, 0] * 255).round().byte().numpy(), batch.targets.tolist(), strict=True):
        assert label in by_pixels[image.tobytes()]


def test_texture_classes_and_seed_are_options():
    small = TextureSource(classes=16, seed=3)
    assert small.classes == 16
    assert small.digest != TextureSource(classes=16).digest
    assert small.batch(200, generator()).targets.unique().tolist() == list(range(16))
