"""Each fault, as the stock client meets it."""

import hashlib
import time
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.utils import get_session

from zoo.errors import UnknownName, UsageError
from zoo.testing.hub_faults import KINDS, Faults

WEIGHTS = bytes(range(256)) * 40
NAME = "model.safetensors"


@pytest.fixture
def fetch(hub, tmp_path):
    hub.add("me/pets", {NAME: WEIGHTS, "config.json": b"{}"})

    def fetch(name=NAME, **more):
        where = {"endpoint": hub.url, "cache_dir": tmp_path, "token": False}
        return Path(hf_hub_download("me/pets", name, **where, **more)).read_bytes()

    return fetch


def gets(hub):
    return [path for method, path in hub.requests if method == "GET"]


def change(api, **more):
    operations = [CommitOperationAdd("config.json", b'{"new": 1}')]
    return api.create_commit("me/pets", operations, commit_message="change", **more)


def test_503_strikes_as_often_as_told_and_the_client_tries_again(hub, fetch, writer):
    fault = hub.fault("503", path="*/preupload/*", times=2)
    change(writer)
    assert (fault.struck, fault.left) == (2, 0)
    assert hub.files("me/pets")["config.json"] == b'{"new": 1}'


def test_503_for_ever_is_an_error(hub, fetch):
    fault = hub.fault("503", path="*.safetensors", times=None)
    with pytest.raises((LocalEntryNotFoundError, HfHubHTTPError)):
        fetch()
    assert (fault.left, fault.struck > 1) == (None, True)
    assert fetch("config.json") == b"{}"  # another path
    hub.clear_faults()
    assert fetch() == WEIGHTS


def test_429_says_when_to_come_back(hub, fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    hub.fault("429", path="/blobs/*", retry_after=7)
    assert fetch() == WEIGHTS
    assert waits[0] >= 7


def test_a_cut_download_is_resumed_by_range(hub, fetch):
    fault = hub.fault("cut", path="/blobs/*", after=3000)
    assert fetch() == WEIGHTS
    assert fault.struck == 1
    assert len(gets(hub)) == 2


def test_a_resumed_download_asks_for_the_rest_only(hub, fetch, monkeypatch):
    asked = []
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)
    monkeypatch.setattr("zoo.testing.hub_transfer._content", spy(asked))
    hub.fault("cut", path="/blobs/*", after=3000)
    assert fetch() == WEIGHTS
    assert asked == [None, "bytes=3000-"]


def spy(asked):
    from zoo.testing.hub_transfer import _content

    def content(call, data, headers):
        asked.append(call.headers.get("range"))
        return _content(call, data, headers)

    return content


def test_a_cut_upload_is_sent_again(hub, fetch, writer):
    fault = hub.fault("cut_upload", after=1000)
    writer.upload_file(path_or_fileobj=WEIGHTS + b"more", path_in_repo=NAME, repo_id="me/pets")
    assert fault.struck == 1
    assert hub.files("me/pets")[NAME] == WEIGHTS + b"more"


def test_a_flipped_bit_is_accepted_by_the_stock_client(hub, fetch):
    hub.fault("flip", path="/blobs/*", at=5)
    found = fetch()
    assert found != WEIGHTS
    assert found[5] == WEIGHTS[5] ^ 1
    assert found[:5] + found[6:] == WEIGHTS[:5] + WEIGHTS[6:]
    assert hub.files("me/pets")[NAME] == WEIGHTS
    assert fetch(force_download=True) == WEIGHTS


def test_hang_never_answers(hub):
    fault = hub.fault("hang")
    with pytest.raises(httpx2.ReadTimeout):
        get_session().get(f"{hub.url}/api/models", timeout=0.2)  # the client itself would wait for minutes
    assert fault.struck == 1
    assert get_session().get(f"{hub.url}/api/models").json() == []


def test_what_hangs_ends_with_the_hub(hub):
    import threading

    hub.fault("hang")
    told = []

    def ask():
        try:
            get_session().get(f"{hub.url}/api/models")
        except httpx2.TransportError as error:
            told.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not hub.requests:
        pass
    hub.close()
    thread.join(60)
    assert len(told) == 1


def test_slow_sends_in_pieces_and_all(hub, fetch):
    fault = hub.fault("slow", path="/blobs/*", rate=100_000)
    assert fetch() == WEIGHTS
    assert fault.struck == 1


def test_a_commit_that_was_dropped_before_did_not_happen(hub, fetch, writer):
    head = hub.head("me/pets")
    hub.fault("drop_before")
    with pytest.raises(httpx2.TransportError):
        change(writer)
    assert hub.head("me/pets") == head
    change(writer, parent_commit=head)
    assert hub.files("me/pets")["config.json"] == b'{"new": 1}'


def test_a_commit_that_was_dropped_after_did_happen(hub, fetch, writer):
    head = hub.head("me/pets")
    hub.fault("drop_after")
    with pytest.raises(httpx2.TransportError):
        change(writer, parent_commit=head)
    assert hub.files("me/pets")["config.json"] == b'{"new": 1}'
    assert change(writer).oid == hub.head("me/pets")  # the client sees that nothing is left to change


def test_a_hostile_etag_reaches_the_client(hub, fetch):
    for name, header in (("config.json", "ETag"), (NAME, "X-Linked-Etag")):
        fault = hub.fault("lie_etag", etag="../../../evil")
        answer = get_session().head(f"{hub.url}/me/pets/resolve/main/{name}", follow_redirects=False)
        assert answer.headers[header] == '"../../../evil"'
        assert fault.struck == 1


def test_a_hostile_etag_writes_outside_of_the_cache_of_the_stock_client(hub, fetch, tmp_path):
    hub.fault("lie_etag")
    fetch("config.json")
    assert (tmp_path / "evil").read_bytes() == b"{}"


@pytest.mark.parametrize("name", [NAME, "config.json"])
def test_a_wrong_size_is_noticed(hub, fetch, name):
    hub.fault("wrong_size", by=3)
    with pytest.raises(OSError, match="Consistency check failed"):
        fetch(name)
    assert hashlib.sha256(fetch(NAME)).digest() == hashlib.sha256(WEIGHTS).digest()


def test_faults_wait_in_a_snapshot_too(hub, fetch, tmp_path):
    hub.fault("cut", path="*.json", after=1)
    folder = snapshot_download("me/pets", endpoint=hub.url, cache_dir=tmp_path / "other", token=False)
    assert Path(folder, "config.json").read_bytes() == b"{}"


def test_first_come_first_served():
    faults = Faults()
    first, second = faults.add("503", path="/a*"), faults.add("429", method="G*")
    assert faults.take("request", "PUT", "/b") is None
    assert faults.take("answer", "GET", "/a") is None
    assert faults.take("request", "GET", "/a/b") is first
    assert faults.take("request", "GET", "/a/b") is second
    assert faults.take("request", "GET", "/a/b") is None


def test_unknown_faults_and_options_are_refused():
    faults = Faults()
    with pytest.raises(UnknownName, match="Nearest: flip"):
        faults.add("flipp")
    with pytest.raises(UsageError, match="'after'"):
        faults.add("cut", at=3)
    with pytest.raises(UsageError, match="no option"):
        faults.add("503", at=3)


def test_every_kind_is_tried_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'fault("{kind}"' not in text] == []
