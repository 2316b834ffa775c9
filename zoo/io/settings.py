"""What the environment says about where bytes come from and are kept. Read at each call; standard library only.

| variable | what it sets |
|---|---|
| `HF_ENDPOINT` | the hub (default: https://huggingface.co) |
| `HF_TOKEN`, `HF_TOKEN_PATH` | the token, or the file that holds it |
| `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | 1: no request is made, to a hub or to any other address |
| `HF_HUB_CACHE`, `HF_HOME` | the hub's cache |
| `TORCH_HOME` | torch's cache, for files that come by address |
| `ZOO_TIMEOUT` | seconds that a server may stay silent (default: 8) |
| `ZOO_FEATURES` | where extracted features are kept (default: ~/.cache/zoo/features); `off`: nowhere |
| `ZOO_FEATURES_GB` | how much of them is kept at most, in GB of 10^9 bytes (default: 10) |
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from zoo.errors import UsageError

TIMEOUT = 8.0  # seconds of silence: what follows from them stays below half a minute
FEATURES_GB = 10.0
_TRUE = {"1", "on", "yes", "true"}
_FALSE = {"0", "off", "no", "false"}


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


def features_cache() -> Path | None:
    """Where extracted features are kept; None where nothing is to be kept (`ZOO_FEATURES=off`)."""
    said = os.environ.get("ZOO_FEATURES") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/zoo/features"
    return None if said.lower() in _FALSE else _path(said)


def features_limit() -> int:
    """How many bytes of extracted features are kept.

    Raises:
        UsageError: ZOO_FEATURES_GB is no number above 0.
    """
    said = os.environ.get("ZOO_FEATURES_GB") or str(FEATURES_GB)
    try:
        gigabytes = float(said)
    except ValueError:
        gigabytes = 0.0
    if not 0 < gigabytes < float("inf"):
        raise UsageError(
            f"ZOO_FEATURES_GB is {said!r}. Fix: set it to a number of GB above 0, such as 10, or unset it; "
            "ZOO_FEATURES=off keeps nothing."
        )
    return int(gigabytes * 1e9)


def _path(said: str) -> Path:
    return Path(os.path.expandvars(said)).expanduser().absolute()
