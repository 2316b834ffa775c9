"""What a server's or a disk's refusal means, in words, and without any secret."""

from __future__ import annotations

import contextlib
import errno
import re
from typing import TYPE_CHECKING

from zoo.errors import Offline, StoreError, WeightsError, ZooError
from zoo.io.settings import hub_cache, offline
from zoo.io.transport import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2

AGAIN = (408, 429, 500, 502, 503, 504)  # a later try may succeed
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def refused(response: httpx2.Response, what: str) -> ZooError:
    """The error for an answer that is no success. `what` is what was asked for, such as "hub repository org/name"."""
    status, code = response.status_code, response.headers.get("x-error-code", "")
    said = _printable(_without_token(response, response.headers.get("x-error-message", "")))
    told = f"the server answered {status}{f' ({said})' if said else ''}"
    sent = "authorization" in response.request.headers or "authorization" in _first(response).request.headers
    if code == "GatedRepo" or status == 403:
        fix = "ask for access on its page, then set HF_TOKEN to a token of that account (`hf auth login` stores one)"
        return WeightsError(f"{what} is gated: {told}. Fix: {fix}.")
    if status == 401 or code == "RepoNotFound":
        fix = (
            "check the token: it is wrong, was revoked, or may not read this"
            if sent
            else "set HF_TOKEN, if it is private"
        )
        return WeightsError(f"{what} cannot be read: {told}. Fix: check the name; {fix}.")
    if code == "RevisionNotFound":
        return WeightsError(f"{what} has no such revision: {told}. Fix: name a commit, a branch or a tag that it has.")
    if status == 404:
        return WeightsError(f"{what} is not there: {told} for {shown(str(response.url))}. Fix: check the name.")
    if status in AGAIN:
        return Offline(f"{what} cannot be had now: {told} each time. Fix: run it again later; what has come is kept.")
    return WeightsError(
        f"{what} cannot be read: {told} for {shown(str(response.url))}. Fix: check the name and HF_ENDPOINT."
    )


def missing(what: str, fetch: str, why: str = "") -> Offline:
    """The one error for what is neither on this machine nor to be had. `fetch` is what `zoo fetch` takes.

    Example:
        >>> raise missing("model.safetensors of timm/resnet18", "hf-hub:timm/resnet18", "no such host")
        Traceback (most recent call last):
        zoo.errors.Offline: model.safetensors of timm/resnet18 is not on this machine, and ...
    """
    if offline():
        why = "HF_HUB_OFFLINE forbids the network"
    cache = "the same place" if "://" in fetch else hub_cache().parent
    return Offline(
        f"{what} is not on this machine, and {why or 'the network cannot be reached'}. Fix: run `zoo fetch {fetch}` on "
        f"a connected machine and copy its cache to {cache}; or check the network, the proxy (HTTPS_PROXY) and "
        "HF_ENDPOINT."
    )


@contextlib.contextmanager
def disk_explained(what: str, folder: Path) -> Iterator[None]:
    """Turn an error of the disk into a StoreError that says what to do.

    Example:
        >>> import pathlib
        >>> with disk_explained("w.bin", pathlib.Path("/cache")):  # doctest: +IGNORE_EXCEPTION_DETAIL
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        StoreError: w.bin cannot be stored in /cache: No space left on device. Fix: free some space ...
    """
    try:
        yield
    except ZooError:
        raise
    except OSError as error:
        fix = "free some space (`zoo cache ls` shows what there is)" if error.errno in _FULL else "check the folder"
        raise StoreError(
            f"{what} cannot be stored in {folder}: {error.strerror or error}. Fix: {fix}, or choose another one with "
            "HF_HOME or TORCH_HOME, then run it again."
        ) from error


def _first(response: httpx2.Response) -> httpx2.Response:
    return response.history[0] if response.history else response


def _without_token(response: httpx2.Response, text: str) -> str:
    """A server may quote the token that it refuses."""
    sent = {step.request.headers.get("authorization", "") for step in (response, _first(response))}
    for token in (header.rpartition(" ")[2] for header in sent if header):
        text = text.replace(token, "***")
    return text


def _printable(text: str) -> str:
    """A server's words: short, on one line, and without anything that looks like a token."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"hf_\w+|[Bb]earer\s+\S+", "***", plain)[:200].strip()
