"""The stock client in this process, pointed at loopback hubs."""

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils._http import default_client_factory

from zoo.testing.hub import Hub


@pytest.fixture(autouse=True)
def _online(monkeypatch, tmp_path):
    """Elsewhere the client is kept offline; here it may reach 127.0.0.1, without waits, with no token of its own."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.set_client_factory(default_client_factory)  # which zoo bounds, once it has loaded from a hub
    yield
    huggingface_hub.close_session()


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def writer(hub):
    return HfApi(endpoint=hub.url, token=hub.write_token)


@pytest.fixture
def reader(hub):
    return HfApi(endpoint=hub.url, token=hub.read_token)


@pytest.fixture
def nobody(hub):
    return HfApi(endpoint=hub.url, token=False)
