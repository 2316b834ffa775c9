"""What the loopback hub keeps: repositories, their commits, and the content of files by its sha256.

In memory, or in a folder that the next start finds again: `blobs/SHA256` is content,
`models--OWNER--NAME/repository.json` the history, and `models--OWNER--NAME/files/` the newest files of `main`, to see.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zoo.errors import InvalidRecord, UnknownName, UsageError
from zoo.io import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("model", "dataset")
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REPO_ID = re.compile(rf"{_PART}(/{_PART})?")


@dataclass(frozen=True)
class Entry:
    """One file of a commit: `oid` is its git id, which for a large file (LFS) is that of the pointer to its content."""

    sha256: str
    size: int
    oid: str
    large: bool


@dataclass(frozen=True)
class Commit:
    """A state of all files, by path."""

    sha: str
    parent: str | None
    title: str
    message: str
    date: str
    entries: dict[str, Entry]


@dataclass
class Repository:
    """A repository: its commits by full sha, and what its branches and tags point to."""

    repo_id: str
    kind: str
    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or a full sha names."""
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(sha)

    def history(self, commit: Commit) -> list[Commit]:
        """`commit` and its ancestors, newest first."""
        found = [commit]
        while (parent := found[-1].parent) is not None:
            found.append(self.commits[parent])
        return found


def git_oid(data: bytes) -> str:
    """The id that git gives to a file of this content.

    Example:
        >>> git_oid(b"")
        'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """What git keeps in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def is_safe_path(path: str) -> bool:
    """Whether a path stays inside its repository.

    Example:
        >>> [is_safe_path(path) for path in ("a/b.txt", "../a", "/a", "a//b", "")]
        [True, False, False, False, False]
    """
    parts = path.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)


class Store:
    """Repositories by kind and id, and blobs. Every change is one step under one lock; safe for many threads.

    Args:
        root: the folder that keeps all, for one process at a time; None keeps it in memory.

    Raises:
        UsageError: `root` cannot be a folder.
        InvalidRecord: it holds a repository that cannot be read.

    Example:
        >>> store = Store()
        >>> repository = store.create("model", "me/pets")
        >>> commit = store.commit(repository, {"a.txt": store.entry(b"hello", large=False)}, title="first")
        >>> store.read(commit.entries["a.txt"].sha256)
        b'hello'
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root
        self.lock = threading.RLock()
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._blobs: dict[str, bytes] = {}
        if root is not None:
            try:
                (root / "blobs").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or str(error)
                raise UsageError(f"{root} cannot keep repositories: {reason}. Fix: choose another folder.") from error
            for path in sorted(root.glob("*--*/repository.json")):
                found = _read(path)
                self._repositories[found.kind, found.repo_id] = found

    def put(self, data: bytes) -> str:
        """Keep content; returns its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if self.root is None:
            self._blobs[sha256] = data
        elif atomic.publish(self.root / "blobs" / sha256, data):
            (self.root / "blobs" / sha256).chmod(0o444)  # `files/` may link to it
        return sha256

    def read(self, sha256: str) -> bytes:
        """The content; KeyError where there is none."""
        if self.root is None:
            return self._blobs[sha256]
        try:
            return (self.root / "blobs" / sha256).read_bytes()
        except FileNotFoundError as error:
            raise KeyError(sha256) from error

    def size(self, sha256: str) -> int | None:
        """Bytes of the content; None where there is none."""
        if self.root is None:
            return len(self._blobs[sha256]) if sha256 in self._blobs else None
        path = self.root / "blobs" / sha256
        return path.stat().st_size if path.is_file() else None

    def entry(self, data: bytes, large: bool) -> Entry:
        """Keep content as a small or a large (LFS) file."""
        sha256 = self.put(data)
        return Entry(sha256, len(data), git_oid(pointer(sha256, len(data)) if large else data), large)

    def large_entry(self, sha256: str) -> Entry | None:
        """A large file of content that was uploaded before; None where it was not."""
        size = self.size(sha256)
        return None if size is None else Entry(sha256, size, git_oid(pointer(sha256, size)), large=True)

    def find(self, kind: str, repo_id: str) -> Repository | None:
        """The repository, if there is one."""
        with self.lock:
            return self._repositories.get((kind, repo_id))

    def get(self, kind: str, repo_id: str) -> Repository:
        """The repository.

        Raises:
            UnknownName: there is none.
        """
        found = self.find(kind, repo_id)
        if found is None:
            known = [name for of, name in self._repositories if of == kind]
            raise UnknownName(f"{kind} repository", repo_id, known, "Fix: make it with Hub.add or create_repo.")
        return found

    def repositories(self, kind: str) -> list[Repository]:
        """All of a kind, by id."""
        with self.lock:
            return sorted((r for r in self._repositories.values() if r.kind == kind), key=lambda r: r.repo_id)

    def create(self, kind: str, repo_id: str, private: bool = False, gated: bool = False) -> Repository:
        """A new repository without a commit.

        Raises:
            UsageError: not a kind, not an id, or taken.
        """
        if kind not in KINDS:
            raise UsageError(f"repositories of kind {kind!r} are not kept here. Fix: one of {', '.join(KINDS)}.")
        if not _REPO_ID.fullmatch(repo_id) or "--" in repo_id or ".." in repo_id:
            raise UsageError(f"{repo_id!r} is not a repository id. Fix: OWNER/NAME of letters, digits, - _ and dots.")
        with self.lock:
            if (kind, repo_id) in self._repositories:
                raise UsageError(f"the {kind} repository {repo_id!r} exists. Fix: choose another name, or delete it.")
            made = Repository(repo_id, kind, private, gated)
            self._repositories[kind, repo_id] = made
            self.save(made)
        return made

    def delete(self, repository: Repository) -> None:
        """Forget a repository; blobs stay."""
        with self.lock:
            del self._repositories[repository.kind, repository.repo_id]
            if self.root is not None:
                shutil.rmtree(self._folder(repository))

    def commit(
        self,
        repository: Repository,
        changes: Mapping[str, Entry | None],
        title: str,
        message: str = "",
        branch: str = "main",
    ) -> Commit:
        """Add a commit to a branch, which is made where it is missing.

        Args:
            repository: where.
            changes: the new file of each path; None removes it, and all below it where it is a folder.
            title: first line of the commit message.
            message: the rest of it.
            branch: where to.
        """
        with self.lock:
            parent = repository.find(branch)
            entries = dict(parent.entries) if parent else {}
            for path, entry in changes.items():
                # A file in place of a folder, or a folder in place of a file, replaces it, as in git.
                for known in [name for name in entries if name.startswith(f"{path}/") or path.startswith(f"{name}/")]:
                    del entries[known]
                entries.pop(path, None)
                if entry is not None:
                    entries[path] = entry
            date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            made = Commit("", parent.sha if parent else None, title, message, date, dict(sorted(entries.items())))
            content = json.dumps([repository.kind, repository.repo_id, len(repository.commits), asdict(made)])
            made = replace(made, sha=hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest())
            repository.commits[made.sha] = made
            repository.branches[branch] = made.sha
            self.save(repository)
            return made

    def save(self, repository: Repository) -> None:
        """Write the repository to its folder, if there is a root."""
        if self.root is None:
            return
        folder = self._folder(repository)
        folder.mkdir(exist_ok=True)
        atomic.replace(folder / "repository.json", json.dumps(asdict(repository), indent=1).encode())
        head = repository.find("main")
        shutil.rmtree(folder / "files", ignore_errors=True)
        for path, entry in (head.entries if head else {}).items():
            if is_safe_path(path):
                shown = folder / "files" / PurePosixPath(path)
                shown.parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(self.root / "blobs" / entry.sha256, shown)

    def _folder(self, repository: Repository) -> Path:
        assert self.root is not None
        return self.root / f"{repository.kind}s--{repository.repo_id.replace('/', '--')}"


def _link_or_copy(blob: Path, shown: Path) -> None:
    try:
        os.link(blob, shown)
    except OSError:  # some file systems have no links
        shutil.copyfile(blob, shown)


def _read(path: Path) -> Repository:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for commit in record["commits"].values():
            commit["entries"] = {name: Entry(**entry) for name, entry in commit["entries"].items()}
        record["commits"] = {sha: Commit(**commit) for sha, commit in record["commits"].items()}
        return Repository(**record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRecord(f"{path} is not a repository of the loopback hub. Fix: remove {path.parent}.") from error
