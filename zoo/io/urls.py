"""Checkpoints that come by address (torchvision, torchaudio), in the standard torch cache.

Such files are named after their content by the rule of torch.hub: `resnet18-f37072fd.pth` begins with these digits as
SHA-256. The digits are few, yet enough to see damage; a catalog may state the whole digest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from zoo.errors import Offline, UsageError, WeightsError
from zoo.io.download import Wanted, download, is_right
from zoo.io.names import check_file
from zoo.io.refusals import missing
from zoo.io.settings import offline, torch_cache
from zoo.io.transport import client, shown

if TYPE_CHECKING:
    from pathlib import Path

_STATED = re.compile(r"-([0-9a-f]{8,64})\.")


def fetch_url(url: str, digest: str = "") -> Path:
    """The file of an address: from the torch cache, else from the network. It is a file only: nothing reads it here.

    Args:
        url: http or https.
        digest: SHA-256 in hex, or the first of its digits; empty to take what the file name states.

    Raises:
        Offline: not in the cache, and no answer or HF_HUB_OFFLINE is set.
        WeightsError: the server refuses, or the bytes stay wrong.
        StoreError: the disk is full, or the cache cannot be written.
        UsageError: no such address.
    """
    name = file_name(url)
    stated = digest or stated_digest(name)
    wanted = Wanted(url, name, stated)
    path = torch_cache() / name
    try:
        right = path.is_file() and is_right(path, wanted)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Fix: check its permissions.") from error
    if right:
        return path
    if offline():
        if path.is_file():
            raise WeightsError(
                f"{path} is damaged: its SHA-256 does not begin with {stated}. Fix: run `zoo fetch {shown(url)}`."
            )
        raise missing(name, shown(url))
    with client() as session:
        try:
            download(session, wanted, path)
        except Offline as error:
            raise missing(name, shown(url), str(error).partition(" Fix:")[0].rstrip(".")) from error
    return path


def file_name(url: str) -> str:
    """What the file of an address is called in the cache: the last part of its path.

    Raises:
        UsageError: no http address, or one that names no file.
        UnsafeContent: a name that leads elsewhere.

    Example:
        >>> file_name("https://download.pytorch.org/models/resnet18-f37072fd.pth")
        'resnet18-f37072fd.pth'
    """
    parts = urlsplit(url)
    name = unquote(parts.path.rpartition("/")[2])
    if parts.scheme not in ("http", "https") or not parts.hostname or not name:
        raise UsageError(f"{shown(url)!r} is no address of a file. Fix: write https://HOST/PATH/FILE.")
    return check_file(name)


def stated_digest(name: str) -> str:
    """The digits of the SHA-256 that a file name states; empty if it states none.

    Example:
        >>> stated_digest("resnet18-f37072fd.pth"), stated_digest("model.pth")
        ('f37072fd', '')
    """
    found = _STATED.search(name)
    return found[1][:39] if found and len(found[1]) == 40 else found[1] if found else ""  # 40 would mean git's SHA-1
