"""A token reaches its hub and nothing else: no log line, no error, no file, no other host, no title of a process."""

import os
import subprocess
import sys

import pytest

TOKEN = "hf_ThisIsTheSecretTokenOfTheTest0123456789"

CODE = """
import logging, sys, traceback
logging.basicConfig(level=logging.DEBUG)
from zoo.cli import main
code = 0
for name in sys.argv[1:]:
    for arguments in (["fetch", name], ["audit", name]):
        code = code or main(arguments)
        try:
            main([*arguments, "--debug"])
        except Exception as error:
            traceback.print_exc()
            print(repr(error), error.args, vars(error), repr(error.__cause__), repr(error.__context__))
print(open("/proc/self/cmdline").read() if sys.platform == "linux" else "")
sys.exit(code)
"""


@pytest.fixture
def guarded(caches):
    from zoo.testing.hub import Hub

    with Hub(write_token=TOKEN) as hub:
        yield hub


@pytest.mark.parametrize(
    "case", ["succeeds", "gated", "revoked", "none", "503", "cut", "flip", "hang", "away", "broken"]
)
def test_no_token_anywhere(guarded, caches, weights, case):
    hub = guarded
    hub.add("org/secret", {"model.safetensors": weights, "config.json": b"{}"}, private=True)
    name, token = "hf-hub:org/secret", TOKEN
    if case == "gated":
        hub.add("org/gated", {"model.safetensors": weights}, gated=True)
        hub.revoke(TOKEN)
        name = "hf-hub:org/gated"
    elif case == "revoked":
        hub.revoke(TOKEN)
    elif case == "none":
        name = "hf-hub:org/none"
    elif case == "broken":
        token = TOKEN + "\x01"
    elif case in ("503", "cut", "flip", "hang"):
        hub.fault(case, path="*", times=None)
    variables = hub.environment(token=token, home=caches / "hf")
    if case == "away":
        variables["HF_ENDPOINT"] = "http://127.0.0.1:9"
    environment = {
        **os.environ,
        **variables,
        "ZOO_TIMEOUT": "0.2",
        "HF_DEBUG": "1",
        "TORCH_HOME": str(caches / "torch"),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE, name], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == (0 if case == "succeeds" else 2), done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    for path in caches.rglob("*"):
        assert TOKEN not in str(path)
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def test_the_storage_of_large_files_is_not_told_the_token(hub, weights, monkeypatch):
    """It is another host, to which the hub sends clients on."""
    import httpx2

    from zoo.io.repository import fetch_repository

    hub.add("org/secret", {"model.safetensors": weights}, private=True)
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    sent = []
    real = httpx2.HTTPTransport.handle_request

    def handle(self, request):
        sent.append((request.url.path, "authorization" in request.headers))
        return real(self, request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    fetch_repository("org/secret")
    assert ("/api/models/org/secret/revision/main", True) in sent
    assert [told for path, told in sent if path.startswith("/blobs/")] == [False]
