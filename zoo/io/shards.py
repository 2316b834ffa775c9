"""Rows of features on disk: written once, never changed, added to by any number of processes at the same time.

    ROOT/KEY/about.json          what the key stands for; its time of change is when the key was last used
    ROOT/KEY/SHA-256.npy         records (`index` int64, `row` float32 [D]), in a file named by the digest of its bytes

A file appears whole or not at all, and readers take all of them together; a row that two processes wrote is there
twice, and does no harm. A file whose bytes do not have the digest that it is named by is removed and never read. What
cannot be written is told and not kept: a cache that fails costs time, and no answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.io.atomic import publish, sweep
from zoo.io.digests import file_digest
from zoo.io.names import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

ABOUT = "about.json"
_HELD: Counter[Path] = Counter()  # folders that this process reads or writes now: it does not evict them
_LOCK = threading.Lock()
_RIGHT: set[tuple[str, int, int]] = set()  # files whose digest this process has compared: path, size, time of change


@dataclass(frozen=True)
class Shelf:
    """The kept rows of one key.

    Attributes:
        root: folder of all keys.
        key: hex digits that stand for everything the rows depend on.
        limit: bytes that all keys may take together.
        say: told what went wrong, in a sentence.

    Example:
        >>> import tempfile
        >>> import numpy as np; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     shelf = Shelf(Path(folder), "0" * 20, 10**9, print)
        ...     shelf.write(np.array([3, 7]), np.ones((2, 4), np.float32), {"backbone": "b", "data": "d"})
        ...     there, rows = shelf.read(np.array([7, 5]))
        ...     there.tolist(), rows.shape
        True
        ([True, False], (1, 4))
    """

    root: Path
    key: str
    limit: int
    say: Callable[[str], None]

    @property
    def folder(self) -> Path:
        return self.root / self.key

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within the block this process does not evict the key."""
        with _LOCK:
            _HELD[self.folder] += 1
        try:
            yield
        finally:
            with _LOCK:
                _HELD[self.folder] -= 1

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of `indices` [n] are kept (bool [n]), and the rows of these, in their order: float32 [kept, ...]."""
        import numpy as np

        there, out = np.zeros(len(indices), bool), np.zeros((len(indices), 0), np.float32)
        for shard in self._shards():
            if not there.any():
                out = np.zeros((len(indices), *shard["row"].shape[1:]), np.float32)
            if shard["row"].shape[1:] != out.shape[1:]:
                continue
            order = np.argsort(shard["index"], kind="stable")
            known = shard["index"][order]
            places = np.minimum(np.searchsorted(known, indices), len(known) - 1)
            new = (known[places] == indices) & ~there
            out[new] = shard["row"][order[places[new]]]
            there |= new
        with contextlib.suppress(OSError):  # a folder that is read only has no times of use
            os.utime(self.folder / ABOUT)
        return there, out[there]

    def write(self, indices: np.ndarray, rows: np.ndarray, about: Mapping[str, Any]) -> bool:
        """Keep the rows [n, D] of the samples at `indices` [n]; whether that could be done.

        `about` is for people: `backbone` and `data` name the key where the caches are listed.
        """
        data = _packed(indices, rows)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._room(len(data)):
                return False
            publish(self.folder / ABOUT, json.dumps(about, indent=1, sort_keys=True).encode())
            publish(self.folder / f"{hashlib.sha256(data).hexdigest()}.npy", data)
        except OSError as error:
            self.say(f"features are not kept in {self.folder}: {error.strerror or error}")
            return False
        return True

    def _shards(self) -> Iterator[np.ndarray]:
        """The whole and undamaged files of the key, mapped and not read."""
        import numpy as np

        sweep(self.folder)
        for path in shard_files(self.folder):
            try:
                if not _right(path):
                    path.unlink()
                    self.say(f"{path} was damaged; it is removed, and its features are made again")
                    continue
                shard = np.load(path, mmap_mode="r", allow_pickle=False)
            except FileNotFoundError:  # evicted by another process
                continue
            except (OSError, ValueError) as error:
                self.say(f"{path} cannot be used ({error}); its features are made again")
                continue
            if shard.dtype.names == ("index", "row") and len(shard):
                yield shard

    def _room(self, needed: int) -> bool:
        """Evict the keys that were not used for longest until so many bytes fit; False if they never do."""
        sizes = {folder: shelf_size(folder) for folder in shelves(self.root)}
        total = sum(sizes.values()) + needed
        for folder in sorted(sizes, key=last_used):
            if total <= self.limit:
                break
            with _LOCK:
                held = _HELD[folder] > 0
            if not held and folder != self.folder:
                shutil.rmtree(folder, ignore_errors=True)
                total -= sizes[folder]
        if total > self.limit:
            self.say(
                f"features are not kept: with them {self.root} would hold {total / 1e9:.3g} GB, and "
                f"{self.limit / 1e9:.3g} GB are allowed (ZOO_FEATURES_GB)"
            )
        return total <= self.limit


def shelves(root: Path) -> list[Path]:
    """The folders of all keys."""
    with contextlib.suppress(OSError):
        return [path for path in sorted(root.iterdir()) if path.is_dir() and _is_key(path.name)]
    return []


def shelf_name(folder: Path) -> str:
    """What a key is called where the caches are listed: `features:BACKBONE:DATA:FIRST DIGITS`.

    Example:
        >>> from pathlib import Path
        >>> shelf_name(Path("no/such/0123456789abcdef0123"))
        'features:unknown:unknown:01234567'
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = {}
    told = about if isinstance(about, dict) else {}
    names = [str(told.get(part) or "unknown")[:80] for part in ("backbone", "data")]
    name = ":".join(["features", *names, folder.name[:8]])
    return "".join(character if character.isprintable() else "?" for character in name)


def last_used(folder: Path) -> float:
    """When a key was last read or written, in seconds since 1970; 0 where that cannot be told."""
    with contextlib.suppress(OSError):
        return (folder / ABOUT).stat().st_mtime
    return 0.0


def shelf_size(folder: Path) -> int:
    """Bytes of all files of a key."""
    total = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            total += path.stat().st_size
    return total


def shard_files(folder: Path) -> list[Path]:
    """The files of a key, whether they are damaged or not."""
    with contextlib.suppress(OSError):
        return [path for path in sorted(folder.iterdir()) if path.suffix == ".npy" and is_digest(path.stem)]
    return []


def _is_key(name: str) -> bool:
    return len(name) == 20 and set(name) <= set("0123456789abcdef")


def _packed(indices: np.ndarray, rows: np.ndarray) -> bytes:
    """The bytes of a shard."""
    import numpy as np

    shard = np.empty(len(indices), dtype=[("index", "<i8"), ("row", "<f4", rows.shape[1:])])
    shard["index"], shard["row"] = indices, rows
    with io.BytesIO() as file:
        np.save(file, shard, allow_pickle=False)
        return file.getvalue()


def _right(path: Path) -> bool:
    """Whether the file has the digest that it is named by."""
    state = path.stat()
    identity = (str(path), state.st_size, state.st_mtime_ns)
    if identity in _RIGHT:
        return True
    if file_digest(path, "0" * 64) != path.stem:
        return False
    _RIGHT.add(identity)
    return True
