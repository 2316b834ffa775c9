import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.io import shards
from zoo.io.shards import ABOUT, Shelf, last_used, shard_files, shelf_name, shelves

HOUSE = Path(zoo.__file__).parents[1]
ABOUT_IT = {"backbone": "pocket/resnet10", "data": "digits"}


def rows_of(indices, width=5):
    """What row belongs to a sample: it can be told of any row whether it is right."""
    return np.asarray(indices, np.float32)[:, None] * 10 + np.arange(width, dtype=np.float32)


@pytest.fixture
def said():
    return []


@pytest.fixture
def shelf(tmp_path, said):
    return Shelf(tmp_path / "features", "0123456789abcdef0123", 10**9, said.append)


def other(shelf, digit):
    return Shelf(shelf.root, digit * 20, shelf.limit, shelf.say)


def test_an_empty_shelf(shelf):
    there, rows = shelf.read(np.arange(3))
    assert not there.any()
    assert rows.shape[0] == 0
    assert shelves(shelf.root) == []


def test_readers_take_all_files_together(shelf, said):
    for indices in ([3, 1], [7], [1, 9]):
        assert shelf.write(np.array(indices), rows_of(indices), ABOUT_IT)
    asked = np.array([9, 2, 1, 3, 1])
    there, rows = shelf.read(asked)
    assert there.tolist() == [True, False, True, True, True]
    assert np.array_equal(rows, rows_of(asked[there]))
    assert rows.dtype == np.float32
    assert len(shard_files(shelf.folder)) == 3
    assert said == []
    assert shelf_name(shelf.folder) == "features:pocket/resnet10:digits:01234567"


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:-1] + b"\x7f", lambda data: b""])
def test_a_damaged_file_is_removed_and_made_again(shelf, said, damage):
    shelf.write(np.array([1]), rows_of([1]), ABOUT_IT)
    shelf.write(np.array([2]), rows_of([2]), ABOUT_IT)
    assert shelf.read(np.array([1, 2]))[0].all()
    path = shard_files(shelf.folder)[0]
    path.write_bytes(damage(path.read_bytes()))
    there, rows = shelf.read(np.array([1, 2]))
    assert there.sum() == 1
    assert np.array_equal(rows, rows_of(np.array([1, 2])[there]))
    assert "was damaged" in said[0]
    assert not path.exists()
    missing = np.array([1, 2])[~there]
    assert shelf.write(missing, rows_of(missing), ABOUT_IT)
    assert shelf.read(np.array([1, 2]))[0].all()


def test_a_file_under_another_digest_is_not_believed(shelf, said):
    shelf.write(np.array([1]), rows_of([1]), ABOUT_IT)
    path = shard_files(shelf.folder)[0]
    path.rename(path.with_name(f"{'0' * 64}.npy"))
    assert not shelf.read(np.array([1]))[0].any()
    assert len(said) == 1


def test_a_right_file_of_other_content_is_left_alone(shelf):
    import hashlib
    import io

    with io.BytesIO() as file:
        np.save(file, np.ones(3))
        data = file.getvalue()
    shelf.folder.mkdir(parents=True)
    (shelf.folder / f"{hashlib.sha256(data).hexdigest()}.npy").write_bytes(data)
    assert not shelf.read(np.array([0]))[0].any()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_told_and_nothing_is_left(shelf, said, monkeypatch, number):
    def refuse(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    assert shelf.write(np.array([1]), rows_of([1]), ABOUT_IT) is False
    assert os.strerror(number) in said[0]
    assert list(shelf.folder.iterdir()) == []


def test_a_root_that_is_no_folder(tmp_path, said):
    (tmp_path / "file").write_text("here")
    shelf = Shelf(tmp_path / "file", "0" * 20, 10**9, said.append)
    assert not shelf.read(np.array([1]))[0].any()
    assert shelf.write(np.array([1]), rows_of([1]), ABOUT_IT) is False
    assert len(said) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_can_be_read(shelf, said):
    shelf.write(np.array([1]), rows_of([1]), ABOUT_IT)
    shelf.folder.chmod(0o500)
    try:
        assert shelf.read(np.array([1]))[0].all()
        assert shelf.write(np.array([2]), rows_of([2]), ABOUT_IT) is False
    finally:
        shelf.folder.chmod(0o700)
    assert "Permission denied" in said[0]


def test_the_key_that_was_not_used_for_longest_goes_first(shelf, said):
    for age, digit in ((300, "a"), (200, "b"), (100, "c")):
        other(shelf, digit).write(np.arange(10), rows_of(range(10)), ABOUT_IT)
        os.utime(shelf.root / (digit * 20) / ABOUT, (time.time() - age,) * 2)
    assert other(shelf, "a").read(np.array([0]))[0].all()  # now b is the oldest
    size = sum(path.stat().st_size for path in (shelf.root / ("a" * 20)).iterdir())
    tight = Shelf(shelf.root, "d" * 20, int(3.5 * size), said.append)
    assert tight.write(np.arange(10), rows_of(range(10)), ABOUT_IT)
    assert [folder.name[0] for folder in shelves(shelf.root)] == ["a", "c", "d"]
    assert said == []


def test_a_key_in_use_is_never_evicted(shelf, said):
    used = other(shelf, "a")
    used.write(np.arange(10), rows_of(range(10)), ABOUT_IT)
    os.utime(used.folder / ABOUT, (0, 0))
    tight = Shelf(shelf.root, "d" * 20, 700, said.append)
    with used.held():
        assert tight.write(np.arange(10), rows_of(range(10)), ABOUT_IT) is False
        assert used.read(np.arange(10))[0].all()
    assert "ZOO_FEATURES_GB" in said[0]
    os.utime(used.folder / ABOUT, (0, 0))
    assert tight.write(np.arange(10), rows_of(range(10)), ABOUT_IT)
    assert [folder.name[0] for folder in shelves(shelf.root)] == ["d"]


def test_what_never_fits_evicts_as_little_as_it_keeps(shelf, said):
    small = Shelf(shelf.root, "d" * 20, 10, said.append)
    assert small.write(np.arange(10), rows_of(range(10)), ABOUT_IT) is False
    assert shard_files(small.folder) == []


def test_names_that_would_steer_a_terminal_are_shown_plain(shelf):
    shelf.write(np.array([1]), rows_of([1]), {"backbone": "x\x1b[2J", "data": "d"})
    assert shelf_name(shelf.folder) == "features:x?[2J:d:01234567"
    (shelf.folder / ABOUT).write_text("[]")
    assert shelf_name(shelf.folder) == "features:unknown:unknown:01234567"


def test_times_of_use_and_strangers_in_the_folder(shelf):
    assert last_used(shelf.folder) == 0
    shelf.write(np.array([1]), rows_of([1]), ABOUT_IT)
    (shelf.root / "not a key").mkdir()
    (shelf.folder / "note.txt").write_text("mine")
    os.utime(shelf.folder / ABOUT, (5, 5))
    shelf.read(np.array([1]))
    assert last_used(shelf.folder) > 5
    assert shelves(shelf.root) == [shelf.folder]


WRITER = """
import sys
import numpy as np
from pathlib import Path
from zoo.io.shards import Shelf

def rows_of(indices):
    return np.asarray(indices, np.float32)[:, None] * 10 + np.arange(5, dtype=np.float32)

shelf = Shelf(Path(sys.argv[1]), "0123456789abcdef0123", 10**9, print)
for first in range(0, 40, 4):
    indices = np.arange(first, first + 4) + int(sys.argv[2])
    assert shelf.write(indices, rows_of(indices), {})
    there, rows = shelf.read(np.arange(60))
    assert np.array_equal(rows, rows_of(np.arange(60)[there]))
"""


def test_two_processes_at_once(shelf):
    both = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(shelf.root), start], cwd=HOUSE) for start in ("0", "20")
    ]
    assert [one.wait(60) for one in both] == [0, 0]
    there, rows = shelf.read(np.arange(60))
    assert there.all()
    assert np.array_equal(rows, rows_of(np.arange(60)))
    assert len(shard_files(shelf.folder)) == 15  # what both wrote has one name


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from zoo.io.shards import Shelf

shelf = Shelf(Path(sys.argv[1]), "0123456789abcdef0123", 10**9, print)
shelf.write(np.array([1]), np.full((1, 5), 10, np.float32) + np.arange(5, dtype=np.float32), {})
sync = os.fsync
def die(handle):
    sync(handle)
    os.kill(os.getpid(), 9)
os.fsync = die
shelf.write(np.array([2]), np.ones((1, 5), np.float32), {})
"""


def test_a_writer_killed_in_the_middle_leaves_what_was_whole(shelf, monkeypatch):
    done = subprocess.run([sys.executable, "-c", KILLED, str(shelf.root)], cwd=HOUSE)
    assert done.returncode == -signal.SIGKILL
    there, rows = shelf.read(np.array([1, 2]))
    assert there.tolist() == [True, False]
    assert np.array_equal(rows, rows_of([1]))
    torn = list(shelf.folder.glob(".*.tmp"))
    assert len(torn) == 1
    monkeypatch.setattr("zoo.io.atomic._STALE_SECONDS", -1)
    shelf.read(np.array([1]))
    assert list(shelf.folder.glob(".*.tmp")) == []


def test_digests_are_compared_once_a_process(shelf, monkeypatch):
    shelf.write(np.array([1]), rows_of([1]), ABOUT_IT)
    shelf.read(np.array([1]))
    monkeypatch.setattr(shards, "file_digest", lambda *_: pytest.fail("read again"))
    assert shelf.read(np.array([1]))[0].all()
