import pytest

from zoo.errors import UnknownName, UsageError
from zoo.io.fetch import Source, fetch, source_of
from zoo.io.repository import PATTERNS
from zoo.io.settings import torch_cache


def test_where_names_come_from():
    timm = source_of("timm/resnet18.a1_in1k")
    assert (timm.repository, timm.patterns) == ("timm/resnet18.a1_in1k", ("model.safetensors",))
    assert source_of("hf-hub:org/name") == Source("hf-hub:org/name", "org/name", "", "", PATTERNS)
    assert source_of("hf-hub:org/name@refs/pr/1").revision == "refs/pr/1"
    assert source_of("https://h/w.pth").url == "https://h/w.pth"
    assert source_of("pocket/resnet10.glyphs").shipped


def test_names_that_are_none():
    with pytest.raises(UnknownName, match=r"Nearest: timm/resnet18.* is written hf-hub:ORGANISATION/NAME"):
        source_of("timm/resnet18.a1_in1")
    with pytest.raises(UsageError, match="is an architecture without weights"):
        source_of("timm/resnet18")
    for name in ("hf-hub:../x", "hf-hub:", "hf-hub:a/b/c", "hf-hub:org/name@../x"):
        with pytest.raises(UsageError):
            source_of(name)


def test_fetching(hub, weights, monkeypatch):
    sha = hub.add("timm/resnet18.a1_in1k", {"model.safetensors": weights, "config.json": b'{"auto_map": {"a": "b.C"}}'})
    found = fetch("timm/resnet18.a1_in1k")
    assert found.commit == sha
    assert [path.name for path in found.place.iterdir()] == ["model.safetensors"]
    assert fetch("pocket/resnet10.glyphs").place is None
    before = len(hub.requests)
    path = torch_cache() / "w.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert fetch(f"{hub.url}/w.pth").place == path
    assert len(hub.requests) == before
