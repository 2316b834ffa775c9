import os
import time

import pytest
from huggingface_hub import scan_cache_dir

from zoo.errors import UsageError
from zoo.io.cache import chosen, items, left_over, remove, verify
from zoo.io.repository import fetch_repository
from zoo.io.settings import hub_cache, torch_cache


@pytest.fixture
def filled(hub, weights):
    """Two repositories and two checkpoints, one with a digest in its name (which is wrong)."""
    hub.add("org/name", {"model.safetensors": weights, "config.json": b"{}"})
    hub.add("timm/net.a", {"model.safetensors": weights + bytes(0)})
    fetch_repository("org/name")
    fetch_repository("timm/net.a")
    torch_cache().mkdir(parents=True)
    (torch_cache() / "net-00000000.pth").write_bytes(b"x" * 10)
    (torch_cache() / "other.pth").write_bytes(b"x" * 20)
    return len(weights)


def test_everything_is_listed(filled):
    found = {item.name: item.size for item in items()}
    pointers = 2 * 40  # refs/main
    assert found.pop("torch:other.pth") == 20
    assert found.pop("torch:net-00000000.pth") == 10
    assert set(found) == {"hf-hub:org/name", "hf-hub:timm/net.a"}
    assert sum(found.values()) == 2 * filled + 2 + pointers
    assert [item.name for item in items()][:2] == ["hf-hub:org/name", "hf-hub:timm/net.a"]  # the largest first
    assert all(time.time() - item.used < 600 for item in items())


def test_empty_caches(caches):
    assert items() == []
    assert verify() == []
    assert left_over() == []


def test_verify(filled):
    states = {(verdict.name, verdict.state) for verdict in verify()}
    assert states == {
        ("hf-hub:org/name", "right"),
        ("hf-hub:timm/net.a", "right"),
        ("torch:net-00000000.pth", "damaged"),
        ("torch:other.pth", "unknown"),
    }
    blob = next(path for path in (hub_cache() / "models--org--name/blobs").iterdir() if len(path.name) == 64)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    assert [v.path for v in verify() if v.name == "hf-hub:org/name" and v.state == "damaged"] == [blob]


def test_choosing_and_removing(filled):
    old = hub_cache() / "models--org--name"
    for path in old.rglob("*"):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    assert [item.name for item in chosen(items(), older_than=30)] == ["hf-hub:org/name"]
    assert [item.name for item in chosen(items(), name="hf-hub:timm/*")] == ["hf-hub:timm/net.a"]
    assert chosen(items(), older_than=30, name="torch:*") == []
    for options in ({}, {"older_than": -1.0}, {"older_than": float("nan")}):
        with pytest.raises(UsageError, match="older-than"):
            chosen(items(), **options)
    for item in chosen(items(), older_than=30):
        remove(item)
    assert not old.exists()
    for item in items():
        remove(item)
    assert items() == []
    assert scan_cache_dir(hub_cache()).warnings == []


def test_what_the_repositories_share(filled, tmp_path):
    """huggingface_hub may keep a file in a store that repositories share: counted, checked, and left to the other."""
    from huggingface_hub.utils._shared_blobs import publish_blob_to_shared_store

    xet, cache = "a" * 64, hub_cache()
    blobs = [
        next(p for p in (cache / f"models--{r}/blobs").iterdir() if len(p.name) == 64)
        for r in ("org--name", "timm--net.a")
    ]
    before = {item.name: item.size for item in items()}
    for blob in blobs:
        publish_blob_to_shared_store(blob_path=str(blob), cache_dir=cache, xet_hash=xet, expected_size=filled)
    shared = cache / "blobs/aa" / xet
    if not all(blob.is_symlink() for blob in blobs):
        pytest.skip("the shared store was not used")
    assert {item.name: item.size for item in items()} == before
    assert all(verdict.state == "right" for verdict in verify() if verdict.name.startswith("hf-hub"))
    remove(next(item for item in items() if item.name == "hf-hub:org/name"))
    assert shared.exists()
    assert fetch_repository("timm/net.a").commit
    remove(next(item for item in items() if item.name == "hf-hub:timm/net.a"))
    assert not shared.exists()


def test_left_overs(filled):
    for folder in (hub_cache() / "models--org--name/blobs", torch_cache()):
        for name, age in (("old.zoo.incomplete", 2e5), ("young.incomplete", 0)):
            (folder / name).write_bytes(b"part")
            os.utime(folder / name, (time.time() - age, time.time() - age))
    assert [item.name for item in left_over()] == ["partial:old.zoo.incomplete"] * 2
    sizes = {item.name: item.size for item in items()}
    assert "torch:young.incomplete" not in sizes
    for item in left_over():
        remove(item)
    assert left_over() == []


def test_features_are_listed_verified_and_removed(caches, monkeypatch):
    import numpy as np

    from zoo.io.shards import Shelf, shard_files

    root = caches / "features"
    monkeypatch.setenv("ZOO_FEATURES", str(root))
    for digit, data in (("a", "digits"), ("b", "moods")):
        shelf = Shelf(root, digit * 20, 10**9, print)
        shelf.write(np.arange(100), np.ones((100, 8), np.float32), {"backbone": "timm/resnet18", "data": data})
    assert sorted(item.name for item in items()) == [
        "features:timm/resnet18:digits:aaaaaaaa",
        "features:timm/resnet18:moods:bbbbbbbb",
    ]
    assert all(100 * (8 * 4 + 8) < item.size < 5000 and time.time() - item.used < 600 for item in items())
    assert {verdict.state for verdict in verify()} == {"right"}
    path = shard_files(root / ("a" * 20))[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert {v.name[-8:]: v.state for v in verify()} == {"aaaaaaaa": "damaged", "bbbbbbbb": "right"}
    os.utime(root / ("a" * 20) / "about.json", (0, 0))
    (old,) = chosen(items(), older_than=30, name="features:*")
    assert remove(old) == old.size
    assert [item.name[-8:] for item in items()] == ["bbbbbbbb"]
    monkeypatch.setenv("ZOO_FEATURES", "off")
    assert items() == []
