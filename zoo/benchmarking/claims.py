"""Who runs which cell, when several drivers share a store: a lock on one file a cell, held while the cell runs.

The lock is the kernel's (`flock`): it ends with the driver that holds it, however that dies, so nothing stale is ever
left and nobody needs to guess from a time stamp. It works between processes of one machine, and between machines as
far as their shared file system carries `flock`. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import weakref
from typing import TYPE_CHECKING, Any

from zoo.io.atomic import explained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

try:
    fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows
    fcntl = None

_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_living: weakref.WeakSet[Claims] = weakref.WeakSet()


class Claims:
    """The cells that this driver holds in the store at `folder`. `tell` hears once if nothing can be locked there.

    Example:
        >>> import tempfile; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     one, other = Claims(Path(folder)), Claims(Path(folder))
        ...     one.take("a"), other.take("a"), other.take("b")
        ...     one.drop("a"), other.take("a")
        ...     one.close(), other.close()
        (True, False, True)
        (None, True)
        (None, None)
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._folder = folder / ".claims"
        self._tell = tell
        self._held: dict[str, int] = {}
        self._works = True
        _living.add(self)

    def take(self, key: str) -> bool:
        """Whether this driver may run the cell now: nobody else is running it. Where nothing can be locked, always.

        Raises:
            StoreError: the store cannot be written.
        """
        if not self._works:
            return True
        if fcntl is None:
            return self._unsupported("this system has no flock")
        path = self._folder / key
        while True:
            handle = self._open(path)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its last holder may have removed the file between our two calls: that lock would be on no name.
                if _same(handle, path):
                    self._held[key] = handle
                    return True
            except BlockingIOError:
                os.close(handle)
                return False
            except OSError as error:
                os.close(handle)
                if error.errno not in _UNSUPPORTED:
                    raise
                return self._unsupported(error.strerror or str(error))
            os.close(handle)

    def drop(self, key: str) -> None:
        """Let others have the cell: its row is stored, or will not be by this driver."""
        if (handle := self._held.pop(key, None)) is not None:
            with contextlib.suppress(OSError):
                (self._folder / key).unlink()  # while it is locked: `take` knows a file that has lost its name
            # Not only closed: a process that was forked while the cell ran may hold a copy of the handle.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def close(self) -> None:
        """Drop everything; call it when nothing runs any more."""
        for key in list(self._held):
            self.drop(key)
        with contextlib.suppress(OSError):  # not empty: another driver is at work
            self._folder.rmdir()

    def forget(self) -> None:
        """In a forked child: close the copies, so that the driver's claims end with the driver alone."""
        for handle in self._held.values():
            os.close(handle)
        self._held.clear()

    def _open(self, path: Path) -> int:
        with explained(f"cell {path.name} cannot be claimed in {self._folder}"):
            while True:
                try:
                    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                except FileNotFoundError:  # the first claim, or another driver has just removed the empty folder
                    self._folder.mkdir(exist_ok=True)

    def _unsupported(self, reason: str) -> bool:
        self._works = False
        self._tell(
            f"cells cannot be claimed in {self._folder.parent} ({reason}): a second run on this folder at the same "
            "time would do the same work again. Rows stay right, whoever writes them."
        )
        return True


def _same(handle: int, path: Path) -> bool:
    """Whether the open file is still the one under this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _forget_all() -> None:
    for claims in list(_living):
        claims.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
