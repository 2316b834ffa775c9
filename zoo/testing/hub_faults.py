"""Faults on demand for the loopback hub: what a real network and a real server do on a bad day, and worse.

A fault waits for requests of one method and of paths that match a glob, strikes as often as told, and is used up. Paths
are those of the URL without its query: `/me/pets/resolve/main/model.safetensors` at the hub, and
`/blobs/SHA256/me/pets/model.safetensors` (downloads) and `/uploads/SHA256` (uploads) at the second port.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from zoo.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Kind:
    """Where a kind of fault strikes unless told otherwise, when, and its one option with the default."""

    about: str
    when: str  # "request": before anything is done; "answer": before it is sent; "body": where the answer has a body
    method: str = "*"
    path: str = "*"
    option: str = ""
    default: int | str = ""


KINDS = {
    "503": Kind("the server is unavailable", "request"),
    "429": Kind("too many requests; says when to try again", "request", option="retry_after", default=0),
    "hang": Kind("never answers, until the hub is closed", "request"),
    "cut_upload": Kind("closes the connection after `after` bytes of the upload", "request", "PUT", "*", "after", 0),
    "drop_before": Kind("the commit is not applied, and the connection closed", "request", "POST", "*/commit/*"),
    "drop_after": Kind("the commit is applied, and the connection closed", "answer", "POST", "*/commit/*"),
    "lie_etag": Kind("says another ETag", "answer", "*", "*/resolve/*", "etag", "../../evil"),
    "wrong_size": Kind("says a file is `by` bytes larger", "answer", "HEAD", "*/resolve/*", "by", 1),
    "cut": Kind("closes the connection after `after` bytes of the body", "body", "GET", "*", "after", 0),
    "flip": Kind("flips one bit of byte `at` of the body", "body", "GET", "*", "at", 0),
    "slow": Kind("sends `rate` bytes a second", "body", "GET", "*", "rate", 1000),
}


@dataclass
class Fault:
    """One fault: how often it may still strike (`left`, None for always) and how often it did (`struck`)."""

    kind: str
    method: str
    path: str
    left: int | None
    option: int | str
    struck: int = 0

    def matches(self, when: str, method: str, path: str) -> bool:
        """Whether it strikes here."""
        here = KINDS[self.kind].when == when and fnmatchcase(method, self.method) and fnmatchcase(path, self.path)
        return here and self.left != 0


@dataclass
class Faults:
    """The faults that wait, first come first served.

    Example:
        >>> faults = Faults()
        >>> fault = faults.add("503", path="*.json", times=1)
        >>> faults.take("request", "GET", "/me/pets/resolve/main/config.json") is fault
        True
        >>> faults.take("request", "GET", "/me/pets/resolve/main/config.json") is None
        True
    """

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self, kind: str, path: str | None = None, method: str | None = None, times: int | None = 1, **option: int | str
    ) -> Fault:
        """Let a fault wait.

        Args:
            kind: a key of `KINDS`.
            path: glob of the URL's path, in which `*` matches slashes too; None takes what is usual for the kind.
            method: glob of the HTTP method; None takes what is usual for the kind.
            times: how often it strikes; None for always.
            **option: the one option that the kind has.

        Raises:
            UnknownName: no such kind.
            UsageError: an option that the kind does not have.
        """
        if kind not in KINDS:
            raise UnknownName("fault", kind, KINDS, f"Fix: one of {', '.join(KINDS)}.")
        known = KINDS[kind]
        if set(option) - {known.option}:
            takes = f"the option {known.option!r}" if known.option else "no option"
            raise UsageError(f"the fault {kind!r} takes {takes}, received {', '.join(option)}. Fix: leave it out.")
        value = option.get(known.option, known.default)
        fault = Fault(kind, method or known.method, path or known.path, times, value)
        with self.lock:
            self.waiting.append(fault)
        return fault

    def take(self, when: str, method: str, path: str) -> Fault | None:
        """The fault that strikes here, counted as struck."""
        with self.lock:
            for fault in self.waiting:
                if fault.matches(when, method, path):
                    fault.struck += 1
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None

    def clear(self) -> None:
        """Forget all that wait."""
        with self.lock:
            self.waiting.clear()
