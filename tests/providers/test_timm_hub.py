"""Pre-trained weights come from a hub: here one on loopback, reached by the stock client in a fresh process."""

import os
import subprocess
import sys

import pytest
import timm
import torch
from safetensors.torch import load_file, save

from zoo.testing.hub import Hub

NAME = "timm/test_resnet.r160_in1k"


@pytest.fixture
def hub(tmp_path):
    """A hub with one repository of timm, and another one without safetensors."""
    model = timm.create_model("test_resnet.r160_in1k", pretrained=False)
    changed = {k: v + 0.01 if v.is_floating_point() else v for k, v in model.state_dict().items()}
    (tmp_path / "w.safetensors").write_bytes(save(changed))
    with Hub() as hub:
        hub.add(NAME, {"model.safetensors": (tmp_path / "w.safetensors").read_bytes()})
        hub.add("timm/test_vit.r160_in1k", {"pytorch_model.bin": b"no"})
        yield hub


def loaded(name, hub, cache, offline="0"):
    code = (
        "import sys, zoo\nfrom zoo.providers.weights import weights_digest\n"
        f"try:\n    print(weights_digest(zoo.load({name!r}).module))\n"
        "except zoo.ZooError as error:\n    print(error)\n    sys.exit(2)"
    )
    environment = {**os.environ, **hub.environment(token=hub.read_token, home=cache), "HF_HUB_OFFLINE": offline}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


def test_weights_from_a_hub_equal_timms_own_loading(hub, tmp_path):
    done = loaded(NAME, hub, tmp_path / "cache")
    assert done.returncode == 0, done.stdout + done.stderr
    overlay = {"file": str(tmp_path / "w.safetensors")}
    upstream = timm.create_model(NAME[5:], pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    from zoo.providers.weights import weights_digest

    assert done.stdout.strip() == weights_digest(upstream)
    expected = load_file(tmp_path / "w.safetensors")
    assert all(torch.equal(value, expected[key]) for key, value in upstream.state_dict().items())
    before = len(hub.requests)
    again = loaded(NAME, hub, tmp_path / "cache", offline="1")  # what is cached needs no network
    assert again.stdout == done.stdout
    assert len(hub.requests) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm/test_vit.r160_in1k", "has no model.safetensors, and zoo reads no pickles"),
        (
            "timm/test_efficientnet.r160_in1k",
            "hub repository timm/test_efficientnet.r160_in1k cannot be read: the server answered 404",
        ),
    ],
)
def test_what_the_hub_does_not_have_is_told(hub, tmp_path, name, said):
    done = loaded(name, hub, tmp_path / "cache")
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stdout
