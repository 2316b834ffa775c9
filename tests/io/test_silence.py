"""No network, or one that says nothing: every command ends soon, with one class of error."""

import os
import socket
import subprocess
import sys
import time

import pytest

import zoo
from zoo.cli import main
from zoo.errors import Offline
from zoo.io.audit import audit
from zoo.io.fetch import fetch

NAMES = ["timm/resnet18.a1_in1k", "hf-hub:org/name", "hf-hub:org/name@" + "c" * 40]


@pytest.fixture(params=["unknown host", "closed port", "accepts and says nothing"])
def nowhere(request, caches, monkeypatch, no_waits):
    """An endpoint behind which there is nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    if request.param == "closed port":
        server.close()
    host = "no-such-host.invalid" if request.param == "unknown host" else "127.0.0.1"
    monkeypatch.setenv("HF_ENDPOINT", f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    server.close()


@pytest.mark.parametrize("name", NAMES)
def test_fetch_and_audit(nowhere, name):
    for call in (fetch, audit):
        with pytest.raises(Offline, match=r"is not on this machine, and .* Fix: run `zoo fetch hf-hub:"):
            call(name)


def test_addresses(nowhere):
    with pytest.raises(Offline, match=r"w\.pth is not on this machine, and .* Fix: run `zoo fetch http"):
        fetch(f"{nowhere}/w.pth")


def test_loading(nowhere):
    with pytest.raises(Offline, match="zoo fetch hf-hub:timm/resnet18"):
        zoo.load("timm/resnet18.a1_in1k")


@pytest.mark.parametrize(
    "arguments",
    [["fetch", NAMES[0]], ["fetch", *NAMES], ["audit", NAMES[0]], ["finetune", NAMES[0], "digits"]],
)
def test_commands(nowhere, capsys, arguments):
    assert main(arguments) == 2
    assert "Fix: run `zoo fetch hf-hub:" in capsys.readouterr().err


def test_what_needs_no_network_does_not_ask(nowhere, capsys):
    for arguments in (["cache", "ls"], ["cache", "verify"], ["list", "resnet18*"], ["show", NAMES[0]]):
        assert main(arguments) == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fetch", "audit"])
def test_the_real_waits_stay_below_half_a_minute(caches, monkeypatch, command):
    """With the waits that people get: the time-out of the child is the promise itself."""
    monkeypatch.delenv("ZOO_TIMEOUT")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = {"HF_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}"}
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import sys; from zoo.cli import main; sys.exit(main([{command!r}, {NAMES[1]!r}]))",
            ],
            env={**os.environ, **said},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 2
    assert "zoo fetch hf-hub:org/name" in done.stderr


def test_a_server_that_stops_in_the_middle_of_a_file(hub, make_tensors, no_waits):
    hub.add("org/name", {"model.safetensors": make_tensors(w=[100_000])})
    hub.fault("hang", path="/blobs/*", times=None)
    began = time.monotonic()
    with pytest.raises(Offline, match=r"model\.safetensors of org/name did not come: .* silent for 0\.5 seconds"):
        fetch("hf-hub:org/name")
    assert time.monotonic() - began < 60
