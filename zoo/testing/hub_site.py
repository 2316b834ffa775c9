"""What the handlers of the loopback hub share: the call, the answer, tokens, signed URLs and who may do what."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zoo.testing.hub_store import Commit, Repository, Store

Role = Literal["read", "write"]
OWNER = "tester"  # the account of both tokens
REPO = r"(?P<repo>[^/]+(?:/[^/]+)?)"  # in a route
API = rf"/api/(?P<kind>models|datasets)/{REPO}"


@dataclass(frozen=True)
class Answer:
    """What goes back: status, headers and body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Refused(Exception):
    """Never leaves the hub: a request is answered with an error, by status, the hub's error code and headers."""

    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        named = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        body = json.dumps({"error": message}).encode()
        self.answer = Answer(status, {"Content-Type": "application/json", **named, **headers}, body)


@dataclass(frozen=True)
class Call:
    """One request: `path` as it was sent, without the query; headers by lower-case name; the route's parts unquoted."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    parts: Mapping[str, str] = field(default_factory=dict)

    def asked(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return parse_qs(self.query).get(name, [default])[-1]

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(400, "the body is not a JSON object")
        return found


@dataclass
class Site:
    """All that handlers know.

    Args:
        store: repositories and blobs.
        tokens: the role of each token that is valid now.
        chunk_size: bytes above which a large file is uploaded in parts of this size.
        large_from: bytes from which any file is a large one (LFS).
        page_size: entries of a file listing on one page.
    """

    store: Store
    tokens: dict[str, Role]
    chunk_size: int
    large_from: int
    page_size: int
    url: str = ""
    storage_url: str = ""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)  # of uploads under way, by sha256
    lock: threading.Lock = field(default_factory=threading.Lock)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def role(self, call: Call) -> Role | None:
        """The role of the caller; None without a token. Refuses tokens that are not, or no longer, known."""
        sent = call.headers.get("authorization", "")
        if not sent:
            return None
        role = self.tokens.get(sent.removeprefix("Bearer "))
        if role is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        return role

    def writer(self, call: Call) -> None:
        """Refuse callers that may not write."""
        role = self.role(call)
        if role is None:
            raise Refused(401, "Invalid username or password.")
        if role != "write":
            raise Refused(403, "this token can only read. Fix: use one with the role write")

    def repository(self, call: Call, write: bool = False, content: bool = False) -> Repository:
        """The repository that a call names, if the caller may see (or write, or read the content of) it.

        A repository that is private or absent looks the same from outside. As on the real hub, that is 401 for callers
        without a token and 404 for others, both with the code RepoNotFound.
        """
        role = self.role(call)
        kind = call.parts.get("kind") or "models"
        found = self.store.find(kind.removesuffix("s"), call.parts["repo"].removesuffix(".git"))
        if found is None or (found.private and role is None):
            if role is None:
                raise Refused(401, "Invalid username or password.", "RepoNotFound")
            raise Refused(404, "Repository not found", "RepoNotFound")
        if content and found.gated and role != "write":
            message = f"Access to {found.kind} {found.repo_id} is restricted and you are not in the authorized list."
            raise Refused(401 if role is None else 403, message, "GatedRepo")
        if write:
            self.writer(call)
        return found

    def commit(self, repository: Repository, revision: str) -> Commit:
        """The commit of a branch, a tag or a full sha."""
        found = repository.find(revision)
        if found is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def signed(self, base: str, path: str) -> str:
        """A URL that works without a token."""
        quoted = quote(path)
        return f"{base}{quoted}?signature={self._signature(quoted)}"

    def check_signature(self, call: Call) -> None:
        """Refuse URLs that this hub did not sign, and callers that show their token to the storage."""
        if "authorization" in call.headers:
            raise Refused(400, "a token was sent to a signed URL, where it does not belong")
        if not hmac.compare_digest(call.asked("signature"), self._signature(call.path)):
            raise Refused(403, "the signature of this URL is not valid")

    def _signature(self, path: str) -> str:
        return hmac.new(self._secret, path.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Route:
    """Where a call goes: a method, the pattern of the path, and the handler."""

    method: str
    pattern: str
    handle: Callable[[Site, Call], Answer]


def as_json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(content).encode())
