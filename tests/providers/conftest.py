"""The hub on loopback, for tests of providers."""

import pytest

from zoo.testing.hub import Hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub, and an environment in which zoo uses it without a token and with empty caches."""
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("zoo.io.transport._silent", {})
    with Hub() as running:
        for name, value in running.environment(token="", home=tmp_path / "hf").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        yield running
