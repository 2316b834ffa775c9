"""Files in and out, by the stock client."""

import hashlib
import threading
from pathlib import Path

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError
from huggingface_hub.utils import get_session

from zoo.testing.hub import Hub

WEIGHTS = bytes(range(256)) * 40


def add(path, data):
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=data)


def commit(api, operations, **more):
    return api.create_commit("me/pets", operations, commit_message="change", **more)


def test_a_folder_goes_up_and_comes_down_again(hub, writer, nobody, tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "model.safetensors").write_bytes(WEIGHTS)
    (source / "deep" / "name with spaces é.txt").write_bytes(b"text")
    (source / "empty.bin").write_bytes(b"")
    writer.create_repo("me/pets")
    sent = writer.upload_folder(repo_id="me/pets", folder_path=source)
    assert sent.oid == hub.head("me/pets")
    found = snapshot_download("me/pets", endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
    assert (tmp_path / "cache" / "models--me--pets" / "snapshots" / sent.oid).samefile(found)
    for file in source.rglob("*.*"):
        path = file.relative_to(source)
        assert (tmp_path / "cache/models--me--pets/snapshots" / sent.oid / path).read_bytes() == file.read_bytes()
        assert hub.files("me/pets")[path.as_posix()] == file.read_bytes()
    blobs = {blob.name for blob in (tmp_path / "cache/models--me--pets/blobs").iterdir()}
    assert hashlib.sha256(WEIGHTS).hexdigest() in blobs  # the ETag of a large file
    before = len(hub.requests)
    snapshot_download("me/pets", revision=sent.oid, endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
    assert hub.requests[before:] == []  # pinned and cached


def test_large_files_come_from_the_second_port_without_a_token(hub, tmp_path):
    hub.add("me/pets", {"model.safetensors": WEIGHTS}, private=True)
    where = {"endpoint": hub.url, "cache_dir": tmp_path, "token": hub.read_token}
    hf_hub_download("me/pets", "model.safetensors", **where)
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    assert hub.requests == [  # the storage answers 400 where a token is sent
        ("HEAD", "/me/pets/resolve/main/model.safetensors"),
        ("GET", f"/blobs/{sha256}/me/pets/model.safetensors"),
    ]


def test_data_sets_are_apart(hub, writer, tmp_path):
    writer.create_repo("me/pets", repo_type="dataset")
    writer.upload_file(path_or_fileobj=WEIGHTS, path_in_repo="a.parquet", repo_id="me/pets", repo_type="dataset")
    path = hf_hub_download("me/pets", "a.parquet", repo_type="dataset", endpoint=hub.url, cache_dir=tmp_path)
    assert Path(path).read_bytes() == WEIGHTS
    assert ("POST", "/datasets/me/pets.git/info/lfs/objects/batch") in hub.requests


@pytest.mark.parametrize(("chunk", "parts"), [(4000, 3), (5120, 2), (20000, 0)])
def test_large_files_go_up_in_parts(tmp_path, chunk, parts):
    with Hub(chunk_size=chunk) as hub:
        api = HfApi(endpoint=hub.url, token=hub.write_token)
        api.create_repo("me/pets")
        file = tmp_path / "model.safetensors"
        file.write_bytes(WEIGHTS)
        api.upload_file(path_or_fileobj=file, path_in_repo="model.safetensors", repo_id="me/pets")
        sent = [path for method, path in hub.requests if method == "PUT"]
        oid = hashlib.sha256(WEIGHTS).hexdigest()
        assert sent == ([f"/uploads/{oid}/{n + 1}" for n in range(parts)] or [f"/uploads/{oid}"])
        assert (("POST", f"/api/complete_multipart/{oid}") in hub.requests) == (parts > 0)
        assert hub.files("me/pets")["model.safetensors"] == WEIGHTS


def test_what_the_hub_has_is_not_sent_again(hub, writer):
    hub.add("me/pets", {"a.bin": WEIGHTS})
    commit(writer, [add("b.bin", WEIGHTS)])
    assert "PUT" not in [method for method, _ in hub.requests]
    assert hub.files("me/pets") == {"a.bin": WEIGHTS, "b.bin": WEIGHTS}
    head = hub.head("me/pets")
    assert commit(writer, [add("b.bin", WEIGHTS)]).oid == head  # nothing changed: no commit


def test_files_are_changed_removed_and_copied(hub, writer):
    first = hub.add("me/pets", {"a.txt": b"1", "b.txt": b"2", "d/e.txt": b"3", "d/f.txt": b"4", "w.bin": WEIGHTS})
    copies = [CommitOperationCopy("a.txt", "copy.txt"), CommitOperationCopy("w.bin", "copy.bin")]
    commit(writer, [add("a.txt", b"new"), CommitOperationDelete("d/"), *copies])
    writer.delete_file("b.txt", "me/pets")
    assert hub.files("me/pets") == {"a.txt": b"new", "copy.bin": WEIGHTS, "copy.txt": b"1", "w.bin": WEIGHTS}
    assert len(hub.files("me/pets", first)) == 5  # history stays
    with pytest.raises(HfHubHTTPError, match="cannot be removed"):
        writer.delete_file("b.txt", "me/pets")


def test_a_stale_parent_is_refused(hub, writer):
    old = hub.add("me/pets", {"a.txt": b"1"})
    new = hub.add("me/pets", {"a.txt": b"2"})
    with pytest.raises(HfHubHTTPError) as caught:
        commit(writer, [add("a.txt", b"3")], parent_commit=old)
    assert caught.value.response.status_code == 412
    assert hub.head("me/pets") == new
    commit(writer, [add("a.txt", b"3")], parent_commit=new)
    assert hub.files("me/pets") == {"a.txt": b"3"}


def test_of_two_racing_commits_one_wins(hub):
    head = hub.add("me/pets", {"a.txt": b"0"})
    told, start = [], threading.Barrier(8)

    def publish(number):
        api = HfApi(endpoint=hub.url, token=hub.write_token)
        start.wait()
        try:
            told.append(commit(api, [add("a.txt", b"%d" % number)], parent_commit=head).oid)
        except HfHubHTTPError as error:
            told.append(error.response.status_code)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(412) == 7
    assert hub.head("me/pets") in told


def test_commits_to_a_branch(hub, writer, tmp_path):
    hub.add("me/pets", {"a.txt": b"1"})
    writer.create_branch("me/pets", branch="new/try")
    commit(writer, [add("a.txt", b"2"), add("b.txt", b"3")], revision="new/try")
    writer.delete_file("b.txt", "me/pets", revision="new/try")
    assert (hub.files("me/pets"), hub.files("me/pets", "new/try")) == ({"a.txt": b"1"}, {"a.txt": b"2"})
    path = hf_hub_download("me/pets", "a.txt", revision="new/try", endpoint=hub.url, cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"2"
    with pytest.raises(HfHubHTTPError):
        commit(writer, [add("a.txt", b"2")], revision="nothing")
    with pytest.raises(HfHubHTTPError, match="pull requests"):
        commit(writer, [add("a.txt", b"4")], create_pr=True)


def test_a_file_that_is_not_there(hub, tmp_path):
    hub.add("me/pets", {"a.txt": b"1"})
    with pytest.raises(RemoteEntryNotFoundError) as caught:
        hf_hub_download("me/pets", "b.txt", endpoint=hub.url, cache_dir=tmp_path)
    assert caught.value.response.headers["X-Repo-Commit"] == hub.head("me/pets")


@pytest.mark.parametrize(
    ("asked", "status", "data"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, None),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.bin"])
def test_ranges(hub, name, asked, status, data):
    hub.add("me/pets", {name: b"0123456789"})
    answer = get_session().get(f"{hub.url}/me/pets/resolve/main/{name}", headers={"Range": asked})
    assert answer.status_code == status
    if data is not None:
        assert answer.content == data
    if status == 206:
        start = b"0123456789".index(data)
        assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(data) - 1}/10"


def test_signed_urls_cannot_be_made_up(hub, nobody):
    hub.add("me/pets", {"a.bin": WEIGHTS})
    answer = get_session().head(f"{hub.url}/me/pets/resolve/main/a.bin", follow_redirects=False)
    assert answer.status_code == 302
    signed = answer.headers["Location"]
    assert not signed.startswith(hub.url)
    get = get_session().get
    assert get(signed).content == WEIGHTS
    assert get(signed.partition("?")[0]).status_code == 403
    assert get(signed.replace("a.bin", "b.bin")).status_code == 403
    assert get(signed, headers={"Authorization": f"Bearer {hub.write_token}"}).status_code == 400


def test_uploads_and_commits_that_do_not_fit_are_refused(hub):
    hub.add("me/pets", {"a.txt": b"1"})
    head, ask = hub.head("me/pets"), get_session()
    headers = {"Authorization": f"Bearer {hub.write_token}"}
    oid = "0" * 64
    batch = {"objects": [{"oid": oid, "size": 3}]}
    told = ask.post(f"{hub.url}/me/pets.git/info/lfs/objects/batch", json=batch, headers=headers).json()
    actions = told["objects"][0]["actions"]
    assert ask.put(actions["upload"]["href"], content=b"abc").status_code == 400  # another digest
    assert ask.post(actions["verify"]["href"], json={"oid": oid, "size": 3}, headers=headers).status_code == 404
    for line in (
        b'{"key": "lfsFile", "value": {"path": "a.bin", "oid": "' + oid.encode() + b'"}}',
        b'{"key": "file", "value": {"path": "../evil", "content": ""}}',
        b'{"key": "file", "value": {"path": ".git/hooks/x", "content": ""}}',
        b'{"key": "file", "value": {"path": "a", "content": "?", "encoding": "base64"}}',
        b'{"key": "what", "value": {"path": "a"}}',
        b"[]",
        b"not json",
    ):
        answer = ask.post(f"{hub.url}/api/models/me/pets/commit/main", content=line, headers=headers)
        assert answer.status_code == 400, line
    assert hub.head("me/pets") == head
