"""Files that appear whole or not at all, whatever kills the writer, and errors of the disk in words.

A file is written and synced under a temporary name, and named only then. Safe for many processes at once, also on
several machines that share the folder. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from typing import TYPE_CHECKING

from zoo.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STALE_SECONDS = 600  # small files are written in milliseconds: an older temporary file has lost its writer
_LINKS_DO_NOT_WORK = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def publish(path: Path, data: bytes) -> bool:
    """Give `path` this content unless the name is taken: whole or not at all, durably. Returns whether it did.

    Raises:
        OSError: no such folder, a full or read-only disk. Nothing is left behind.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     row = Path(folder, "row.json")
        ...     publish(row, b"first"), publish(row, b"second"), row.read_bytes()
        (True, False, b'first')
    """
    try:
        return _publish_once(path, data)
    except FileNotFoundError:  # this process slept, and `sweep` took it for a dead one; or the folder is gone
        return _publish_once(path, data)


def _publish_once(path: Path, data: bytes) -> bool:
    try:
        with _written(path, data) as temporary:
            _link(temporary, path)
    except FileExistsError:
        return False
    _sync_folder(path.parent)
    return True


def replace(path: Path, data: bytes) -> None:
    """Give `path` this content, in place of what it has: at once or not at all, durably.

    Raises:
        OSError: no such folder, a full or read-only disk. The old content stays, and nothing else is left behind.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = Path(folder, "report.html")
        ...     replace(page, b"old"), replace(page, b"new"), page.read_bytes()
        (None, None, b'new')
    """
    with _written(path, data) as temporary:
        temporary.replace(path)
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed writers left. A living `publish` that loses its file this way writes it again."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*.[0-9]*-*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn a system error into a StoreError that says what to do.

    Example:
        >>> with explained("the row cannot be stored"):  # doctest: +IGNORE_EXCEPTION_DETAIL
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        StoreError: the row cannot be stored: No space left on device. Fix: the disk (or the quota) is full: ...
    """
    try:
        yield
    except StoreError:  # an OSError too, and explained already
        raise
    except OSError as error:
        fix = "check the folder"
        if error.errno in _FULL:
            fix = "the disk (or the quota) is full: free some space"
        elif error.errno in _READ_ONLY:
            fix = "the folder cannot be written: choose another one with --out, or change its permissions"
        elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
            fix = "there is no such folder, or a file is in its place: make it, or choose another one with --out"
        raise StoreError(
            f"{what}: {error.strerror or error}. Fix: {fix}, then run again; all that is stored so far is kept."
        ) from error


@contextlib.contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """A synced file with this content beside `path`; removed at the end, where it has not become `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:  # not tempfile: it would make the file readable by its owner only
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _link(temporary: Path, final: Path) -> None:
    """Name the finished file. A hard link fails if the name is taken, which a rename does not."""
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _LINKS_DO_NOT_WORK:
            raise
        # exFAT and some network folders. Between these two lines another process may publish the same name: then
        # the later of two whole files stays.
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        temporary.rename(final)


def _sync_folder(folder: Path) -> None:
    """Make a new name durable, where the system can sync a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
