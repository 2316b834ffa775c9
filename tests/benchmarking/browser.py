"""Opens a page in headless Chromium over its debugging pipe, and tells what happened: requests, errors, time, axe."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (  # the browser itself must not go out either: no name is resolved, and all that it fetches of itself is off
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)  # fmt: skip
AS_3_AND_4 = """import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3), os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])"""
"""The debugging pipe reads from descriptor 3 and writes to 4."""
PATIENCE = 120.0  # seconds for one answer


@dataclass
class Visit:
    """What one opening of a page did. `load_ms` is the time of the load event after the navigation began."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    load_ms: float = 0.0
    width: int = 0
    violations: list[str] = field(default_factory=list)


class Browser:
    """One Chromium; messages are JSON with a zero byte behind each, as its debugging protocol has it."""

    def __init__(self, read: int, write: int) -> None:
        self.read, self.write = read, write
        self.numbers, self.buffer = itertools.count(1), b""
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self.write, json.dumps(message).encode() + b"\0")
        return self.until(lambda answer: answer.get("id") == number)["result"]

    def until(self, wanted: Any) -> dict[str, Any]:
        """Read on to the message that is wanted, and keep those before it as events."""
        limit = time.monotonic() + PATIENCE
        while True:
            while b"\0" in self.buffer:
                one, _, self.buffer = self.buffer.partition(b"\0")
                message = json.loads(one)
                assert "error" not in message, message
                self.events.append(message)
                if wanted(message):
                    return message
            left = limit - time.monotonic()
            assert left > 0, "Chromium gave no answer"
            assert select.select([self.read], [], [], left)[0], "Chromium gave no answer"
            self.buffer += os.read(self.read, 1 << 20)

    def visit(self, file: Path, width: int = 1100, dark: bool = False, axe: bool = True) -> Visit:
        """Open a file in a tab of its own, `width` pixels wide and in one of the two themes."""
        self.events.clear()
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        tab = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.send(f"{domain}.enable", tab)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", tab, features=theme)
        self.send("Emulation.setDeviceMetricsOverride", tab, width=width, height=900, deviceScaleFactor=1,
                  mobile=False)  # fmt: skip
        self.send("Page.navigate", tab, url=file.as_uri())
        if not any(event["method"] == "Page.loadEventFired" for event in self.events if "method" in event):
            self.until(lambda event: event.get("method") == "Page.loadEventFired")
        seen = Visit()
        seen.load_ms = self.evaluate(tab, "performance.getEntriesByType('navigation')[0].loadEventStart")
        seen.width = self.evaluate(tab, "document.documentElement.scrollWidth")
        if axe:
            self.evaluate(tab, resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8") + ";0")
            run = "axe.run({resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))"
            found = json.loads(self.evaluate(tab, run))
            seen.violations = [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]
        for event in self.events:
            self._note(seen, event.get("method", ""), event.get("params", {}))
        self.send("Target.closeTarget", targetId=target)
        return seen

    def evaluate(self, tab: str, code: str) -> Any:
        answer = self.send("Runtime.evaluate", tab, expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    @staticmethod
    def _note(seen: Visit, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            seen.requests.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            seen.errors.append(" ".join(str(part.get("value", part["type"])) for part in params["args"]))
        elif method == "Runtime.exceptionThrown":
            seen.errors.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            seen.errors.append(params["entry"]["text"])


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile; it is stopped at the end."""
    assert CHROMIUM, "no Chromium on this machine"
    (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        start = [sys.executable, "-c", AS_3_AND_4, str(theirs_in), str(theirs_out)]
        command = [*start, CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            browser = Browser(ours_in, ours_out)
            yield browser
            browser.send("Browser.close")
        finally:
            os.close(ours_in)
            os.close(ours_out)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
