import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zoo.errors import Offline, UnsafeContent, UsageError, WeightsError
from zoo.io.settings import torch_cache
from zoo.io.urls import fetch_url, file_name

DATA = bytes(range(256)) * 100
NAME = f"net-{hashlib.sha256(DATA).hexdigest()[:8]}.pth"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.asked.append(self.headers.get("Authorization", ""))
        super().do_GET()


@pytest.fixture
def site(caches, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / NAME).write_bytes(DATA)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "site")))
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.address = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_by_its_address(site, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = fetch_url(f"{site.address}/{NAME}")
    assert path == torch_cache() / NAME
    assert path.read_bytes() == DATA
    assert fetch_url(f"{site.address}/{NAME}") == path
    assert site.asked == [""]  # once, and no token for a stranger


def test_torch_finds_it(site, monkeypatch):
    import torch

    data = site.RequestHandlerClass.keywords["directory"]
    torch.save({"w": torch.ones(2)}, f"{data}/plain.pth")
    fetch_url(f"{site.address}/plain.pth")
    site.shutdown()
    monkeypatch.setattr("torch.hub._hub_dir", None)
    found = torch.hub.load_state_dict_from_url(f"{site.address}/plain.pth", weights_only=True, progress=False)
    assert found["w"].tolist() == [1, 1]


def test_the_digest_in_the_name_is_held(site, tmp_path):
    wrong = f"net-{'0' * 8}.pth"
    (tmp_path / "site" / wrong).write_bytes(DATA)
    with pytest.raises(WeightsError, match="other bytes than announced, twice"):
        fetch_url(f"{site.address}/{wrong}")
    assert not (torch_cache() / wrong).exists()
    with pytest.raises(WeightsError, match="other bytes than announced"):
        fetch_url(f"{site.address}/{NAME}", digest="1" * 64)


def test_a_damaged_file_in_the_cache(site, monkeypatch):
    path = fetch_url(f"{site.address}/{NAME}")
    path.write_bytes(DATA[:-1] + b"x")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"is damaged: its SHA-256 does not begin with .*zoo fetch http"):
        fetch_url(f"{site.address}/{NAME}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert fetch_url(f"{site.address}/{NAME}").read_bytes() == DATA


def test_offline_holds_for_addresses_too(site, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match=rf"{NAME} is not on this machine, and HF_HUB_OFFLINE forbids .*zoo fetch http"):
        fetch_url(f"{site.address}/{NAME}?token=secret")
    assert site.asked == []


def test_nobody_answers(caches, no_waits):
    with pytest.raises(Offline, match="did not answer") as caught:
        fetch_url("http://127.0.0.1:9/w.pth?signature=s3cret")
    assert "s3cret" not in str(caught.value)


def test_not_there(site):
    with pytest.raises(WeightsError, match="the server answered 404"):
        fetch_url(f"{site.address}/none.pth")


@pytest.mark.parametrize(
    "url", ["ftp://h/w.pth", "https://h/", "https://h", "file:///etc/passwd", "w.pth", "https:///w"]
)
def test_no_address(url):
    with pytest.raises(UsageError, match="is no address of a file"):
        file_name(url)


@pytest.mark.parametrize("url", ["https://h/%2e%2e", "https://h/..", "https://h/a%2f..%2f..%2fx", "https://h/%00"])
def test_addresses_that_lead_elsewhere(url):
    with pytest.raises(UnsafeContent):
        file_name(url)


def test_forty_digits_are_the_first_of_a_sha256_too():
    from zoo.io.urls import stated_digest

    assert stated_digest(f"w-{'a' * 64}.pth") == "a" * 64
    assert stated_digest(f"w-{'a' * 40}.pth") == "a" * 39  # 40 would be taken for git's SHA-1
