"""The HTTP server of the loopback hub: read a request, find its route, send the answer, with faults if asked."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from zoo.testing.hub_site import Answer, Call, Refused, Route, Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.testing.hub_faults import Fault, Faults

_TICK = 0.05  # seconds between two pieces of a slow answer


class Closed(Exception):
    """Never leaves the hub: the connection ends here, without another word."""


class Listener(ThreadingHTTPServer):
    """One origin: a port of 127.0.0.1 with its routes.

    Args:
        port: 0 takes a free one.
        site: what handlers share.
        routes: the first that matches answers.
        faults: what goes wrong.
        requests: receives (method, path) of each request.
        talk: print a line for each answer to stderr.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        site: Site,
        routes: Sequence[Route],
        faults: Faults,
        requests: list[tuple[str, str]],
        talk: bool = False,
    ) -> None:
        self.site, self.faults, self.requests, self.talk = site, faults, requests, talk
        self.routes = [(route, re.compile(route.pattern)) for route in routes]
        self.closing = threading.Event()
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Stop listening and cut every connection, also those that hang."""
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away is no error
            super().handle_error(request, client_address)

    def answer(self, call: Call) -> Answer:
        """The answer of the first route that takes the call."""
        method = "GET" if call.method == "HEAD" else call.method
        try:
            for route, pattern in self.routes:
                if route.method == method and (found := pattern.fullmatch(call.path)):
                    parts = {name: unquote(part) for name, part in found.groupdict().items() if part is not None}
                    return route.handle(self.site, replace(call, parts=parts))
            raise Refused(404, "the loopback hub has nothing here")
        except Refused as refused:
            return refused.answer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer in two pieces waits for the client's acknowledgement
    server: Listener

    def do_GET(self) -> None:
        """Answer one request of any method."""
        path, _, query = self.path.partition("?")
        self.server.requests.append((self.command, path))
        try:
            fault = self.server.faults.take("request", self.command, path)
            body = self._read_body(int(fault.option) if fault and fault.kind == "cut_upload" else None)
            call = Call(self.command, path, query, {name.lower(): value for name, value in self.headers.items()}, body)
            self._send(call, self._instead(fault) or self.server.answer(call))
        except Closed:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _instead(self, fault: Fault | None) -> Answer | None:
        """What a fault answers in place of the hub."""
        kind = fault.kind if fault else ""
        if kind == "hang":
            self.server.closing.wait()
        if kind in ("hang", "drop_before"):
            raise Closed
        if fault and kind == "429":
            return Refused(429, "Too many requests", **{"Retry-After": str(fault.option)}).answer
        return Refused(503, "Service unavailable").answer if kind == "503" else None

    def _send(self, call: Call, answer: Answer) -> None:
        fault = self.server.faults.take("answer", call.method, call.path)
        size, headers = len(answer.body), dict(answer.headers)
        if fault and fault.kind == "drop_after":
            raise Closed
        if fault and fault.kind == "lie_etag":
            headers |= {name: f'"{fault.option}"' for name in ("ETag", "X-Linked-Etag") if name in headers}
        if fault and fault.kind == "wrong_size":
            size += int(fault.option)
            if "X-Linked-Size" in headers:
                headers["X-Linked-Size"] = str(int(headers["X-Linked-Size"]) + int(fault.option))
        has_body = call.method != "HEAD" and answer.body != b""
        fault = self.server.faults.take("body", call.method, call.path) if has_body else None
        self.send_response(answer.status)
        for name, value in (headers | {"Content-Length": str(size)}).items():
            self.send_header(name, value.encode("latin-1", "replace").decode("latin-1").replace("\n", " "))
        self.end_headers()
        if has_body:
            self._send_body(answer.body, fault)

    def _send_body(self, body: bytes, fault: Fault | None) -> None:
        option = int(fault.option) if fault else 0
        kind = fault.kind if fault else ""
        if kind == "flip":
            at = option % len(body)
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        if kind == "slow":
            piece = max(1, int(option * _TICK))
            for start in range(0, len(body), piece):
                self.wfile.write(body[start : start + piece])
                if self.server.closing.wait(_TICK):
                    raise Closed
            return
        self.wfile.write(body[:option] if kind == "cut" else body)
        if kind == "cut":
            raise Closed

    def _read_body(self, cut_after: int | None) -> bytes:
        if cut_after is not None:
            self.rfile.read(cut_after)
            raise Closed
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            if len(body) < size:
                raise Closed
            return body
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        """A line without the query, which may carry a signature, and without headers, which may carry a token."""
        if self.server.talk:
            status = getattr(code, "value", code)
            print(f"{self.command} {self.path.partition('?')[0]} {status}", file=sys.stderr, flush=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the standard library
        """Other remarks of the standard library are not printed: they quote what clients sent."""
