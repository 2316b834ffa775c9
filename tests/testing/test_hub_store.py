"""Repositories in memory and in folders."""

import subprocess

import pytest

from zoo.errors import InvalidRecord, UnknownName, UsageError
from zoo.testing.hub_store import Store, git_oid, is_safe_path, pointer


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    return Store(tmp_path if request.param == "folder" else None)


def change(store, repository, files, **more):
    changes = {path: None if data is None else store.entry(data, large=False) for path, data in files.items()}
    return store.commit(repository, changes, "change", **more)


def test_content_is_kept_by_its_digest(store):
    sha256 = store.put(b"hello")
    assert sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert store.put(b"hello") == sha256
    assert (store.read(sha256), store.size(sha256)) == (b"hello", 5)
    assert store.size("0" * 64) is None
    assert store.large_entry("0" * 64) is None
    with pytest.raises(KeyError):
        store.read("0" * 64)


def test_ids_are_those_of_git(store, tmp_path):
    def told(data):
        return subprocess.run(
            ["git", "hash-object", "--stdin"], input=data, capture_output=True, check=True
        ).stdout.decode()

    assert git_oid(b"hello") == told(b"hello").strip()
    entry = store.large_entry(store.put(b"hello"))
    assert entry.oid == told(pointer(entry.sha256, 5)).strip()


def test_commits_build_on_each_other(store):
    repository = store.create("model", "me/pets")
    first = change(store, repository, {"b": b"1", "a/x": b"2", "a/y": b"3"})
    second = change(store, repository, {"a": None, "c": b"4"})
    assert list(first.entries) == ["a/x", "a/y", "b"]
    assert list(second.entries) == ["b", "c"]
    assert repository.history(second) == [second, first]
    assert [repository.find(name) for name in ("main", first.sha, "nothing")] == [second, first, None]
    assert len(second.sha) == 40


def test_a_file_takes_the_place_of_a_folder_and_back(store):
    repository = store.create("model", "me/pets")
    change(store, repository, {"a/b": b"1", "ab": b"2"})
    assert list(change(store, repository, {"a": b"3"}).entries) == ["a", "ab"]
    assert list(change(store, repository, {"a/b": b"4"}).entries) == ["a/b", "ab"]


def test_commits_of_the_same_content_differ(store):
    made = [change(store, store.create("model", name), {"a": b"1"}).sha for name in ("me/a", "me/b")]
    again = change(store, store.get("model", "me/a"), {"a": b"1"}).sha
    assert len({*made, again}) == 3


def test_names_are_taken_once_and_checked(store):
    store.create("model", "me/pets")
    store.create("dataset", "me/pets")
    with pytest.raises(UsageError, match="exists"):
        store.create("model", "me/pets")
    for name in ("", "../evil", "a/b/c", "a--b", ".a", "a/..", "a b", "a..b"):
        with pytest.raises(UsageError, match="OWNER/NAME"):
            store.create("model", name)
    with pytest.raises(UsageError, match="one of model, dataset"):
        store.create("space", "me/pets")
    with pytest.raises(UnknownName, match="Nearest: me/pets"):
        store.get("model", "me/pet")


def test_a_folder_is_found_again(tmp_path):
    store = Store(tmp_path)
    repository = store.create("model", "me/pets", private=True, gated=True)
    change(store, repository, {"a/b.txt": b"1", "repository.json": b"{}"})
    change(store, repository, {"a/b.txt": b"2"}, branch="next")
    repository.tags["v1"] = repository.branches["main"]
    store.save(repository)
    again = Store(tmp_path)
    assert again.get("model", "me/pets") == repository
    assert again.read(again.get("model", "me/pets").find("main").entries["a/b.txt"].sha256) == b"1"
    assert [found.repo_id for found in again.repositories("model")] == ["me/pets"]


def test_a_folder_that_does_not_fit_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="choose another folder"):
        Store(tmp_path / "file")
    Store(tmp_path).create("model", "me/pets")
    path = tmp_path / "models--me--pets" / "repository.json"
    for text in ("", "[]", "{}", path.read_text().replace("private", "secret")):
        path.write_text(text)
        with pytest.raises(InvalidRecord, match="models--me--pets"):
            Store(tmp_path)


def test_the_newest_files_can_be_looked_at(tmp_path):
    store = Store(tmp_path)
    repository = store.create("model", "me/pets")
    change(store, repository, {"a/b.txt": b"1", "c.txt": b"2", "../evil": b"3"})
    shown = tmp_path / "models--me--pets" / "files"
    change(store, repository, {"c.txt": None, "a/b.txt": b"new"})
    assert [path.relative_to(shown).as_posix() for path in shown.rglob("*") if path.is_file()] == ["a/b.txt"]
    assert (shown / "a" / "b.txt").read_bytes() == b"new"
    store.delete(repository)
    assert not shown.parent.exists()
    assert Store(tmp_path).find("model", "me/pets") is None


def test_where_links_do_not_work_files_are_copied(tmp_path, monkeypatch):
    def no_links(*names):
        raise PermissionError

    store = Store(tmp_path)
    repository = store.create("model", "me/pets")
    entry = store.entry(b"1", large=False)
    monkeypatch.setattr("os.link", no_links)
    store.commit(repository, {"a": entry}, "change")
    assert (tmp_path / "models--me--pets" / "files" / "a").read_bytes() == b"1"


def test_paths_that_leave_the_repository():
    bad = ["", "/a", "a/", "a/../b", "./a", "a\\b", "a\0b"]
    assert [path for path in bad if is_safe_path(path)] == []
    assert is_safe_path("a/...b/.c")
