from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import StoreError
from zoo.io.atomic import explained, publish, replace, sweep


def refuse(code: int) -> Any:
    def call(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---------------------------------------------------------------------------------------------------------- publishing


@pytest.mark.parametrize("links", [True, False])
def test_a_taken_name_keeps_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse(errno.ENOTSUP))
    assert publish(tmp_path / "a.json", b"first")
    assert not publish(tmp_path / "a.json", b"second")
    assert publish(tmp_path / "b.json", b"other")
    assert contents(tmp_path) == {"a.json": b"first", "b.json": b"other"}


def test_one_of_many_writers_gets_the_name(tmp_path: Path) -> None:
    datas = [bytes([number]) * 100_000 for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        stored = list(pool.map(lambda data: publish(tmp_path / "a.json", data), datas))
    assert stored.count(True) == 1
    assert contents(tmp_path) == {"a.json": datas[stored.index(True)]}


def test_others_can_read(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        publish(tmp_path / "a.json", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def test_replace(tmp_path: Path) -> None:
    for data in (b"first", b"second"):
        replace(tmp_path / "a.jsonl", data)
        assert contents(tmp_path) == {"a.jsonl": data}


def test_no_folder(tmp_path: Path) -> None:
    for write in (publish, replace):
        with pytest.raises(FileNotFoundError):
            write(tmp_path / "none" / "a.json", b"")


# ------------------------------------------------------------------------------------------------ disks that say no


@pytest.mark.parametrize("call", ["fsync", "link"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    (tmp_path / "old.json").write_bytes(b"old")
    monkeypatch.setattr(os, call, refuse(code))
    with pytest.raises(OSError, match=os.strerror(code)):
        publish(tmp_path / "new.json", b"new")
    if call == "fsync":
        with pytest.raises(OSError, match=os.strerror(code)):
            replace(tmp_path / "old.json", b"new")
    assert contents(tmp_path) == {"old.json": b"old"}
    monkeypatch.undo()
    assert publish(tmp_path / "new.json", b"new")


def test_a_full_disk_in_the_middle_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def open_full(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        file = real(self, mode, *args, **options)
        if "x" in mode:
            file.write(b"half")
            file.close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return file

    monkeypatch.setattr(Path, "open", open_full)
    for write in (publish, replace):
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            write(tmp_path / "a.json", b"whole")
        assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "choose another one with --out"),
        (errno.ENOTDIR, "a file is in its place"),
        (errno.EIO, "check the folder"),
    ],
)
def test_a_system_error_is_explained(code: int, said: str) -> None:
    with pytest.raises(StoreError, match=f"no row: {os.strerror(code)}. Fix: .*{said}") as caught, explained("no row"):
        refuse(code)()
    assert isinstance(caught.value.__cause__, OSError)


def test_what_is_explained_already_is_left_alone() -> None:
    with pytest.raises(StoreError) as caught, explained("no row"):
        raise StoreError("no store there")
    assert str(caught.value) == "no store there"


# -------------------------------------------------------------------------------------------- what dead writers left


def test_leftovers_are_swept_once_old(tmp_path: Path) -> None:
    names = [".young.json.1-a.tmp", ".old.json.1-b.tmp", ".old.html.1-c.tmp", "old.json", ".old.txt", ".old.tmp"]
    for name in names:
        (tmp_path / name).touch()
        if "old" in name:
            os.utime(tmp_path / name, (time.time() - 7200, time.time() - 7200))
    sweep(tmp_path)
    assert set(contents(tmp_path)) == {*names} - {".old.json.1-b.tmp", ".old.html.1-c.tmp"}
    sweep(tmp_path / "none")


def test_a_writer_whose_temporary_file_was_swept_writes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.link, []

    def link(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 1:
            Path(source).unlink()
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    assert publish(tmp_path / "a.json", b"row")
    assert len(calls) == 2
    assert contents(tmp_path) == {"a.json": b"row"}
