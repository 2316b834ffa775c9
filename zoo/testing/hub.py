"""A Hugging Face hub on loopback, for tests of publishing and downloading: `huggingface_hub` talks to it unmodified.

    with Hub() as hub:
        hub.add("me/pets", {"config.json": b"{}"})
        hf_hub_download("me/pets", "config.json", endpoint=hub.url, cache_dir=folder)

`python -m zoo.testing.hub` runs one for a person. It listens on 127.0.0.1 only, holds files in memory while they
travel, and knows models and data sets, not Spaces, pull requests or xet: clients need HF_HUB_DISABLE_XET=1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UnknownName, UsageError, ZooError
from zoo.testing.hub_api import ROUTES
from zoo.testing.hub_faults import Fault, Faults
from zoo.testing.hub_server import Listener
from zoo.testing.hub_site import Role, Site
from zoo.testing.hub_store import Commit, Store
from zoo.testing.hub_transfer import ROUTES as FILE_ROUTES
from zoo.testing.hub_transfer import STORAGE_ROUTES, is_large

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType


class Hub:
    """A hub that answers until it is closed.

    Args:
        root: a folder that keeps the repositories between starts; None keeps them in memory.
        port: of the hub; 0 takes a free one. Large files always come from a second, free port.
        write_token: the token that may write; None makes one up.
        chunk_size: bytes above which a large file is uploaded in parts of this size.
        large_from: bytes from which every file is a large one (LFS); weights always are.
        page_size: files on one page of a listing.
        talk: print a line for each answer to stderr, without query and headers.

    Attributes:
        url: what goes into `HF_ENDPOINT` or `endpoint=`.
        read_token: a token of the owner that may only read; private repositories are open to it, gated ones are not.
        write_token: a token of the owner that may do all.
        requests: (method, path) of every request so far, at both ports, without queries.

    Raises:
        UsageError: the port is taken, or `root` cannot be a folder.

    Example:
        >>> with Hub() as hub:
        ...     sha = hub.add("me/pets", {"config.json": b"{}"})
        ...     hub.head("me/pets") == sha, hub.files("me/pets")
        (True, {'config.json': b'{}'})
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        port: int = 0,
        write_token: str | None = None,
        chunk_size: int = 64 * 2**20,
        large_from: int = 10 * 2**20,
        page_size: int = 1000,
        talk: bool = False,
    ) -> None:
        self.read_token = f"read-{secrets.token_hex(16)}"
        self.write_token = write_token or f"write-{secrets.token_hex(16)}"
        self.requests: list[tuple[str, str]] = []
        self._faults = Faults()
        self._store = Store(None if root is None else Path(root))
        roles: dict[str, Role] = {self.read_token: "read", self.write_token: "write"}
        self._site = Site(self._store, roles, chunk_size, large_from, page_size)
        shared = (self._site, [*FILE_ROUTES, *ROUTES], self._faults, self.requests, talk)
        try:
            self._front = Listener(port, *shared)
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}. Fix: choose another, or 0.") from error
        self._storage = Listener(0, self._site, STORAGE_ROUTES, self._faults, self.requests, talk)
        self._site.url, self._site.storage_url = self._front.url, self._storage.url
        self.url = self._front.url

    def __repr__(self) -> str:  # without the tokens
        return f"Hub({self.url})"

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering; connections that hang are cut."""
        self._front.close()
        self._storage.close()

    def environment(self, token: str | None = None, home: str | Path | None = None) -> dict[str, str]:
        """The environment variables with which a child process uses this hub.

        Args:
            token: None takes the one that may write; "" takes none.
            home: folder for the client's cache. Without it the child shares the cache of the person, in which a
                repository of the same name may lie.
        """
        proxied = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.write_token if token is None else token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": proxied,
            "no_proxy": proxied,
        } | ({} if home is None else {"HF_HOME": str(home)})

    def add(
        self,
        repo_id: str,
        files: Mapping[str, bytes],
        *,
        private: bool | None = None,
        gated: bool | None = None,
        repo_type: str = "model",
    ) -> str:
        """Commit files without a client, in a new repository or on top of `main`; returns the commit's sha.

        Paths are taken as they are, so that a hostile repository can be made.

        Args:
            repo_id: `OWNER/NAME`.
            files: content by path; the others that are there stay.
            private: None leaves it as it is; a new repository is public.
            gated: None leaves it as it is; a new repository is open.
            repo_type: `model` or `dataset`.

        Raises:
            UsageError: `repo_id` or `repo_type` cannot be.
        """
        with self._store.lock:
            repository = self._store.find(repo_type, repo_id)
            if repository is None:
                repository = self._store.create(repo_type, repo_id)
            repository.private = repository.private if private is None else private
            repository.gated = repository.gated if gated is None else gated
            large_from = self._site.large_from
            entries = {
                path: self._store.entry(data, is_large(path, len(data), large_from)) for path, data in files.items()
            }
            return self._store.commit(repository, entries, "Add files").sha

    def head(self, repo_id: str, repo_type: str = "model") -> str:
        """The sha of the newest commit of `main`.

        Raises:
            UnknownName: no such repository.
        """
        return self._commit(repo_id, None, repo_type).sha

    def files(self, repo_id: str, revision: str | None = None, repo_type: str = "model") -> dict[str, bytes]:
        """The content of every file, by path; `revision` is a branch, a tag or a full sha.

        Raises:
            UnknownName: no such repository or revision.
        """
        entries = self._commit(repo_id, revision, repo_type).entries
        return {path: self._store.read(entry.sha256) for path, entry in entries.items()}

    def delete(self, repo_id: str, repo_type: str = "model") -> None:
        """Remove a repository.

        Raises:
            UnknownName: no such repository.
        """
        self._store.delete(self._store.get(repo_type, repo_id))

    def revoke(self, token: str) -> None:
        """From now on the token is refused."""
        self._site.tokens.pop(token, None)

    def fault(
        self, kind: str, path: str | None = None, method: str | None = None, times: int | None = 1, **option: int | str
    ) -> Fault:
        """Let something go wrong: see `zoo.testing.hub_faults` for the kinds, their options and what paths look like.

        Args:
            kind: `503`, `429`, `hang`, `cut_upload`, `drop_before`, `drop_after`, `lie_etag`, `wrong_size`, `cut`,
                `flip` or `slow`.
            path: glob of the URL's path; None takes what is usual for the kind.
            method: glob of the HTTP method; None takes what is usual for the kind.
            times: how often; None for always.
            **option: the one option that the kind has.
        """
        return self._faults.add(kind, path, method, times, **option)

    def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        self._faults.clear()

    def _commit(self, repo_id: str, revision: str | None, repo_type: str) -> Commit:
        repository = self._store.get(repo_type, repo_id)
        found = repository.find(revision or "main")
        if found is None:
            known = [*repository.branches, *repository.tags, *repository.commits]
            raise UnknownName("revision", revision or "main", known)
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a hub until Ctrl-C; prints what to export to stdout and each request to stderr."""
    parser = argparse.ArgumentParser(prog="python -m zoo.testing.hub", description="A Hugging Face hub on loopback.")
    parser.add_argument("--port", type=int, default=0, help="of the hub; by default a free one")
    parser.add_argument("--root", metavar="FOLDER", help="keep repositories here between starts; else in memory")
    parser.add_argument("--write-token", metavar="T", help="the token that may write; by default a new one")
    options = parser.parse_args(arguments)
    try:
        hub = Hub(options.root, port=options.port, write_token=options.write_token, talk=True)
    except ZooError as error:
        print(f"zoo.testing.hub: {error}", file=sys.stderr)
        return 2
    with hub, tempfile.TemporaryDirectory(prefix="zoo-hub-") as home:
        for name, value in hub.environment(home=home).items():
            if name != "no_proxy":
                print(f"export {name}={shlex.quote(value)}")
        print(f"# read-only: export HF_TOKEN={hub.read_token}\n# Ctrl-C stops the hub.", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopped.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
