from pathlib import Path

import pytest

from zoo.errors import UsageError
from zoo.io.settings import (
    TIMEOUT,
    endpoint,
    features_cache,
    features_limit,
    hub_cache,
    offline,
    patience,
    timeout,
    torch_cache,
)


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in ("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "ZOO_TIMEOUT", "ZOO_FEATURES", "ZOO_FEATURES_GB"):
        monkeypatch.delenv(name, raising=False)


def test_defaults():
    assert endpoint() == "https://huggingface.co"
    assert not offline()
    assert timeout() == TIMEOUT
    assert hub_cache() == Path.home() / ".cache/huggingface/hub"
    assert torch_cache() == Path.home() / ".cache/torch/hub/checkpoints"
    assert features_cache() == Path.home() / ".cache/zoo/features"
    assert features_limit() == 10 * 10**9


def test_where_features_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert features_cache() == tmp_path / "zoo/features"
    monkeypatch.setenv("ZOO_FEATURES", "~/kept")
    assert features_cache() == Path.home() / "kept"
    for said in ("off", "OFF", "0", "no", "false"):
        monkeypatch.setenv("ZOO_FEATURES", said)
        assert features_cache() is None
    monkeypatch.setenv("ZOO_FEATURES_GB", "0.5")
    assert features_limit() == 5 * 10**8


@pytest.mark.parametrize("said", ["0", "-1", "inf", "nan", "much"])
def test_a_limit_that_is_none(monkeypatch, said):
    monkeypatch.setenv("ZOO_FEATURES_GB", said)
    with pytest.raises(UsageError, match=r"ZOO_FEATURES_GB is .* Fix: "):
        features_limit()


def test_two_silences_and_what_a_command_does_fit_into_half_a_minute():
    assert TIMEOUT + patience() < 30


def test_what_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:8080/")
    assert endpoint() == "http://127.0.0.1:8080"
    monkeypatch.setenv("ZOO_TIMEOUT", "0.25")
    assert timeout() == 0.25
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert hub_cache() == tmp_path / "huggingface/hub"
    assert torch_cache() == tmp_path / "torch/hub/checkpoints"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert hub_cache() == tmp_path / "home/hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    assert hub_cache() == tmp_path / "cache"


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize(("said", "meant"), [("1", True), ("ON", True), ("yes", True), ("0", False), ("", False)])
def test_offline(monkeypatch, name, said, meant):
    monkeypatch.setenv(name, said)
    assert offline() is meant


@pytest.mark.parametrize(
    "said", ["huggingface.co", "ftp://hub", "https://", "http://hub:port", "http://[", "file:///etc"]
)
def test_an_address_that_is_none(monkeypatch, said):
    monkeypatch.setenv("HF_ENDPOINT", said)
    with pytest.raises(UsageError, match=r"HF_ENDPOINT is not an address. Fix: "):
        endpoint()


@pytest.mark.parametrize("said", ["0", "-1", "inf", "nan", "601", "soon"])
def test_a_time_out_that_is_none(monkeypatch, said):
    monkeypatch.setenv("ZOO_TIMEOUT", said)
    with pytest.raises(UsageError, match=r"ZOO_TIMEOUT is .* Fix: "):
        timeout()


def test_the_caches_are_where_the_libraries_have_theirs(tmp_path):
    """huggingface_hub and torch.hub read the environment when they are imported: ask them in fresh processes."""
    import os
    import subprocess
    import sys

    code = (
        "import torch.hub, huggingface_hub.constants as c; from zoo.io.settings import hub_cache, torch_cache\n"
        "assert str(hub_cache()) == c.HF_HUB_CACHE, (hub_cache(), c.HF_HUB_CACHE)\n"
        "assert str(torch_cache()) == torch.hub.get_dir() + '/checkpoints', torch.hub.get_dir()\n"
    )
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING", "XDG_", "TORCH_"))}
    for more in ({"XDG_CACHE_HOME": str(tmp_path)}, {"HF_HOME": "~/$USER_X/h", "TORCH_HOME": "~/t", "USER_X": "u"}):
        subprocess.run([sys.executable, "-c", code], env=bare | more, check=True)
