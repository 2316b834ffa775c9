"""Pre-trained weights come from a hub: here one on loopback, reached by the stock client in a fresh process."""

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path):
    """Serves one file of one repository, as the hub's `resolve` does; everything else is absent."""
    model = timm.create_model("test_resnet.r160_in1k", pretrained=False)
    save_file(
        {k: v + 0.01 if v.is_floating_point() else v for k, v in model.state_dict().items()}, tmp_path / "w.safetensors"
    )
    data = (tmp_path / "w.safetensors").read_bytes()
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(b"")

        def do_GET(self):
            self.answer(data)

        def answer(self, body):
            asked.append(self.path)
            if self.path != "/timm/test_resnet.r160_in1k/resolve/main/model.safetensors":
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "w.safetensors", asked
    server.shutdown()
    server.server_close()


def load(name, endpoint, cache, offline="0"):
    code = (
        "import sys, zoo\nfrom zoo.providers.weights import weights_digest\n"
        f"try:\n    print(weights_digest(zoo.load({name!r}).module))\n"
        "except zoo.ZooError as error:\n    print(error)\n    sys.exit(2)"
    )
    variables = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_OFFLINE": offline, "HF_HUB_DISABLE_XET": "1"}
    environment = {**os.environ, **variables, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


def test_weights_from_a_hub_equal_timms_own_loading(hub, tmp_path):
    endpoint, file, asked = hub
    name = "timm/test_resnet.r160_in1k"
    done = load(name, endpoint, tmp_path / "cache")
    assert done.returncode == 0, done.stdout + done.stderr
    overlay = {"file": str(file)}
    upstream = timm.create_model(name[5:], pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    from zoo.providers.weights import weights_digest

    assert done.stdout.strip() == weights_digest(upstream)
    expected = load_file(file)
    assert all(torch.equal(value, expected[key]) for key, value in upstream.state_dict().items())
    before = len(asked)
    again = load(name, endpoint, tmp_path / "cache", offline="1")  # what is cached needs no network
    assert again.stdout == done.stdout
    assert len(asked) == before


def test_what_the_hub_does_not_have_is_told(hub, tmp_path):
    endpoint, _, _ = hub
    done = load("timm/test_vit.r160_in1k", endpoint, tmp_path / "cache")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "has no model.safetensors, and zoo reads no pickles" in done.stdout
