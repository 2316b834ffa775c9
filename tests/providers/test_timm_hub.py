"""Pre-trained weights come from a hub: here one on loopback, reached by a fresh process."""

import os
import subprocess
import sys

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from zoo.testing.hub import Hub

NAME = "timm/test_resnet.r160_in1k"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def file(hub, tmp_path):
    """The weights of a small network, on the hub and on disk."""
    model = timm.create_model("test_resnet.r160_in1k", pretrained=False)
    moved = {k: v + 0.01 if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(moved, tmp_path / "w.safetensors")
    hub.add(NAME, {"model.safetensors": (tmp_path / "w.safetensors").read_bytes(), "config.json": b"{}"})
    return tmp_path / "w.safetensors"


def load(name, hub, cache, **variables):
    code = (
        "import sys, zoo\nfrom zoo.providers.weights import weights_digest\n"
        f"try:\n    backbone = zoo.load({name!r})\n"
        "except zoo.ZooError as error:\n    print(type(error).__name__, error)\n    sys.exit(2)\n"
        "print(weights_digest(backbone.module), backbone.spec.revision, backbone.notes)"
    )
    environment = {**os.environ, **hub.environment(token="", home=cache), **variables}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


def test_weights_from_a_hub_equal_timms_own_loading(hub, file, tmp_path):
    done = load(NAME, hub, tmp_path / "cache")
    assert done.returncode == 0, done.stdout + done.stderr
    upstream = timm.create_model(NAME[5:], pretrained=True, num_classes=0, pretrained_cfg_overlay={"file": str(file)})
    from zoo.providers.weights import weights_digest

    digest, commit, notes = done.stdout.strip().split(maxsplit=2)
    assert digest == weights_digest(upstream)
    assert commit == hub.head(NAME)
    assert f"the catalog pins no revision; its weights are commit {commit[:12]} of hf-hub:{NAME}" in notes
    expected = load_file(file)
    assert all(torch.equal(value, expected[key]) for key, value in upstream.state_dict().items())
    before = len(hub.requests)
    again = load(NAME, hub, tmp_path / "cache", HF_HUB_OFFLINE="1")  # what is cached needs no network
    assert again.stdout == done.stdout
    assert len(hub.requests) == before


def test_what_timm_itself_would_fetch_is_there(hub, file, tmp_path):
    """Nothing is stored twice: timm loads from what zoo fetched, without a request for weights."""
    assert load(NAME, hub, tmp_path / "cache").returncode == 0
    code = f"import timm; timm.create_model({NAME[5:]!r}, pretrained=True)"
    environment = {**os.environ, **hub.environment(token="", home=tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


def test_what_the_hub_does_not_have_is_told(hub, tmp_path):
    hub.add("timm/test_vit.r160_in1k", {"pytorch_model.bin": b"x"})
    done = load("timm/test_vit.r160_in1k", hub, tmp_path / "cache")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "has no model.safetensors, and zoo reads no pickles" in done.stdout


def test_without_a_network(hub, tmp_path):
    done = load(NAME, hub, tmp_path / "cache", HF_ENDPOINT="http://127.0.0.1:9", ZOO_TIMEOUT="0.5")
    assert done.returncode == 2
    assert done.stdout.startswith(f"Offline model.safetensors of hub repository {NAME} (main) is not on this machine")
