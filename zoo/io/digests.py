"""Digests of files, in the two forms that a hub states: SHA-256, and git's SHA-1 of a blob. Standard library only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 1 << 20  # bytes read at once


def digest_like(expected: str, size: int) -> Any:
    """An empty hash of the form that `expected` has, for a file of `size` bytes (git's form begins with the size).

    Example:
        >>> hashed = digest_like("e" * 40, size=5)
        >>> hashed.update(b"hello"); hashed.hexdigest()
        'b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0'
    """
    if len(expected) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def file_digest(path: Path, like: str) -> str:
    """The digest of a file, in the form that `like` has.

    Raises:
        OSError: the file cannot be read.
    """
    hashed = digest_like(like, path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hashed.update(chunk)
    digest: str = hashed.hexdigest()
    return digest
