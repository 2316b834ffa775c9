"""An independent reader: olah, a mirror of the hub by others, serves what was published byte by byte."""

import socket
import subprocess
import sys
import time

import pytest

from zoo.hub.push import push
from zoo.hub.remote import remote

ID = "tester/pets"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False


@pytest.mark.slow
def test_olah_serves_what_was_published(hub, staged, tmp_path):
    pytest.importorskip("olah", reason="olah is not installed")
    folder = staged()
    done = push(folder, remote(ID), public=True)
    port = free_port()
    site, storage = (url.removeprefix("http://") for url in (hub.url, hub._storage.url))
    command = [
        sys.executable, "-m", "olah.server", "--port", str(port), "--host", "127.0.0.1", "--hf-scheme", "http",
        "--hf-netloc", site, "--hf-lfs-netloc", storage, "--mirror-scheme", "http",
        "--mirror-netloc", f"127.0.0.1:{port}", "--mirror-lfs-netloc", f"127.0.0.1:{port}",
        "--repos-path", str(tmp_path / "mirror"), "--log-path", str(tmp_path / "log"),
    ]  # fmt: skip
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
    try:
        assert answers(port, process), (tmp_path / "out").read_text()
        import httpx2

        for path in sorted(folder.iterdir()):
            url = f"http://127.0.0.1:{port}/{ID}/resolve/{done.commit}/{path.name}"
            found = httpx2.get(url, follow_redirects=True, timeout=30)
            assert found.status_code == 200, (found.text, (tmp_path / "out").read_text()[-2000:])
            assert found.content == path.read_bytes()
    finally:
        process.terminate()
        process.wait(30)
