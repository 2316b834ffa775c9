"""A repository as its hub states it now, and what a hub's refusal means to somebody who publishes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2
from huggingface_hub import HfApi, get_session, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import _headers, _http, _validators

from zoo.errors import Offline, PublishError, UnsafeContent, UsageError, ZooError
from zoo.io.digests import file_digest
from zoo.io.listing import ask, listing_of
from zoo.io.names import check_repository
from zoo.io.settings import endpoint, offline
from zoo.io.transport import client, install, shown

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "zoo.json"  # in a repository that zoo published: the digests of its files
HARMLESS = frozenset({".gitattributes", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"})
_LATER = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class State:
    """A repository at a commit, mostly the newest of `main`: size and digest of each file, and who may see it."""

    commit: str
    private: bool
    files: dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Remote:
    """One repository of the hub that HF_ENDPOINT names, with the token of HF_TOKEN or of `hf auth login`."""

    repository: str
    kind: str = "model"
    api: HfApi = field(repr=False, default_factory=HfApi)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{endpoint()}/{'datasets/' if self.kind == 'dataset' else ''}{self.repository}"

    def state(self, commit: str = "") -> State | None:
        """What it holds now, or at a commit; None where there is no such repository, or none to this token.

        Raises:
            PublishError: it bears another name by now.
            httpx2.HTTPError, HfHubHTTPError, Offline: as `explained` tells.
            UnsafeContent: an answer that no hub would give.
        """
        url = f"{self.api.endpoint}/api/{self.kind}s/{self.repository}{f'/revision/{commit}' if commit else ''}"
        headers = _headers.build_hf_headers(token=self.api.token)
        response = get_session().get(url, params={"blobs": "true"}, headers=headers)
        try:
            _http.hf_raise_for_status(response)
        except RepositoryNotFoundError as error:
            if error.response.status_code != 404:  # no access is no absence
                raise
            return None
        try:  # read here: `HfApi.repo_info` fails on the odd metadata that a card there may have
            answer = response.json()
            name, private, found = str(answer["id"]), bool(answer["private"]), listing_of(answer, self.repository)
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
            raise UnsafeContent(
                f"the answer of {shown(self.api.endpoint)} about {self.repository} is not what a hub sends "
                f"({type(error).__name__}). Fix: check HF_ENDPOINT, and the proxy: a login page may have answered."
            ) from error
        if name.lower() != self.repository.lower():
            raise PublishError(
                f"{self.repository} is called {name} now: it was renamed or moved. Nothing was sent. Fix: publish to "
                "that name, which the card then tells."
            )
        return State(found.commit, private, found.files)

    def published(self, state: State) -> dict[str, Any]:
        """The `zoo.json` of a repository; empty where it has none that zoo wrote and can read.

        Somebody's own file of that name says no schema of zoo's: what lies beside it is theirs, and stays.
        """
        if RECORD not in state.files:
            return {}
        with client() as session:
            text = ask(session, f"{self.url}/resolve/{state.commit}/{quote(RECORD)}", f"{RECORD} of {self.repository}")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        ours = isinstance(found, dict) and str(found.get("schema")).startswith("zoo.")
        return found if ours and isinstance(found.get("files"), dict) else {}


def remote(repository: str, kind: str = "model") -> Remote:
    """The repository to publish in; nothing is asked yet.

    Raises:
        UsageError: no `OWNER/NAME`, or no token.
        Offline: HF_HUB_OFFLINE forbids the network.
    """
    check_owned(repository)
    if offline():
        raise Offline("HF_HUB_OFFLINE forbids the network. Fix: unset it, or add --dry-run to only look.")
    token = get_token()
    if not token:
        raise UsageError("no token. Fix: set HF_TOKEN to one that may write, or run `hf auth login`.")
    if not re.fullmatch(r"[!-~]+", token):
        raise UsageError("the token (HF_TOKEN) holds characters that no token has. Fix: copy it again, whole.")
    install()
    return Remote(repository, kind, HfApi(endpoint=endpoint(), token=token))


def check_owned(repository: str) -> None:
    """See that a name is `OWNER/NAME`: repositories without an owner are the hub's own.

    Raises:
        UsageError: it is not.

    Example:
        >>> check_owned("pets")
        Traceback (most recent call last):
        zoo.errors.UsageError: 'pets' names no repository of yours. Fix: write OWNER/NAME, such as me/pets.
    """
    if repository.count("/") != 1:
        raise UsageError(f"{repository!r} names no repository of yours. Fix: write OWNER/NAME, such as me/pets.")
    check_repository(repository)
    try:
        _validators.validate_repo_id(repository)
    except HFValidationError as error:
        raise UsageError(
            f"{repository!r} is no name on the hub: a name begins and ends with a letter or a digit, and not in "
            ".git. Fix: choose another NAME."
        ) from error


def same(folder: Path, files: dict[str, str], state: State) -> list[str]:
    """The names among `files` of which the repository holds other bytes, or none.

    Args:
        folder: where they lie.
        files: SHA-256 by name.
        state: of the repository.
    """
    wrong = []
    for name, sha256 in files.items():
        digest = state.files.get(name, (0, ""))[1]
        ours = sha256 if len(digest) == 64 else file_digest(folder / name, digest) if digest else ""
        wrong += [] if digest and digest == ours else [name]
    return wrong


def passing(error: Exception) -> bool:
    """Whether a later try may do better: no answer, or one that says so."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _LATER
    return isinstance(error, httpx2.TransportError | Offline)


def explained(error: Exception, place: Remote, stays: str) -> ZooError:
    """An error of the hub or of the way to it in words; `stays` says what the repository holds."""
    where = f"{place.repository} on {shown(endpoint())}"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        text = " ".join(str(error.server_message or "").split())[:200]
        said = f" ({text})" if text else ""
        if status in (401, 403):
            return PublishError(
                f"the hub refused the token for {where}: it answered {status}{said}. The token is wrong, was revoked "
                f"or may not write there, or there is no room. {stays} Fix: set HF_TOKEN to one that may write there, "
                "and run it again."
            )
        if status in _LATER:
            return Offline(f"the hub answered {status} each time for {where}. {stays} Fix: run it again later.")
        return PublishError(
            f"the hub answered {status}{said} for {where}. {stays} Fix: check the name, and what the hub says."
        )
    if isinstance(error, httpx2.TransportError | Offline):
        return Offline(
            f"the hub did not answer to the end for {where} ({type(error).__name__}). {stays} Fix: run it again; what "
            "was sent is not sent twice."
        )
    return PublishError(
        f"{type(error).__name__} for {where}: {str(error)[:200]}. {stays} Fix: run it again; with HF_HUB_DISABLE_XET=1 "
        "large files go by LFS, which every hub knows."
    )
