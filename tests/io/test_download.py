"""`download` against a server that does exactly one odd thing at a time."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zoo.errors import Offline, StoreError, UnsafeContent, WeightsError
from zoo.io import download as room
from zoo.io.download import PARTIAL, Wanted, download, is_right
from zoo.io.transport import client

DATA = bytes(range(256)) * 2000  # 512 kB
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(caches):
    """Calls `server.acts[0](handler)`, then the next, in the end `serve` for ever. `server.asked` has the ranges."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            web.asked.append(self.headers.get("Range", ""))
            (web.acts.pop(0) if web.acts else serve)(self)

        def log_message(self, *arguments):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    web.asked, web.acts = [], []
    web.url = f"http://127.0.0.1:{web.server_port}/w.bin"
    threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True).start()
    yield web
    web.shutdown()
    web.server_close()


def send(handler, body, status=200, length=None, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def serve(handler, data=DATA):
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if not start:
        return send(handler, data)
    return send(handler, data[start:], 206, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")


def cut(at):
    return lambda handler: send(handler, DATA[:at], length=len(DATA))


def get(server, target, **known):
    with client() as session:
        download(session, Wanted(server.url, "w.bin", **({"digest": SHA, "size": len(DATA)} | known)), target)


def leftovers(target):
    return [path.name for path in target.parent.iterdir() if path != target]


@pytest.mark.parametrize("known", [{}, {"digest": SHA[:8]}, {"size": -1}, {"digest": "", "size": -1}])
def test_a_file_comes_whole(server, tmp_path, known):
    target = tmp_path / "sub" / "w.bin"
    get(server, target, **known)
    assert target.read_bytes() == DATA
    assert leftovers(target) == []
    get(server, target, **known)  # is there
    assert server.asked == [""]


def test_gits_digest(server, tmp_path):
    digest = hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()
    get(server, tmp_path / "w.bin", digest=digest)
    assert is_right(tmp_path / "w.bin", Wanted(server.url, "w", digest, len(DATA)))


def test_a_cut_connection_goes_on_where_it_was(server, tmp_path, no_waits):
    server.acts = [cut(100_000), lambda handler: send(handler, b"", 503)]
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA
    assert server.asked == ["", "bytes=100000-", "bytes=100000-"]


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path, no_waits):
    server.acts = [cut(100_000), lambda handler: send(handler, DATA)]
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA


@pytest.mark.parametrize("start", [0, 99_999, 100_001])
def test_a_range_that_was_not_asked_for_is_not_used(server, tmp_path, no_waits, start):
    wrong = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
    server.acts = [cut(100_000), lambda handler: send(handler, DATA[start:], 206, Content_Range=wrong)]
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA


def test_what_a_killed_run_left_is_used(server, tmp_path):
    (tmp_path / f"w.bin{PARTIAL}").write_bytes(DATA[:200_000])
    get(server, tmp_path / "w.bin")
    assert server.asked == ["bytes=200000-"]
    assert (tmp_path / "w.bin").read_bytes() == DATA


@pytest.mark.parametrize("left", [b"x" * 200_000, b"x" * 600_000, DATA[:-1] + b"x"])
def test_a_wrong_left_over_is_thrown_away(server, tmp_path, left):
    (tmp_path / f"w.bin{PARTIAL}").write_bytes(left)
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA


def test_a_whole_left_over_needs_no_request(server, tmp_path):
    (tmp_path / f"w.bin{PARTIAL}").write_bytes(DATA)
    get(server, tmp_path / "w.bin")
    assert server.asked == []


def test_a_range_beyond_the_end(server, tmp_path, no_waits):
    (tmp_path / f"w.bin{PARTIAL}").write_bytes(DATA[:10])
    server.acts = [lambda handler: send(handler, b"", 416)]
    get(server, tmp_path / "w.bin")
    assert server.asked == ["bytes=10-", ""]


def test_a_damaged_file_is_asked_for_again_once(server, tmp_path, capsys):
    server.acts = [lambda handler: serve(handler, DATA[:-1] + b"x")]
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA
    assert "damaged on the way, asking once more" in capsys.readouterr().err


def test_a_file_that_stays_damaged_is_refused_and_not_kept(server, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"older")
    server.acts = [lambda handler: serve(handler, DATA[:-1] + b"x")] * 2
    with pytest.raises(WeightsError, match=r"other bytes than announced, twice: .* It was not kept"):
        get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == b"older"
    assert leftovers(tmp_path / "w.bin") == []
    assert len(server.asked) == 2


def test_more_bytes_than_announced(server, tmp_path):
    server.acts = [lambda handler: send(handler, DATA + b"more")]
    with pytest.raises(WeightsError, match=f"sends more than the {len(DATA)} bytes"):
        get(server, tmp_path / "w.bin")
    assert not list(tmp_path.glob("w.bin*"))


def test_a_packed_answer_is_not_unpacked(server, tmp_path, no_waits):
    """It was asked for plain bytes, and what is packed may unpack to nothing, or to too much, for ever."""
    import gzip

    server.acts = [lambda handler: send(handler, gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")] * 9
    with pytest.raises(Offline, match="packed answer, which was not asked for"):
        get(server, tmp_path / "w.bin")
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]


def test_a_left_over_that_no_digest_can_judge_is_not_used(server, tmp_path):
    """It may be of another address, or of an older file: the result would be a mixture that nobody sees."""
    (tmp_path / f"w.bin{PARTIAL}").write_bytes(b"x" * 1000)
    get(server, tmp_path / "w.bin", digest="", size=-1)
    assert server.asked == [""]
    assert (tmp_path / "w.bin").read_bytes() == DATA


def test_answers_that_a_later_try_may_mend(server, tmp_path, no_waits, monkeypatch):
    monkeypatch.setenv("ZOO_TIMEOUT", "5")
    server.acts = [lambda handler, status=status: send(handler, b"", status) for status in (503, 500, 429, 502)]
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").read_bytes() == DATA


def test_a_server_that_stays_away_is_offline_and_what_came_is_kept(server, tmp_path, no_waits):
    server.acts = [cut(100_000), *[lambda handler: send(handler, b"", 503)] * 10]
    with pytest.raises(Offline, match=r"w\.bin cannot be had now: the server answered 503 each time"):
        get(server, tmp_path / "w.bin")
    assert (tmp_path / f"w.bin{PARTIAL}").stat().st_size == 100_000
    server.acts = []
    get(server, tmp_path / "w.bin")
    assert server.asked[-1] == "bytes=100000-"


def test_a_long_retry_after_is_not_waited_for(server, tmp_path):
    server.acts = [lambda handler: send(handler, b"", 429, Retry_After="3600")]
    with pytest.raises(Offline, match="answered 429"):
        get(server, tmp_path / "w.bin")
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 418])
def test_refusals_are_not_repeated(server, tmp_path, status):
    server.acts = [lambda handler: send(handler, b"", status)]
    with pytest.raises(WeightsError, match=f"the server answered {status}"):
        get(server, tmp_path / "w.bin")
    assert not list(tmp_path.glob("w.bin*"))
    assert len(server.asked) == 1


def test_a_trickle_is_as_good_as_silence(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_TIMEOUT", "0.3")
    monkeypatch.setattr(room, "patience", lambda: 0.5)
    stop = threading.Event()

    def trickle(handler):
        send(handler, b"", length=len(DATA))
        while not stop.wait(0.05):
            handler.wfile.write(b"x")

    server.acts = [trickle] * 9
    try:
        with pytest.raises(Offline, match="almost nothing"):
            get(server, tmp_path / "w.bin")
    finally:
        stop.set()


def test_a_file_larger_than_the_disk_is_refused_before_it_comes(server, tmp_path):
    with pytest.raises(StoreError, match=r"No space left on device for .* MB. Fix: free some space"):
        get(server, tmp_path / "w.bin", size=1 << 60)
    assert not list(tmp_path.glob("w.bin*"))


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "sub").write_text("")
    with pytest.raises(StoreError, match="HF_HOME or TORCH_HOME"):
        get(server, tmp_path / "sub" / "w.bin")


def test_a_planted_link_is_not_written_through(server, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / f"w.bin{PARTIAL}").symlink_to("precious")
    with pytest.raises(UnsafeContent, match="zoo writes through none"):
        get(server, tmp_path / "w.bin")
    (tmp_path / f"w.bin{PARTIAL}").unlink()
    (tmp_path / "w.bin").symlink_to("precious")
    get(server, tmp_path / "w.bin")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "w.bin").is_symlink()


@pytest.mark.parametrize("locks", [True, False])
def test_many_at_once(server, tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(room, "fcntl", None)
    failures = []

    def one():
        try:
            get(server, tmp_path / "w.bin")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (tmp_path / "w.bin").read_bytes() == DATA
    assert leftovers(tmp_path / "w.bin") == ([] if locks else [f"w.bin{PARTIAL}"])
    assert len(server.asked) == 1 or not locks
