import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import Offline, UnsafeContent, UsageError, WeightsError, ZooError
from zoo.io.listing import Listing, ask_listing, credentials, listing_of
from zoo.io.transport import client

COMMIT, SHA1, SHA256 = "c" * 40, "d" * 40, "e" * 64


def file(name="config.json", size=2, blob=SHA1, **more):
    return {"rfilename": name, "size": size, "blobId": blob} | more


def answer(*files, sha=COMMIT):
    return {"sha": sha, "siblings": list(files)}


def test_what_a_hub_holds(hub, weights):
    sha = hub.add("org/name", {"model.safetensors": weights, "config.json": b"{}", "a/b.txt": b"x"})
    with client() as session:
        found = ask_listing(session, "org/name", "main")
        assert found == ask_listing(session, "org/name", sha)
    assert found.commit == sha
    assert {name: size for name, (size, _) in found.files.items()} == {
        "a/b.txt": 1,
        "config.json": 2,
        "model.safetensors": len(weights),
    }
    assert len(found.files["model.safetensors"][1]) == 64
    assert len(found.files["config.json"][1]) == 40


def test_large_and_small_files():
    found = listing_of(
        answer(file(), file("w.bin", 3, lfs={"size": 7, "sha256": SHA256, "pointerSize": 3})), "org/name"
    )
    assert found == Listing("org/name", COMMIT, {"config.json": (2, SHA1), "w.bin": (7, SHA256)})


@pytest.mark.parametrize(
    "hostile",
    [
        answer(file("../../.bashrc")),
        answer(file("/etc/cron.d/x")),
        answer(file("a\\..\\..\\x")),
        answer(file(size=-1)),
        answer(file(size=1 << 60)),
        answer(file(size=True)),
        answer(file(size="2")),
        answer(file(size=None)),
        answer(file(blob="../../../x")),
        answer(file(blob=None)),
        answer(file(blob=SHA256)),
        answer(file(lfs={"size": 2, "sha256": SHA1})),
        answer(file(lfs={"size": 2, "sha256": "../" + "e" * 61})),
        answer(file(), file()),
        answer(file("a"), file("a/b")),
        answer(file("a/b/c"), file("a")),
        answer(file(), sha="../../x"),
        answer(file(), sha=None),
        answer(file(name=None)),
    ],
)
def test_hostile_listings(hostile):
    with pytest.raises(UnsafeContent, match=r"Fix: "):
        listing_of(hostile, "org/name")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([SHA1, SHA256, COMMIT]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sha", "siblings", "rfilename", "size", "blobId", "lfs", "sha256"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json)
def test_fuzzed_listings(value):
    try:
        found = listing_of(value, "org/name")
    except (UnsafeContent, KeyError, TypeError, AttributeError):  # `ask_listing` makes UnsafeContent of the last three
        return
    assert found.commit == COMMIT or len(found.commit) == 40


@pytest.mark.parametrize(
    "body", [b"<html>please log in</html>", b"[]", b'{"sha": 1}', b"[" * 100_000, b"\xff", b"null"]
)
def test_an_answer_that_no_hub_sends(hub, monkeypatch, body):
    monkeypatch.setattr("zoo.io.listing.ask", lambda *args: body)
    with client() as session, pytest.raises(UnsafeContent):
        ask_listing(session, "org/name", "main")


def test_another_commit_than_asked_for(hub, monkeypatch):
    body = b'{"sha": "%s", "siblings": []}' % COMMIT.encode()
    monkeypatch.setattr("zoo.io.listing.ask", lambda *args: body)
    with client() as session, pytest.raises(UnsafeContent, match="was asked for commit a"):
        ask_listing(session, "org/name", "a" * 40)


def test_an_answer_without_end(hub, monkeypatch):
    hub.add("org/name", {f"{number}.txt": b"" for number in range(50)})
    monkeypatch.setattr("zoo.io.listing._LIMIT", 1000)
    with client() as session, pytest.raises(UnsafeContent, match="has no end"):
        ask_listing(session, "org/name", "main")


def test_refusals(hub, no_waits, monkeypatch):
    monkeypatch.setenv("ZOO_TIMEOUT", "4")
    hub.add("org/secret", {"config.json": b"{}"}, private=True)
    hub.add("org/gated", {"config.json": b"{}"}, gated=True)
    hub.add("org/name", {"config.json": b"{}"})
    with client() as session:
        with pytest.raises(WeightsError, match="HF_TOKEN"):
            ask_listing(session, "org/secret", "main")
        with pytest.raises(WeightsError, match="cannot be read: the server answered 40"):
            ask_listing(session, "org/none", "main")
        with pytest.raises(WeightsError, match="has no such revision"):
            ask_listing(session, "org/name", "none")
        hub.fault("503", path="*", times=1)
        assert ask_listing(session, "org/name", "main").repository == "org/name"
        hub.fault("503", path="*", times=None)
        with pytest.raises(Offline, match="503"):
            ask_listing(session, "org/name", "main")


def test_the_token(caches, monkeypatch):
    assert "Authorization" not in credentials()
    monkeypatch.setenv("HF_TOKEN", "hf_abc")
    assert credentials()["Authorization"] == "Bearer hf_abc"
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    assert "Authorization" not in credentials()


@pytest.mark.parametrize("token", ["hf_a\x01b", "hf_é", "hf a"])
def test_a_token_that_is_none_is_not_shown(caches, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UsageError, match="holds characters that no token has") as caught:
        credentials()
    assert token not in str(caught.value)


def test_a_password_in_the_address_of_the_hub_is_not_shown(hub, monkeypatch):
    address = hub.url.replace("http://", "http://me:s3cret@")
    for fault in ("flip", "cut"):
        hub.clear_faults()
        hub.add("org/name", {"config.json": b"{}"})
        hub.fault(fault, path="*/revision/*", times=None)
        monkeypatch.setenv("HF_ENDPOINT", address)
        with client() as session, pytest.raises(ZooError) as caught:
            ask_listing(session, "org/name", "main")
        assert "s3cret" not in str(caught.value)
