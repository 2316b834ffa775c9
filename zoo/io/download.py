"""One file from one address: resumed where it was cut, compared with its digest, and named only when it is right.

All bytes that zoo loads over a network come through `download`, whoever the provider is.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from zoo.errors import Offline, UnsafeContent, WeightsError, ZooError
from zoo.io.bar import Bytes
from zoo.io.digests import CHUNK, digest_like, file_digest
from zoo.io.refusals import AGAIN, disk_explained, refused
from zoo.io.settings import patience, timeout
from zoo.io.transport import STEP, Unreachable, check_not_silent, note_silence, pieces, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows
    fcntl = None

PARTIAL = ".zoo.incomplete"  # what a file is called until it is whole
_TRIES = 5  # without progress


@dataclass(frozen=True)
class Wanted:
    """A file: its address, what messages call it, and what is known of its content.

    `digest` is a SHA-256 (64 hex digits, or the first of them), git's SHA-1 of a blob (40 digits), or empty where
    nobody states one; `size` is in bytes, -1 where it is not known.
    """

    url: str
    label: str
    digest: str = ""
    size: int = -1


def download(session: httpx2.Client, wanted: Wanted, target: Path, headers: Mapping[str, str] | None = None) -> None:
    """Bring the file to `target`, unless it is there and right. A file with a wrong digest is asked for once more.

    Processes that want the same file at the same time wait for the first. What had come when one was killed is used.

    Raises:
        Offline: no answer, or none that is a success, for a while.
        WeightsError: the server refuses, or sends other bytes than it announced, twice.
        StoreError: the disk is full, or the folder cannot be written.
    """
    with disk_explained(wanted.label, target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _held(target.with_name(target.name + PARTIAL), wanted.label) as (file, partial):
            if target.exists() and is_right(target, wanted):
                partial.unlink(missing_ok=True)
                return
            try:
                _receive_right(session, wanted, _Incoming(file, wanted, target.parent), dict(headers or {}))
                os.fsync(file.fileno())
            except Offline:
                raise  # what has come is kept, to go on from
            except (ZooError, OSError):
                partial.unlink(missing_ok=True)
                raise
            partial.replace(target)


def is_right(path: Path, wanted: Wanted) -> bool:
    """Whether the file has the size and the digest that were announced, as far as they were.

    Raises:
        OSError: the file cannot be read.
    """
    if wanted.size >= 0 and path.stat().st_size != wanted.size:
        return False
    return not wanted.digest or file_digest(path, _form(wanted)).startswith(wanted.digest)


class _Incoming:
    """A file as it comes: what is written, its hash, and when it last grew."""

    def __init__(self, file: Any, wanted: Wanted, folder: Path) -> None:
        self.file, self.wanted, self.folder = file, wanted, folder
        self.size = wanted.size
        self.restart(keep=bool(wanted.digest))  # else nobody would see that it began as another file

    def restart(self, keep: bool = False) -> None:
        """Begin: empty, or (`keep`) with what an earlier run has left, which the digest will judge."""
        self.hashed = digest_like(_form(self.wanted), max(self.wanted.size, 0))
        self.file.seek(0)
        while keep and (chunk := self.file.read(CHUNK)):
            self.hashed.update(chunk)
        self.have = self.file.tell()
        if not keep or 0 <= self.wanted.size < self.have:
            self.file.truncate(0)
            self.file.seek(0)
            self.have, self.hashed = 0, digest_like(_form(self.wanted), max(self.wanted.size, 0))
        self.grew()

    def grew(self) -> None:
        self.mark, self.moved, self.tries = self.have, time.monotonic(), 0

    def announce(self, response: httpx2.Response) -> None:
        """Take the size from the answer where nobody has told it, and see that the disk has room."""
        length = response.headers.get("content-length", "")
        if self.size < 0 and length.isdecimal() and _is_plain(response):
            self.size = self.have + int(length)
        needed = self.size - self.have
        if needed > shutil.disk_usage(self.folder).free:
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} for {needed / 1e6:,.1f} MB")

    def take(self, chunk: bytes) -> None:
        self.have += len(chunk)
        if 0 <= self.size < self.have:
            raise WeightsError(
                f"{shown(self.wanted.url)} sends more than the {self.size} bytes that {self.wanted.label} has. It was "
                "not kept. Fix: run it again; if it stays so, do not use this server."
            )
        self.file.write(chunk)
        self.hashed.update(chunk)
        if self.have - self.mark >= STEP:
            self.grew()
        elif self.waited() > patience():
            raise Unreachable(f"{shown(self.wanted.url)} sends almost nothing.")

    def waited(self) -> float:
        """Seconds without progress."""
        return time.monotonic() - self.moved


def _receive_right(session: httpx2.Client, wanted: Wanted, incoming: _Incoming, headers: dict[str, str]) -> None:
    for last in (False, True):
        if last:
            incoming.restart()
        with Bytes(wanted.label, max(wanted.size, 0)) as progress:
            _receive(session, incoming, headers, progress)
        incoming.file.flush()
        found = incoming.hashed.hexdigest()
        if found.startswith(wanted.digest):
            return
        if last:
            raise WeightsError(
                f"{wanted.label} came with other bytes than announced, twice: digest {found[:12]}..., expected "
                f"{wanted.digest[:12]}.... It was not kept. Fix: run it again; if it stays so, {shown(wanted.url)} is "
                "damaged or was replaced."
            )
        print(f"{wanted.label}: damaged on the way, asking once more", file=sys.stderr, flush=True)


def _receive(session: httpx2.Client, incoming: _Incoming, headers: dict[str, str], progress: Bytes) -> None:
    """Fill the file to its end, over as many requests as that takes."""
    progress.start(incoming.have)
    label = incoming.wanted.label
    check_not_silent(incoming.wanted.url)
    while incoming.size < 0 or incoming.have < incoming.size:
        wait = min(0.5 * 2**incoming.tries, 4.0)
        asked = headers | {"Accept-Encoding": "identity"}
        if incoming.have:
            asked["Range"] = f"bytes={incoming.have}-"
        failure: Exception
        try:
            with session.stream("GET", incoming.wanted.url, headers=asked) as response:
                if response.status_code not in AGAIN:
                    _take_answer(response, incoming, progress)
                    return
                failure, wait = refused(response, label), max(wait, _retry_after(response))
        except (httpx2.TransportError, httpx2.StreamError, httpx2.DecodingError, Unreachable) as error:
            failure = error
        incoming.tries += 1
        incoming.file.flush()
        ahead = wait + (timeout() if isinstance(failure, Unreachable) else 0)  # silence costs as much again
        if incoming.tries >= _TRIES or incoming.waited() + ahead > patience():
            if isinstance(failure, ZooError) and not isinstance(failure, Unreachable):
                raise failure
            if isinstance(failure, Unreachable):
                note_silence(incoming.wanted.url)
            raise Offline(
                f"{label} did not come: {str(failure).rstrip('.') or type(failure).__name__}. Fix: check the network "
                "and run it again; what has come is kept."
            ) from failure
        time.sleep(wait)


def _take_answer(response: httpx2.Response, incoming: _Incoming, progress: Bytes) -> None:
    """Write what one answer brings; returns when the file is whole."""
    if not _continues(response, incoming):
        incoming.restart()
        progress.start(0)
    if response.status_code == 416:
        raise httpx2.RemoteProtocolError("the server has no such range")
    incoming.announce(response)
    progress.total = max(incoming.size, 0)
    for chunk in pieces(response):
        incoming.take(chunk)
        progress.advance(len(chunk))
    if 0 <= incoming.size != incoming.have:
        raise httpx2.RemoteProtocolError("the answer ended early")


def _continues(response: httpx2.Response, incoming: _Incoming) -> bool:
    """Whether the answer goes on where we are. False: it begins at the first byte."""
    if response.status_code == 206:
        start = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        if start != str(incoming.have) or not _is_plain(response):
            raise httpx2.RemoteProtocolError("the server sent another range than asked for")
        return True
    if response.status_code not in (200, 416):
        raise refused(response, incoming.wanted.label)
    return response.status_code == 200 and incoming.have == 0


def _is_plain(response: httpx2.Response) -> bool:
    return bool(response.headers.get("content-encoding", "identity") == "identity")


def _retry_after(response: httpx2.Response) -> float:
    said = response.headers.get("retry-after", "")
    return float(said) if said.isdecimal() and len(said) < 6 else 0.0


def _form(wanted: Wanted) -> str:
    """Any digest of the form that the wanted one has."""
    return wanted.digest if len(wanted.digest) == 40 else "0" * 64


@contextlib.contextmanager
def _held(partial: Path, label: str) -> Iterator[tuple[Any, Path]]:
    """The partial file, open and locked. The lock ends with its holder, however that dies."""
    told = False
    while True:
        with _opened(partial) as file:
            locked = _lock(file)
            if locked and _is_same(file, partial):
                yield file, partial
                return
        if locked is None:  # no locks here: a file of its own for each process
            partial = partial.with_name(f"{partial.name.removesuffix(PARTIAL)}.{secrets.token_hex(4)}{PARTIAL}")
            with _opened(partial) as file:
                yield file, partial
                return
        if not locked:
            if not told:
                print(f"{label}: another process is fetching it, waiting", file=sys.stderr, flush=True)
            told = True
            time.sleep(0.2)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafeContent(f"{path} is a link, and zoo writes through none. Fix: remove it.") from error
        raise
    with os.fdopen(handle, "r+b") as file:
        yield file


def _is_same(file: Any, path: Path) -> bool:
    """Whether the name still stands for the file, which whoever held it before may have finished and renamed."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _lock(file: Any) -> bool | None:
    """Whether the file is ours now; None where nothing can be locked."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
