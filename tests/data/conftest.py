"""A hub on loopback for this process, with a cache of its own."""

import pytest

from zoo.testing.hub import Hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name in (
        "HF_TOKEN",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "TRANSFORMERS_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZOO_TIMEOUT", "0.5")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("zoo.io.transport._silent", {})
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with Hub() as hub:
        for name, value in hub.environment(token="", home=tmp_path / "hf").items():
            monkeypatch.setenv(name, value)
        yield hub
