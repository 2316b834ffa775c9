"""Requests that always end: finite time-outs, one kind of failure, and answers whose headers are checked.

The stock hub client waits without limit in many places, and names files after headers that a server sends. `bounded`
puts a client right, and `install` does so for every client that huggingface_hub makes in this process, hence also for
transformers, timm, open_clip and datasets.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from huggingface_hub import set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import _http

from zoo.errors import Offline, UnsafeContent, UsageError
from zoo.io.settings import patience, timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")
_READS = ("GET", "HEAD")
STEP = 1 << 16  # bytes that count as progress; a server that sends less for long is as good as silent
_SENDING = 60.0  # seconds that a server may think about an upload
_MEMORY = 20.0  # seconds for which a silent server is not asked again
_silent: dict[str, float] = {}  # host -> when it did not answer
_ETAG = re.compile(r'(W/)?"?[A-Za-z0-9][A-Za-z0-9._=+-]{0,199}"?')
_HEX = re.compile(r"[0-9a-f]{40}")


class Unreachable(Offline, OfflineModeIsEnabled):
    """No answer in time. To huggingface_hub it is the offline mode: what is cached is used, and nothing is repeated."""


def client() -> httpx2.Client:
    """A client for zoo's own requests. HTTP(S)_PROXY, NO_PROXY and SSL_CERT_FILE are honoured.

    Raises:
        UsageError: the proxy or the certificates that the environment names cannot be used.

    Example:
        >>> with client() as session:
        ...     session.timeout.read
        8.0
    """
    try:
        return bounded(httpx2.Client(follow_redirects=True, max_redirects=5, timeout=timeout()))
    except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:  # the text may hold a proxy's password
        raise UsageError(
            f"the proxy or the certificates of the environment cannot be used ({type(error).__name__}). Fix: set "
            "HTTPS_PROXY to http://HOST:PORT and SSL_CERT_FILE to a file that is there, or unset them."
        ) from None


def install() -> None:
    """Bound every client that huggingface_hub makes from now on. A factory that the user set stays in use beneath."""
    factory: Any = getattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)
    if not getattr(factory, "is_bounded", False):
        set_client_factory(_bounded_factory(factory))


def bounded(made: httpx2.Client, remember: bool = False) -> httpx2.Client:
    """The same client, whose requests end.

    Each wait is cut to `ZOO_TIMEOUT` (to a minute where something is sent), and that includes the look-up of the host's
    name. All waits of a read together, over its redirects and up to the end of its headers (of its body, where that is
    not streamed), are cut to `patience()`: a server may send one byte at a time, or preliminary answers for ever.
    A read that gets no answer raises `Unreachable`; with `remember`, so do further ones for a while, at once.

    Raises (when used):
        Unreachable: no answer to a GET or HEAD. What sends data raises httpx2's own errors, which callers may repeat.
        UnsafeContent: a header that would name a file outside of the cache, or a redirect from https to http.
    """
    send: Callable[..., httpx2.Response] = made.send

    def send_bounded(request: httpx2.Request, **options: Any) -> httpx2.Response:
        reads = request.method in _READS
        limit = timeout() if reads else max(timeout(), _SENDING)
        request.extensions["timeout"] = clamped(request.extensions.get("timeout"), limit)
        if remember:
            check_not_silent(str(request.url))
        try:
            _resolve(str(request.url), limit)
            response = send(request, **options) if not reads else _in_time(patience(), lambda: send(request, **options))
        except (httpx2.RequestError, httpx2.InvalidURL, UnicodeError, OSError) as error:
            if not reads or isinstance(error, Unreachable | OfflineModeIsEnabled):
                raise
            if remember:
                note_silence(str(request.url))
            raise Unreachable(f"{shown(str(request.url))} did not answer: {_reason(error, limit)}.") from error
        try:
            check_headers(response)
        except UnsafeContent:
            response.close()
            raise
        return response

    setattr(made, "send", send_bounded)  # noqa: B010 - a method of one object, whatever class a factory chose
    return made


def pieces(response: httpx2.Response, *, whole: bool = False) -> Iterator[bytes]:
    """The body of an answer, as it was sent, piece by piece. A body that almost stands still is cut.

    What comes packed, though zoo asks for plain bytes, is not unpacked: a stream may unpack to nothing for ever.

    Args:
        response: an answer whose body is streamed.
        whole: the whole body must come within `patience()`; else `STEP` bytes must, again and again.

    Raises:
        Unreachable: it comes too slowly.
        httpx2.DecodingError: it is packed.
    """
    where = shown(str(response.url))
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError(f"{where} sends a packed answer, which was not asked for")
    moved, count, limit = time.monotonic(), 0, patience()
    done, cut, taken = threading.Event(), threading.Event(), threading.Event()  # taken: whoever reads is at work

    def watch() -> None:
        while not done.wait(limit / 10):
            if not taken.is_set() and time.monotonic() - moved > limit:
                cut.set()
                _cut(response)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        for piece in response.iter_raw():
            count += len(piece)
            if count >= STEP and not whole:
                moved, count = time.monotonic(), 0
            elif time.monotonic() - moved > limit:
                cut.set()
                break
            taken.set()
            began = time.monotonic()
            yield piece
            moved += time.monotonic() - began
            taken.clear()
    except (httpx2.TransportError, OSError):
        if not cut.is_set():
            raise
    finally:
        done.set()
    if cut.is_set():
        raise Unreachable(f"{where} sends almost nothing.")


def note_silence(url: str) -> None:
    """Remember that the host of an address does not answer, so that a list of names does not wait for each."""
    _silent[urlsplit(url).netloc] = time.monotonic()


def check_not_silent(url: str) -> None:
    """Raise at once what waiting would raise later.

    Raises:
        Unreachable: the host did not answer a moment ago.
    """
    if time.monotonic() - _silent.get(urlsplit(url).netloc, -_MEMORY) < _MEMORY:
        raise Unreachable(f"{shown(url)} did not answer a moment ago.")


def clamped(asked: Any, limit: float) -> dict[str, float]:
    """Time-outs of a request (connect, read, write, pool) in seconds, none above the limit or missing.

    Example:
        >>> clamped({"connect": None, "read": 600.0, "write": 1.0}, limit=8.0)
        {'connect': 8.0, 'read': 8.0, 'write': 1.0, 'pool': 8.0}
    """
    given = asked if isinstance(asked, dict) else {}
    waits = {kind: given.get(kind) for kind in ("connect", "read", "write", "pool")}
    return {kind: min(wait, limit) if isinstance(wait, int | float) else limit for kind, wait in waits.items()}


def check_headers(response: httpx2.Response) -> None:
    """Refuse headers that huggingface_hub would make a path of.

    Raises:
        UnsafeContent: an ETag or a commit that is no plain name, storage that is no web address, or an answer over http
            to a request over https.
    """
    headers, where = response.headers, shown(str(response.url))
    if response.url.scheme == "http" and any(step.url.scheme == "https" for step in response.history):
        raise UnsafeContent(f"{shown(str(response.history[0].url))} leads from https to http, to {where}. {_FIX}")
    if response.request.method == "HEAD":  # the ETags of other answers name nothing
        for name in ("x-linked-etag", "etag"):
            if name in headers and (not _ETAG.fullmatch(headers[name]) or ".." in headers[name]):
                raise UnsafeContent(f"{where} sent an {name} that is no plain name: {headers[name][:60]!r}. {_FIX}")
        if "x-repo-commit" in headers and not _HEX.fullmatch(headers["x-repo-commit"]):
            raise UnsafeContent(f"{where} sent a commit that is none: {headers['x-repo-commit'][:60]!r}. {_FIX}")
    storage = headers.get("x-xet-cas-url", "")
    if storage and urlsplit(storage).scheme not in ("http", "https"):
        raise UnsafeContent(f"{where} names a storage that is no web address: {storage[:60]!r}. {_FIX}")


def shown(url: str) -> str:
    """An address as messages may show it: without user, password and query, which can hold secrets.

    Example:
        >>> shown("https://me:secret@hub.example:8080/a/b?X-Amz-Signature=123")
        'https://hub.example:8080/a/b'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]


def _cut(response: httpx2.Response) -> None:
    """End the connection of an answer that another thread reads."""
    stream = response.extensions.get("network_stream")
    found: Any = stream.get_extra_info("socket") if stream is not None else None
    with contextlib.suppress(OSError, AttributeError):
        found.shutdown(socket.SHUT_RDWR)


def _bounded_factory(factory: Callable[[], httpx2.Client]) -> Callable[[], httpx2.Client]:
    def make() -> httpx2.Client:
        return bounded(factory(), remember=True)

    make.is_bounded = True  # type: ignore[attr-defined]
    return make


def _resolve(url: str, seconds: float) -> None:
    """Look the host up within the time, which the system's own look-up does not promise. A proxy does it itself.

    Raises:
        OSError: there is no such host, or no name server answered.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    if (proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(host):
        return
    if re.fullmatch(r"[0-9.]+|[0-9a-f]*:[0-9a-f:.]*", host):
        return
    try:
        _in_time(seconds, lambda: socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM))
    except TimeoutError:
        raise OSError(f"no name server answered in {seconds:g} seconds") from None
    except UnicodeError:
        raise OSError(f"{host!r} is no host name") from None


def _in_time(seconds: float, call: Callable[[], _T]) -> _T:
    """The result of a call that is waited for so long, and then left alone: it ends with its connection.

    Raises:
        TimeoutError: it did not return.
    """
    results: list[_T] = []
    failures: list[BaseException] = []
    left = threading.Event()

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised by who waits
            failures.append(error)
        if left.is_set() and results and isinstance(results[0], httpx2.Response):
            results[0].close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:  # also at Ctrl-C
        left.set()
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError(f"no whole answer in {seconds:g} seconds")
    return results[0]


def _reason(error: Exception, limit: float) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"silent for {limit:g} seconds"
    return str(error)[:200] or type(error).__name__


_FIX = "Fix: use another hub (HF_ENDPOINT); this one is broken or hostile."
