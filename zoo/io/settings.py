"""What the environment says about where bytes come from and are kept. Read at each call; standard library only.

| variable | what it sets |
|---|---|
| `HF_ENDPOINT` | the hub (default: https://huggingface.co) |
| `HF_TOKEN`, `HF_TOKEN_PATH` | the token, or the file that holds it |
| `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | 1: no request is made, to a hub or to any other address |
| `HF_HUB_CACHE`, `HF_HOME` | the hub's cache |
| `TORCH_HOME` | torch's cache, for files that come by address |
| `ZOO_TIMEOUT` | seconds that a server may stay silent (default: 8) |
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from zoo.errors import UsageError

TIMEOUT = 8.0  # seconds of silence: what follows from them stays below half a minute
_TRUE = {"1", "on", "yes", "true"}


def endpoint() -> str:
    """The address of the hub, without a slash at its end.

    Raises:
        UsageError: HF_ENDPOINT is no http(s) address.
    """
    said = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        parts = urlsplit(said)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            "HF_ENDPOINT is not an address. Fix: set it to one such as https://huggingface.co, or unset it."
        )
    return said.rstrip("/")


def offline() -> bool:
    """Whether the user forbids every request."""
    return any(os.environ.get(name, "").lower() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def timeout() -> float:
    """Seconds that a server may stay silent.

    Raises:
        UsageError: ZOO_TIMEOUT is no number of seconds above 0 and up to 600.
    """
    said = os.environ.get("ZOO_TIMEOUT") or str(TIMEOUT)
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise UsageError(f"ZOO_TIMEOUT is {said!r}. Fix: set it to seconds, above 0 and up to 600, or unset it.")
    return seconds


def patience() -> float:
    """Seconds without one new byte after which zoo gives up, however often it may still try."""
    return 2.25 * timeout()


def hub_cache() -> Path:
    """The hub's cache, where huggingface_hub keeps it: a folder `models--ORGANISATION--NAME` for each repository."""
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    said = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return _path(said)


def torch_cache() -> Path:
    """Where `torch.hub` keeps the checkpoints that come by address."""
    home = os.environ.get("TORCH_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/torch"
    return _path(home) / "hub" / "checkpoints"


def _path(said: str) -> Path:
    return Path(os.path.expandvars(said)).expanduser().absolute()
