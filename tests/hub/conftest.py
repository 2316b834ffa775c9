"""The stock client and zoo in this process, pointed at a hub on loopback."""

import json

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from huggingface_hub.utils._http import default_client_factory
from safetensors.numpy import save_file

from zoo.io.digests import file_digest
from zoo.testing.hub import Hub


@pytest.fixture
def hub(monkeypatch, tmp_path_factory):
    """A hub, and an environment in which this process may write there; nobody waits between two attempts."""
    home = tmp_path_factory.mktemp("hf")
    for name in (
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "TRANSFORMERS_OFFLINE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("ZOO_TIMEOUT", "2")
    monkeypatch.setattr("zoo.io.transport._silent", {})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "no-token"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    huggingface_hub.set_client_factory(default_client_factory)
    with Hub() as hub:
        for name, value in hub.environment(home=home).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        yield hub
    huggingface_hub.close_session()


@pytest.fixture
def staged(tmp_path):
    """Makes a folder as `zoo publish` stages one; `value` fills its weights."""

    def make(value=0.0, name="staged", **more):
        folder = tmp_path / name
        folder.mkdir()
        save_file({"w": np.full(500, value, np.float32)}, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps({"architecture": "resnet18", "value": value}))
        for file, text in more.items():
            (folder / file.replace("_", ".")).write_text(text)
        record = {"schema": "zoo.Exported/1"}
        record |= {"files": {path.name: file_digest(path, "0" * 64) for path in sorted(folder.iterdir())}}
        (folder / "README.md").write_text("---\nlicense: mit\n---\n# pets\n")
        record["published"] = {"card": file_digest(folder / "README.md", "0" * 40)}
        (folder / "zoo.json").write_text(json.dumps(record))
        return folder

    return make
