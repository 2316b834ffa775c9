"""What the caches hold: the hub's and torch's, shared with all other tools, and zoo's own of extracted features.

Listed, checked, thinned out on request.

Sizes are in bytes. A repository is one item whatever the number of its commits; each file of torch's cache is one, and
so are all features of one network on one data set.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UsageError
from zoo.io.digests import file_digest
from zoo.io.names import is_digest
from zoo.io.refusals import disk_explained
from zoo.io.settings import features_cache, hub_cache, torch_cache
from zoo.io.shards import last_used, shard_files, shelf_name, shelf_size, shelves
from zoo.io.urls import stated_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_REPOSITORIES = {"models": "hf-hub", "datasets": "hf-dataset", "spaces": "hf-space", "kernels": "hf-kernel"}
_LEFT_OVER = 86_400  # seconds after which a partial file that nobody holds is waste


@dataclass(frozen=True)
class Item:
    """One thing in a cache. `used` is when it was last read or written, in seconds since 1970."""

    name: str
    path: Path
    size: int
    used: float

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "path": str(self.path), "size": self.size, "used": round(self.used)}


@dataclass(frozen=True)
class Verdict:
    """What `verify` found of a file: `right`, `damaged`, or `unknown` where nobody states a digest."""

    name: str
    path: Path
    state: str

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "path": str(self.path), "state": self.state}


def items() -> list[Item]:
    """Everything in the caches, the largest first.

    Raises:
        StoreError: a cache cannot be read.
    """
    found = []
    with disk_explained("the list", hub_cache()):
        for folder in _folders(hub_cache()):
            kind, _, name = folder.name.partition("--")
            found.append(_item(f"{_REPOSITORIES[kind]}:{name.replace('--', '/')}", folder, _files(folder)))
    with disk_explained("the list", torch_cache()):
        found += [_item(f"torch:{path.name}", path, [path]) for path in _files(torch_cache())]
    for folder in shelves(root) if (root := features_cache()) else ():
        found.append(Item(shelf_name(folder), folder, shelf_size(folder), last_used(folder)))
    return sorted(found, key=lambda item: (-item.size, item.name))


def verify() -> list[Verdict]:
    """Compare every file with the digest that its hub stated, or that its name states.

    The hub's cache keeps a file under its digest, and so does that of features, so this needs no network.

    Raises:
        StoreError: a cache cannot be read.
    """
    found = []
    for item in items():
        with disk_explained(item.name, item.path):
            if item.name.startswith("features:"):
                found += [_verdict(item.name, path, path.stem) for path in shard_files(item.path)]
            elif item.path.is_dir():
                found += [_verdict(item.name, path, path.name) for path in _blobs(item.path)]
            else:
                found.append(_verdict(item.name, item.path, stated_digest(item.path.name)))
    return found


def chosen(found: Iterable[Item], *, older_than: float | None = None, name: str | None = None) -> list[Item]:
    """The items that were not used for so many days, and whose name matches the glob.

    Raises:
        UsageError: neither is said, or the days are below 0.
    """
    if older_than is None and name is None:
        raise UsageError("nothing says what to remove. Fix: give --older-than DAYS, or --name 'hf-hub:org/*', or both.")
    if older_than is not None and not older_than >= 0:
        raise UsageError(f"--older-than must be days from 0 on, received {older_than:g}.")
    limit = time.time() - (older_than or 0) * 86_400
    kept = [item for item in found if older_than is None or item.used <= limit]
    return [item for item in kept if name is None or fnmatchcase(item.name, name)]


def remove(item: Item) -> int:
    """Remove an item; returns its bytes. What it shares with other repositories stays with these.

    Raises:
        StoreError: it cannot be removed.
    """
    with disk_explained(f"{item.name} cannot be removed; what is left of it", item.path.parent):
        if not item.path.is_dir():
            item.path.unlink(missing_ok=True)
            return item.size
        if any(path.is_symlink() for path in (item.path / "blobs").glob("*")):
            _release(item.path)
        shutil.rmtree(item.path, ignore_errors=not item.path.exists())
        shutil.rmtree(hub_cache() / ".locks" / item.path.name, ignore_errors=True)
    return item.size


def left_over() -> list[Item]:
    """Partial files that interrupted downloads left more than a day ago, of zoo or of other tools."""
    folders = [*(folder / "blobs" for folder in _folders(hub_cache())), torch_cache()]
    paths = [path for folder in folders for path in _files(folder, partial=True)]
    old = [path for path in paths if time.time() - path.stat().st_mtime > _LEFT_OVER]
    return [_item(f"partial:{path.name}", path, [path]) for path in old]


def _release(repository: Path) -> None:
    """Let huggingface_hub take a repository out of the store that its repositories share (`blobs/` of the cache)."""
    from huggingface_hub import scan_cache_dir

    scanned = scan_cache_dir(hub_cache())
    commits = [r.commit_hash for found in scanned.repos if found.repo_path == repository for r in found.revisions]
    scanned.delete_revisions(*commits).execute()


def _item(name: str, path: Path, files: list[Path]) -> Item:
    stats = [file.stat() for file in files]
    used = max((max(stat.st_atime, stat.st_mtime) for stat in stats), default=path.lstat().st_mtime)
    return Item(name, path, sum(stat.st_size for stat in stats), used)


def _folders(cache: Path) -> list[Path]:
    """The repositories of the hub's cache."""
    found = sorted(cache.iterdir()) if cache.is_dir() else []
    return [path for path in found if path.is_dir() and path.name.partition("--")[0] in _REPOSITORIES]


def _files(folder: Path, partial: bool = False) -> list[Path]:
    """The files below a folder, partial ones only, or all but these; and links into the hub's shared store."""
    found, shared = [], hub_cache() / "blobs"
    for root, _, names in os.walk(folder):
        paths = [Path(root, name) for name in names if name.endswith((".incomplete", ".partial")) == partial]
        found += [path for path in paths if not path.is_symlink() or _leads_into(path, shared)]
    return found


def _leads_into(link: Path, folder: Path) -> bool:
    return link.parent.name == "blobs" and link.exists() and link.resolve().is_relative_to(folder.resolve())


def _blobs(repository: Path) -> Iterator[Path]:
    """The files of a repository under their digests; those of the shared store by the links to them."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted((repository / "blobs").iterdir()):
            if is_digest(path.name) and path.is_file():
                yield path


def _verdict(name: str, path: Path, stated: str) -> Verdict:
    if not stated:
        return Verdict(name, path, "unknown")
    right = file_digest(path, stated if len(stated) == 40 and is_digest(stated) else "0" * 64).startswith(stated)
    return Verdict(name, path, "right" if right else "damaged")
