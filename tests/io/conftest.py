"""A hub on loopback for this process, with caches of its own and little patience."""

import json
import struct

import pytest

from zoo.testing.hub import Hub


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Empty caches; no network is forbidden, and no token is set."""
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("ZOO_TIMEOUT", "0.5")
    monkeypatch.setattr("zoo.io.transport._silent", {})
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    return tmp_path


@pytest.fixture
def hub(caches, monkeypatch):
    """A hub, and an environment in which zoo uses it without a token."""
    with Hub() as hub:
        for name, value in hub.environment(token="", home=caches / "hf").items():
            monkeypatch.setenv(name, value)
        yield hub


@pytest.fixture
def no_waits(monkeypatch):
    """Between two attempts nobody sleeps."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def weights():
    """A small safetensors file, as bytes."""
    return tensors(w=[100])


def tensors(**shapes):
    """A valid safetensors file of zeros, made without any library."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return raw(json.dumps(header).encode(), at)


def raw(header, room):
    return struct.pack("<Q", len(header)) + header + bytes(room)


@pytest.fixture
def make_raw():
    return raw


@pytest.fixture
def make_tensors():
    return tensors
