"""Publishing against a loopback hub, whatever goes wrong: the repository is never half of anything."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from zoo.errors import Offline, PublishError
from zoo.hub.push import push
from zoo.hub.remote import remote

ID = "tester/pets"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def published(hub, revision=None):
    return {name: data for name, data in hub.files(ID, revision).items() if name != ".gitattributes"}


def commits(hub):
    return len(hub._store.get("model", ID).commits)


def test_a_new_repository_is_private_and_holds_the_folder(hub, staged):
    folder = staged()
    done = push(folder, remote(ID))
    assert published(hub) == content(folder)
    assert done.commit == hub.head(ID)
    assert (done.changed, done.private, done.notes) == (True, True, ())
    assert hub._store.get("model", ID).private
    assert commits(hub) == 2  # the hub's own, which makes the repository, and one


def test_the_same_again_makes_no_commit(hub, staged):
    first = push(staged(), remote(ID))
    again = push(staged(name="again"), remote(ID))
    assert (again.commit, again.changed) == (first.commit, False)
    assert commits(hub) == 2


def test_public_only_when_it_is_whole(hub, staged):
    hub.fault("503", "*/settings", "PUT", times=None)
    with pytest.raises(Offline, match="still private"):
        push(staged(), remote(ID), public=True)
    assert hub._store.get("model", ID).private
    hub.clear_faults()
    done = push(staged(name="again"), remote(ID), public=True)
    assert not hub._store.get("model", ID).private
    assert not done.changed


def test_a_public_repository_is_not_written_by_a_private_publisher(hub, staged):
    push(staged(), remote(ID), public=True)
    with pytest.raises(PublishError, match="--public was not given"):
        push(staged(1.0, "again"), remote(ID))


def test_an_update_deletes_what_vanished_in_the_same_commit_and_keeps_what_was_added(hub, staged):
    push(staged(vocab_txt="a\nb\n"), remote(ID))
    hub.add(ID, {"LICENSE": b"text", "picture.png": b"png"})
    folder = staged(1.0, "new")
    done = push(folder, remote(ID))
    assert done.deleted == ("vocab.txt",)
    assert "vocab.txt" in done.notes[0]
    assert published(hub) == content(folder) | {"LICENSE": b"text", "picture.png": b"png"}
    assert commits(hub) == 4


def test_a_card_that_was_changed_by_hand_is_told(hub, staged):
    push(staged(), remote(ID))
    hub.add(ID, {"README.md": b"mine"})
    done = push(staged(1.0, "new"), remote(ID))
    assert "changed by hand" in done.notes[0]


def test_somebodys_own_repository_is_left_alone(hub, staged):
    hub.add(ID, {"model.bin": b"theirs"}, private=True)
    with pytest.raises(PublishError, match=r"model\.bin"):
        push(staged(), remote(ID))
    assert hub.files(ID) == {"model.bin": b"theirs"}


def test_an_empty_repository_is_filled(hub, staged):
    hub.add(ID, {".gitattributes": b"", "LICENSE": b"text"}, private=True)
    folder = staged()
    push(folder, remote(ID))
    assert published(hub) == content(folder) | {"LICENSE": b"text"}


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_commit_whose_answer_is_lost(hub, staged, kind, times):
    fault = hub.fault(kind, times=times)
    folder = staged()
    done = push(folder, remote(ID))
    assert fault.struck
    assert published(hub) == content(folder)
    assert (done.commit, commits(hub)) == (hub.head(ID), 2)


def test_a_commit_that_never_comes_through_leaves_all_as_it_was(hub, staged):
    first = push(staged(), remote(ID))
    before = hub.files(ID)
    hub.fault("drop_before", times=None)
    with pytest.raises(Offline, match="holds what it held before"):
        push(staged(1.0, "new"), remote(ID))
    assert (hub.head(ID), hub.files(ID)) == (first.commit, before)
    hub.clear_faults()
    folder = content(staged(1.0, "again"))
    push(staged(1.0, "once-more"), remote(ID))
    assert published(hub) == folder


@pytest.mark.parametrize(
    "path",
    ["*/repos/create", "*/preupload/*", "*/info/lfs/objects/batch", "/uploads/*", "*/commit/*", "*/revision/*", "*"],
)
@pytest.mark.parametrize("kind", ["503", "429"])
def test_a_busy_hub(hub, staged, kind, path):
    hub.fault(kind, path, times=3)
    folder = staged()
    push(folder, remote(ID))
    assert published(hub) == content(folder)
    assert commits(hub) == 2


def test_a_hub_that_stays_busy(hub, staged):
    hub.fault("503", times=None)
    with pytest.raises(Offline, match="Nothing was sent") as told:
        push(staged(), remote(ID))
    assert hub.write_token not in str(told.value)


@pytest.mark.parametrize("after", [0, 700])
def test_an_upload_that_is_cut(hub, staged, after):
    fault = hub.fault("cut_upload", after=after, times=2)
    folder = staged()
    push(folder, remote(ID))
    assert fault.struck == 2
    assert published(hub) == content(folder)


def test_an_upload_that_is_always_cut(hub, staged):
    hub.fault("cut_upload", after=700, times=None)
    with pytest.raises(Offline):
        push(staged(), remote(ID))
    assert published(hub) == {}
    hub.clear_faults()
    folder = staged(name="again")
    push(folder, remote(ID))
    assert published(hub) == content(folder)


def meanwhile(monkeypatch, act, once=True):
    """Let something happen right before the commit is sent."""
    from huggingface_hub import HfApi

    send, done = HfApi.create_commit, []

    def create_commit(self, *arguments, **options):
        if not (once and done):
            done.append(1)
            act(len(done))
        return send(self, *arguments, **options)

    monkeypatch.setattr(HfApi, "create_commit", create_commit)
    return done


def test_somebody_who_touches_another_file_meanwhile_is_no_obstacle(hub, staged, monkeypatch):
    push(staged(), remote(ID))
    meanwhile(monkeypatch, lambda n: hub.add(ID, {"notes.md": b"theirs"}))
    folder = staged(1.0, "new")
    push(folder, remote(ID))
    assert published(hub) == content(folder) | {"notes.md": b"theirs"}


def test_somebody_who_publishes_meanwhile_is_not_written_over(hub, staged, monkeypatch):
    push(staged(), remote(ID))
    meanwhile(monkeypatch, lambda n: hub.add(ID, {"config.json": b"{}"}))
    with pytest.raises(PublishError, match=r"meanwhile by somebody else.*config\.json"):
        push(staged(1.0, "new"), remote(ID))
    assert hub.files(ID)["config.json"] == b"{}"
    folder = staged(1.0, "again")
    push(folder, remote(ID))
    assert published(hub) == content(folder)


def test_a_repository_that_never_rests(hub, staged, monkeypatch):
    push(staged(), remote(ID))
    before = hub.files(ID)["config.json"]
    meanwhile(monkeypatch, lambda n: hub.add(ID, {f"{n}.md": b"theirs"}), once=False)
    with pytest.raises(PublishError, match="meanwhile"):
        push(staged(1.0, "new"), remote(ID))
    assert hub.files(ID)["config.json"] == before


def test_a_token_that_is_revoked_in_between(hub, staged, monkeypatch):
    first = push(staged(), remote(ID))
    meanwhile(monkeypatch, lambda n: hub.revoke(hub.write_token))
    with pytest.raises(PublishError, match="refused the token") as told:
        push(staged(1.0, "new"), remote(ID))
    assert hub.write_token not in str(told.value)
    assert hub.head(ID) == first.commit


def test_a_token_that_may_only_read(hub, staged, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    with pytest.raises(PublishError, match="refused the token"):
        push(staged(), remote(ID))


def test_a_repository_that_is_deleted_meanwhile(hub, staged, monkeypatch):
    push(staged(), remote(ID))
    meanwhile(monkeypatch, lambda n: hub.delete(ID))
    with pytest.raises(PublishError, match="deleted meanwhile"):
        push(staged(1.0, "new"), remote(ID))


def test_four_racing_publishers(hub, staged):
    folders = [staged(float(number), f"publisher-{number}") for number in range(4)]
    start, told = threading.Barrier(4), {}

    def publish(number):
        start.wait()
        try:
            told[number] = push(folders[number], remote(ID))
        except PublishError as error:
            told[number] = error

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    winners = [number for number, found in told.items() if not isinstance(found, PublishError)]
    last = [number for number in winners if content(folders[number]) == published(hub)]
    assert len(last) == 1
    for number in winners:  # what each was told is true of its commit
        assert published(hub, told[number].commit) == content(folders[number])
    for found in told.values():
        assert not isinstance(found, PublishError) or "meanwhile" in str(found)
    assert commits(hub) == 1 + len(winners)


def test_four_racing_publishers_of_the_same(hub, staged):
    folders = [staged(1.0, f"publisher-{number}") for number in range(4)]
    start, told = threading.Barrier(4), []
    threads = [
        threading.Thread(target=lambda f=folder: (start.wait(), told.append(push(f, remote(ID)).commit)))
        for folder in folders
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert told == [hub.head(ID)] * 4
    assert commits(hub) == 2


CHILD = """
    import sys
    from pathlib import Path
    from zoo.hub.push import push
    from zoo.hub.remote import remote
    print(push(Path(sys.argv[1]), remote("tester/pets")).commit)
"""


@pytest.mark.parametrize(("path", "method"), [("/uploads/*", "PUT"), ("*/commit/*", "POST"), ("*/batch", "POST")])
def test_a_publisher_that_is_killed(hub, staged, monkeypatch, path, method):
    monkeypatch.undo()  # real waits
    first = staged()
    environment = os.environ | hub.environment(home=first.parent / "home")

    def child(folder):
        code = [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)]
        return subprocess.Popen(code, env=environment, stdout=subprocess.PIPE, text=True)

    assert child(first).communicate()[0].strip() == hub.head(ID)
    before = hub.files(ID)
    fault = hub.fault("hang", path, method)
    folder = staged(1.0, "new")
    killed = child(folder)
    deadline = time.monotonic() + 60
    while not fault.struck and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert fault.struck
    assert hub.files(ID) == before
    hub.clear_faults()
    assert child(folder).communicate()[0].strip() == hub.head(ID)
    assert published(hub) == content(folder)


def test_somebodys_own_zoo_json_makes_a_repository_no_publication(hub, staged):
    theirs = {"zoo.json": b'{"files": {"lion.txt": "a"}}', "lion.txt": b"roar"}
    hub.add(ID, theirs, private=True)
    with pytest.raises(PublishError, match="did not publish"):
        push(staged(), remote(ID))
    assert hub.files(ID) == theirs


def test_a_card_that_stood_there_first_is_told(hub, staged):
    head = hub.add(ID, {"README.md": b"mine"}, private=True)
    done = push(staged(), remote(ID))
    assert f"written by hand; commit {head[:12]} keeps it" in done.notes[0].replace("that one", "it")


def test_what_somebody_made_public_meanwhile_is_not_filled(hub, staged, monkeypatch):
    monkeypatch.setattr("zoo.hub.push.look", lambda place, public: (None, {}, ""))
    hub.add(ID, {".gitattributes": b""})
    with pytest.raises(PublishError, match="--public was not given"):
        push(staged(), remote(ID))
    assert hub.files(ID) == {".gitattributes": b""}


def test_a_gitignore_which_could_leave_files_out_is_refused(hub, staged, monkeypatch):
    head = hub.add(ID, {".gitignore": b"*.safetensors"}, private=True)
    with pytest.raises(PublishError, match=r"delete \.gitignore"):
        push(staged(), remote(ID))
    assert hub.head(ID) == head
    hub.delete(ID)
    push(staged(name="first"), remote(ID))
    meanwhile(monkeypatch, lambda n: hub.add(ID, {".gitignore": b"*.safetensors"}))
    with pytest.raises(PublishError, match=r"delete \.gitignore"):
        push(staged(1.0, "new"), remote(ID))
    assert commits(hub) == 3


def test_what_somebody_put_there_by_hand_is_told(hub, staged):
    push(staged(), remote(ID))
    head = hub.add(ID, {"vocab.txt": b"theirs", "model.safetensors": b"theirs", "notes.md": b"theirs"})
    done = push(staged(1.0, "new", vocab_txt="ours"), remote(ID))
    assert done.notes == tuple(
        f"{name} was put there by hand; commit {head[:12]} keeps that one"
        for name in ("model.safetensors", "vocab.txt")
    )
    assert push(staged(2.0, "newer", vocab_txt="ours too"), remote(ID)).notes == ()


def afterwards(monkeypatch, act):
    """Let something happen right after the commit was made."""
    from huggingface_hub import HfApi

    send = HfApi.create_commit

    def create_commit(self, *arguments, **options):
        made = send(self, *arguments, **options)
        act()
        return made

    monkeypatch.setattr(HfApi, "create_commit", create_commit)


def test_somebody_who_commits_right_afterwards_does_not_make_ours_a_failure(hub, staged, monkeypatch):
    afterwards(monkeypatch, lambda: hub.add(ID, {"config.json": b"{}"}))
    folder = staged()
    done = push(folder, remote(ID))
    assert published(hub, done.commit) == content(folder)
    assert hub.head(ID) != done.commit


def test_a_repository_that_is_made_public_meanwhile(hub, staged, monkeypatch):
    def show(n=0):
        hub._store.get("model", ID).private = False

    with monkeypatch.context() as patched:
        meanwhile(patched, show)
        done = push(staged(), remote(ID))
    assert not done.private
    assert "made public meanwhile" in done.notes[0]
    hub._store.get("model", ID).private = True
    meanwhile(monkeypatch, lambda n: (show(), hub.add(ID, {"notes.md": b"theirs"})))
    with pytest.raises(PublishError, match="--public was not given"):
        push(staged(1.0, "new"), remote(ID))
    assert published(hub, done.commit) == {k: v for k, v in published(hub).items() if k != "notes.md"}


@pytest.mark.parametrize(
    "metadata", ["tags: 5", "self: 1", "tags: [[1]]", "model-index: 3", "ignore_metadata_errors: 1", "x: [", "- a"]
)
def test_a_card_with_odd_metadata_that_stands_there_already(hub, staged, metadata):
    hub.add(ID, {"README.md": f"---\n{metadata}\n---\nmine".encode()}, private=True)
    folder = staged()
    done = push(folder, remote(ID))
    assert published(hub) == content(folder)
    assert "written by hand" in done.notes[0]
