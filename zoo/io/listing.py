"""What a repository holds at a commit, as its hub states it before anything is fetched: names, sizes and digests."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from zoo.errors import UnsafeContent, UsageError, ZooError
from zoo.io.names import check_file, check_repository, check_revision, is_commit, is_digest
from zoo.io.refusals import AGAIN, refused
from zoo.io.settings import endpoint, timeout
from zoo.io.transport import Unreachable, check_not_silent, note_silence, pieces, shown
from zoo.version import __version__

_LIMIT = 64_000_000  # bytes of one answer
_LARGEST = 1 << 43  # bytes of one file: 8 TiB


@dataclass(frozen=True)
class Listing:
    """A repository at a commit. `files` gives the size in bytes and the digest in hex of each, by name."""

    repository: str
    commit: str
    files: dict[str, tuple[int, str]]


def ask_listing(session: httpx2.Client, repository: str, revision: str, kind: str = "model") -> Listing:
    """Ask the hub what the repository (of `kind` `model` or `dataset`) holds.

    Raises:
        Offline: no answer.
        WeightsError: no such repository or revision, or no access.
        UnsafeContent: an answer that no hub would give, such as file names that lead elsewhere.
    """
    check_repository(repository)
    url = f"{endpoint()}/api/{kind}s/{repository}/revision/{quote(check_revision(revision), safe='')}?blobs=true"
    data = ask(session, url, f"hub repository {repository}")
    try:
        answer = json.loads(data)
        found = listing_of(answer, repository)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise UnsafeContent(
            f"the answer of {shown(endpoint())} about {repository} is not what a hub sends ({type(error).__name__}). "
            "Fix: check HF_ENDPOINT, and the proxy: a login page may have answered."
        ) from error
    if is_commit(revision) and found.commit != revision:
        raise UnsafeContent(
            f"{shown(endpoint())} was asked for commit {revision} of {repository} and gave {found.commit}. {_FIX}"
        )
    return found


def listing_of(answer: Any, repository: str) -> Listing:
    """The listing in a hub's answer.

    Raises:
        UnsafeContent: a commit, a file name, a size or a digest that is none.
        KeyError, TypeError, AttributeError: another kind of answer.

    Example:
        >>> answer = {"sha": "c" * 40, "siblings": [{"rfilename": "config.json", "size": 2, "blobId": "d" * 40}]}
        >>> listing_of(answer, "org/name").files
        {'config.json': (2, 'dddddddddddddddddddddddddddddddddddddddd')}
    """
    commit = answer["sha"]
    if not isinstance(commit, str) or not is_commit(commit):
        raise UnsafeContent(f"the hub names {str(commit)[:60]!r} as the commit of {repository}, which is none. {_FIX}")
    files: dict[str, tuple[int, str]] = {}
    for entry in answer["siblings"]:
        name = check_file(entry["rfilename"])
        lfs = entry.get("lfs") or {}
        size, digest = (lfs["size"], lfs["sha256"]) if lfs else (entry["size"], entry["blobId"])
        if type(size) is not int or not 0 <= size <= _LARGEST:
            raise UnsafeContent(f"the hub states an absurd size of {name} in {repository}: {str(size)[:40]}. {_FIX}")
        if not isinstance(digest, str) or not is_digest(digest) or len(digest) != (64 if lfs else 40):
            raise UnsafeContent(
                f"the hub states a digest of {name} in {repository} that is none: {digest!r:.80}. {_FIX}"
            )
        if name in files:
            raise UnsafeContent(f"the hub lists {name} of {repository} twice. {_FIX}")
        files[name] = size, digest
    for name in files:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in files:
                raise UnsafeContent(f"{parent} of {repository} is a file and a folder. {_FIX}")
            parent = parent.rpartition("/")[0]
    return Listing(repository, commit, dict(sorted(files.items())))


def ask(session: httpx2.Client, url: str, what: str) -> bytes:
    """The body of an answer of a hub, asked for again while that may help.

    Raises:
        Offline: no answer, or none that is a success.
        WeightsError: the server refuses.
        UnsafeContent: an answer without end.
    """
    check_not_silent(url)
    began, wait = time.monotonic(), 0.5
    while True:
        try:
            with session.stream("GET", url, headers=credentials() | {"Accept-Encoding": "identity"}) as response:
                if response.status_code == 200:
                    return _read(response, what)
                failure: ZooError = refused(response, what)
                if response.status_code not in AGAIN:
                    raise failure
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            failure = Unreachable(f"{shown(url)} did not answer to the end ({type(error).__name__}).")
        except Unreachable as error:
            failure = error
        if time.monotonic() - began + wait > timeout():
            if isinstance(failure, Unreachable):
                note_silence(url)
            raise failure
        time.sleep(wait)
        wait *= 2


def credentials() -> dict[str, str]:
    """The headers of a request to the hub; the token of HF_TOKEN, or of `hf auth login`, is among them.

    Raises:
        UsageError: the token cannot be one. It is not shown.
    """
    from huggingface_hub import get_token

    headers = {"User-Agent": f"zoo/{__version__}"}
    token = get_token()
    if token and os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").lower() not in ("1", "true", "yes", "on"):
        if not re.fullmatch(r"[!-~]+", token):  # h11 would show it in its error
            raise UsageError("the token (HF_TOKEN) holds characters that no token has. Fix: copy it again, whole.")
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _read(response: httpx2.Response, what: str) -> bytes:
    body = bytearray()
    for chunk in pieces(response, whole=True):
        body += chunk
        if len(body) > _LIMIT:
            raise UnsafeContent(f"the answer about {what} has no end ({_LIMIT / 1e6:.0f} MB so far). {_FIX}")
    return bytes(body)


_FIX = "Fix: do not use this repository or hub; tell its owner."
