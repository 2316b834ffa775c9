import json

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from zoo.errors import Offline, PublishError, UnsafeContent, UsageError
from zoo.hub.push import push
from zoo.hub.remote import Remote, explained, passing, remote, same
from zoo.io.digests import file_digest


def answered(status, message="no"):
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://127.0.0.1/api"))
    return HfHubHTTPError("the client's own text", response=response, server_message=message)


@pytest.mark.parametrize("name", ["pets", "../pets", "a/b/c", "me/pets--x", "", "me/pets.", "me/pets-", "me/pets.git"])
def test_names_that_are_none(hub, name):
    with pytest.raises(UsageError):
        remote(name)


def test_no_token_is_said_before_anything_is_asked(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UsageError, match="HF_TOKEN"):
        remote("tester/pets")
    monkeypatch.setenv("HF_TOKEN", "secret\u00e9")
    with pytest.raises(UsageError) as told:
        remote("tester/pets")
    assert "secret" not in str(told.value)
    assert hub.requests == []


def test_offline_is_said(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match="--dry-run"):
        remote("tester/pets")


def test_the_token_is_not_shown(hub):
    assert hub.write_token not in repr(remote("tester/pets"))


def test_state(hub, staged):
    place = remote("tester/pets")
    assert place.state() is None
    folder = staged()
    push(folder, place)
    state = place.state()
    assert (state.commit, state.private) == (hub.head("tester/pets"), True)
    assert state.files["model.safetensors"][1] == file_digest(folder / "model.safetensors", "0" * 64)
    assert place.published(state)["files"].keys() == {"model.safetensors", "config.json"}
    assert place.url == f"{hub.url}/tester/pets"


@pytest.mark.parametrize("text", [b"{", b"[]", b"null"])
def test_a_record_that_cannot_be_read_is_none(hub, text):
    hub.add("tester/pets", {"zoo.json": text})
    place = remote("tester/pets")
    assert place.published(place.state()) == {}


def test_same(hub, staged):
    folder = staged()
    files = {path.name: file_digest(path, "0" * 64) for path in folder.iterdir()}
    place = remote("tester/pets")
    push(folder, place)
    assert same(folder, files, place.state()) == []
    hub.add("tester/pets", {"config.json": b"{}", "model.safetensors": bytes(10)})
    assert sorted(same(folder, files, place.state())) == ["config.json", "model.safetensors"]
    assert same(folder, {**files, "new.json": "0" * 64}, place.state())[-1] == "new.json"


def test_what_a_later_try_may_mend():
    assert passing(answered(503))
    assert passing(answered(429))
    assert passing(httpx2.ReadTimeout("slow"))
    assert not passing(answered(401))
    assert not passing(answered(412))
    assert not passing(RuntimeError("xet"))


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (answered(401), PublishError, "refused the token"),
        (answered(403), PublishError, "refused the token"),
        (answered(503), Offline, "503 each time"),
        (answered(400, "bad  name\n"), PublishError, r"400 \(bad name\)"),
        (httpx2.ReadTimeout("x"), Offline, "did not answer to the end"),
        (RuntimeError("no xet here"), PublishError, "HF_HUB_DISABLE_XET=1"),
    ],
)
def test_every_error_says_what_the_repository_holds(hub, error, kind, word):
    told = explained(error, Remote("tester/pets"), "Nothing was sent.")
    assert isinstance(told, kind)
    with pytest.raises(kind, match=word):
        raise told
    assert "Nothing was sent." in str(told)
    assert "Fix:" in str(told)


def answering(monkeypatch, status, content, **headers):
    """Let the hub answer so."""

    class Session:
        def get(self, url, **options):
            return httpx2.Response(status, content=content, headers=headers, request=httpx2.Request("GET", url))

    monkeypatch.setattr("zoo.hub.remote.get_session", Session)


@pytest.mark.parametrize("status", [401, 403])
def test_a_repository_without_access_is_not_taken_for_none(hub, monkeypatch, status):
    answering(monkeypatch, status, b"", **{"X-Error-Code": "GatedRepo"})
    with pytest.raises(HfHubHTTPError):
        remote("tester/pets").state()
    answering(monkeypatch, 404, b"", **{"X-Error-Code": "RepoNotFound"})
    assert remote("tester/pets").state() is None


def test_a_repository_that_was_renamed(hub, monkeypatch):
    told = {"id": "tester/cats", "private": True, "sha": "c" * 40, "siblings": []}
    answering(monkeypatch, 200, json.dumps(told).encode())
    with pytest.raises(PublishError, match="called tester/cats now"):
        remote("tester/pets").state()
    assert remote("Tester/Cats").state().private


@pytest.mark.parametrize("content", [b"<html>please log in</html>", b"[]", b'{"id": "tester/pets"}'])
def test_an_answer_of_something_else(hub, monkeypatch, content):
    answering(monkeypatch, 200, content)
    with pytest.raises(UnsafeContent, match="login page"):
        remote("tester/pets").state()


def test_what_the_hub_says_of_a_refusal_is_told(hub):
    told = explained(answered(403, "Private repository storage limit reached"), Remote("tester/pets"), "")
    assert "Private repository storage limit reached" in str(told)
