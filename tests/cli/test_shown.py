"""Facts of a backbone as text."""

from zoo.catalog.query import describe
from zoo.cli.shown import shape, size
from zoo.specs import BackboneSpec


def test_known_and_unknown():
    spec = describe("pocket/resnet10.glyphs")
    assert (size(spec), shape(spec)) == ("0.97 M", "1x32x32")
    bare = BackboneSpec("x/y", "x", "y")
    assert (size(bare), shape(bare)) == ("?", "?")
    assert shape(BackboneSpec("x/y", "x", "y", sample_rate=16000)) == "16 kHz"
    assert shape(BackboneSpec("x/y", "x", "y", context=512)) == "512 tokens"
