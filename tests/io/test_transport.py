import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import _http

from zoo.errors import Offline, UnsafeContent, UsageError
from zoo.io import transport
from zoo.io.transport import Unreachable, bounded, check_headers, clamped, client, install, pieces, shown


@pytest.fixture
def silent():
    """An address that accepts and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.close()


@pytest.fixture
def installed(caches, monkeypatch):
    """The bounded factory in huggingface_hub, taken out again."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    huggingface_hub.set_client_factory(_http.default_client_factory)
    install()
    yield
    huggingface_hub.set_client_factory(_http.default_client_factory)


def answer(headers, method="HEAD"):
    return httpx2.Response(200, headers=headers, request=httpx2.Request(method, "http://hub/a/b/resolve/main/f"))


# ------------------------------------------------------------------------------------------------------------ time-outs


@pytest.mark.parametrize("asked", [None, {}, {"connect": None, "read": 3600.0, "write": None, "pool": float("inf")}])
def test_no_wait_is_missing_or_above_the_limit(asked):
    assert clamped(asked, 8.0) == {"connect": 8.0, "read": 8.0, "write": 8.0, "pool": 8.0}


def test_a_shorter_wait_stays():
    assert clamped({"read": 0.5}, 8.0)["read"] == 0.5


def test_a_silent_server_is_unreachable_even_without_any_time_out(silent, caches):
    with bounded(httpx2.Client(timeout=None)) as session, pytest.raises(Unreachable, match=r"silent for 0\.5 seconds"):
        session.get(silent)


def test_what_sends_keeps_its_own_errors(silent, caches, monkeypatch):
    monkeypatch.setattr(transport, "_SENDING", 0.2)
    with client() as session, pytest.raises(httpx2.ReadTimeout):
        session.post(silent, content=b"data")


def test_a_closed_port_and_an_unknown_host(caches):
    with client() as session:
        with pytest.raises(Unreachable, match="did not answer"):
            session.get("http://127.0.0.1:9")
        with pytest.raises(Unreachable, match="did not answer"):
            session.get("http://no-such-host.invalid")


def test_a_name_server_that_hangs(caches, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(20))
    began = time.monotonic()
    with client() as session, pytest.raises(Unreachable, match=r"no name server answered in 0\.5 seconds"):
        session.get("http://hub.example")
    assert time.monotonic() - began < 10
    release.set()


def test_a_proxy_looks_names_up_itself(caches, monkeypatch, silent):
    asked = []
    monkeypatch.setenv("HTTP_PROXY", silent)
    monkeypatch.setenv("http_proxy", silent)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: asked.append(host) or real(host, *rest, **more)
    )
    with client() as session, pytest.raises(Unreachable, match="silent"):
        session.get("http://hub.example")
    assert set(asked) == {"127.0.0.1"}


@pytest.fixture
def proxy(hub):
    """A proxy behind which the loopback hub is called hub.example. `asked` has the addresses."""
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with httpx2.Client(trust_env=False) as session:
                got = session.get(self.path.replace("http://hub.example", hub.url), headers=headers)
            self.send_response(got.status_code)
            for name in ("location", "x-error-code"):
                if name in got.headers:
                    self.send_header(name, got.headers[name])
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://me:s3cret@127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_everything_goes_through_the_proxy(hub, proxy, monkeypatch, weights, capsys):
    from zoo.io.repository import fetch_repository

    address, asked = proxy
    hub.add("org/name", {"config.json": b"{}", "model.safetensors": weights})
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("http_proxy", address)
    found = fetch_repository("org/name")
    assert (found.folder / "model.safetensors").read_bytes() == weights
    assert [path.rpartition("/")[2] for path in asked] == ["main?blobs=true", "config.json", "model.safetensors"]
    assert all(path.startswith("http://hub.example/") for path in asked)


@pytest.mark.parametrize("address", ["socks9://u:s3cret@h:1", "http://u:s3cret@h:port", "nonsense://u:s3cret@"])
def test_a_proxy_that_cannot_be_used(caches, monkeypatch, address):
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(UsageError, match="the proxy or the certificates") as caught:
        client()
    assert "s3cret" not in str(caught.value)


def test_a_silent_host_is_not_asked_again_at_once(silent, caches):
    with bounded(httpx2.Client(), remember=True) as session:
        with pytest.raises(Unreachable, match="silent for"):
            session.get(silent)
        with pytest.raises(Unreachable, match="a moment ago"):
            session.get(silent + "/other")


@pytest.fixture
def talks(caches):
    """`talks(first, again)`: an address that answers a request with `first`, then `again` and again, without end."""
    servers, stop = [], threading.Event()

    def serve(connection, first, again):
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first)
            while again and not stop.wait(0.02):
                connection.sendall(again)

    def start(first, again=b""):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(server.accept()[0], first, again), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    stop.set()
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X"),  # a header, a letter at a time
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"),
    ],
)
def test_an_answer_that_never_comes_to_its_body(talks, first, again):
    with client() as session, pytest.raises(Unreachable, match="no whole answer in"):
        session.get(talks(first, again))


BODY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"


@pytest.mark.parametrize(("first", "again"), [(BODY, b"x"), (BODY.removesuffix(b"1;"), b"1\r\nx\r\n")])
@pytest.mark.parametrize("whole", [True, False])
def test_a_body_that_stands_almost_still(talks, first, again, whole):
    address = talks(first, again)
    with client() as session, session.stream("GET", address) as response, pytest.raises(Unreachable, match="almost"):
        list(pieces(response, whole=whole))


def test_a_body_that_never_ends_must_still_be_whole_in_time(talks):
    address = talks(BODY.removesuffix(b"1;"), b"10000\r\n" + bytes(65_536) + b"\r\n")
    with client() as session, session.stream("GET", address) as response, pytest.raises(Unreachable, match="almost"):
        list(pieces(response, whole=True))


def test_who_reads_slowly_is_not_cut(talks, caches, monkeypatch):
    monkeypatch.setenv("ZOO_TIMEOUT", "0.1")
    body = bytes(3 * 65_536)
    with client() as session:
        first = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        with session.stream("GET", talks(first + body)) as response:
            got = 0
            for piece in pieces(response, whole=True):
                got += len(piece)
                time.sleep(0.3)  # above patience()
    assert got == len(body)


def test_a_packed_body_is_refused(talks):
    address = talks(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"\0\0\0\xff\xff")
    with client() as session, session.stream("GET", address) as response, pytest.raises(httpx2.DecodingError):
        list(pieces(response))


@pytest.mark.parametrize(
    "where", [b"/", b"http://a..b/", b"http://%s/" % (b"a" * 300), b"file:///etc/passwd", b"http://[::1"]
)
def test_redirects_that_lead_nowhere(talks, where):
    address = talks(b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + where + b"\r\n\r\n")
    with client() as session, pytest.raises(Unreachable, match="did not answer"):
        session.get(address)


# -------------------------------------------------------------------------------------------------------------- headers


def test_no_step_down_from_https():
    def step(url, *history):
        return httpx2.Response(200, request=httpx2.Request("GET", url), history=list(history))

    secure, plain = "https://hub/a", "http://hub/a"
    for fine in (step(plain), step(secure, step(secure)), step(secure, step(plain)), step(plain, step(plain))):
        check_headers(fine)
    for history in ([step(secure)], [step(plain), step(secure)], [step(secure), step(plain)]):
        with pytest.raises(UnsafeContent, match=r"https://hub/a leads from https to http|http://hub/a leads from"):
            check_headers(step(plain, *history))


@pytest.mark.parametrize("etag", ["../../evil", '"../x"', "a/b", "a\\b", "..", ".", '"/etc/passwd"', "a..b", ""])
@pytest.mark.parametrize("name", ["ETag", "X-Linked-Etag"])
def test_etags_that_lead_elsewhere(etag, name):
    with pytest.raises(UnsafeContent, match="no plain name"):
        check_headers(answer({name: etag}))


@pytest.mark.parametrize("etag", ["a" * 40, f'"{"b" * 64}"', f'W/"{"a" * 40}"', '"abc-gzip"'])
def test_ordinary_etags(etag):
    check_headers(answer({"ETag": etag, "X-Repo-Commit": "c" * 40}))


def test_etags_that_name_nothing_may_be_anything():
    check_headers(answer({"ETag": 'W/"a/b+="'}, method="GET"))


@pytest.mark.parametrize("commit", ["../../x", "main", "C" * 40, "c" * 41])
def test_commits_that_are_none(commit):
    with pytest.raises(UnsafeContent, match="a commit that is none"):
        check_headers(answer({"X-Repo-Commit": commit}))


@pytest.mark.parametrize("address", ["local:///etc", "file:///etc", "/etc"])
def test_storage_that_is_a_local_folder(address):
    with pytest.raises(UnsafeContent, match="no web address"):
        check_headers(answer({"X-Xet-Cas-Url": address}, method="GET"))


def test_addresses_are_shown_without_secrets():
    assert shown("https://u:p@h:1/a?token=x#frag") == "https://h:1/a"


# --------------------------------------------------------------------------------------- all of huggingface_hub's calls


def test_the_stock_client_ends_too(installed, silent, tmp_path):
    with pytest.raises(Offline):
        HfApi(endpoint=silent, token=False).model_info("org/name")
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("org/name", "config.json", endpoint=silent, cache_dir=tmp_path, token=False)


def test_the_stock_client_still_uses_its_cache(installed, hub, silent, tmp_path):
    hub.add("org/name", {"config.json": b"{}"})
    first = hf_hub_download("org/name", "config.json", endpoint=hub.url, cache_dir=tmp_path, token=False)
    assert hf_hub_download("org/name", "config.json", endpoint=silent, cache_dir=tmp_path, token=False) == first


@pytest.mark.parametrize("header", ["lie_etag"])
def test_the_stock_client_writes_nothing_outside_its_cache(installed, hub, tmp_path, header):
    hub.add("org/name", {"config.json": b"{}"})
    hub.fault(header, times=None)
    with pytest.raises(UnsafeContent, match="no plain name"):
        hf_hub_download("org/name", "config.json", endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
    assert not list(tmp_path.rglob("*evil*"))


def test_installing_twice_wraps_once_and_keeps_the_users_factory(caches):
    made = []

    def own():
        made.append(httpx2.Client(headers={"X-Own": "1"}))
        return made[-1]

    huggingface_hub.set_client_factory(own)
    try:
        install()
        factory = _http._GLOBAL_CLIENT_FACTORY
        install()
        assert _http._GLOBAL_CLIENT_FACTORY is factory
        assert huggingface_hub.get_session() is made[0]
        with pytest.raises(Unreachable):
            huggingface_hub.get_session().get("http://127.0.0.1:9")
    finally:
        huggingface_hub.set_client_factory(_http.default_client_factory)


def test_it_is_the_offline_mode_to_the_hub_and_zoos_one_error_to_all():
    assert issubclass(Unreachable, Offline)
    assert issubclass(Unreachable, OfflineModeIsEnabled)
