"""Names that strangers choose: repositories, revisions, files, digests. One that could lead elsewhere is refused.

Every name that becomes part of a path on this machine passes through here first. Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from zoo.errors import UnsafeContent, UsageError

_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}


def check_repository(name: str) -> str:
    """The name of a repository, if it is one.

    Raises:
        UsageError: it is none.

    Example:
        >>> check_repository("timm/resnet18.a1_in1k")
        'timm/resnet18.a1_in1k'
    """
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        raise UsageError(
            f"{name!r} names no hub repository. Fix: write ORGANISATION/NAME, such as timm/resnet18.a1_in1k."
        )
    return name


def check_revision(name: str) -> str:
    """A branch, a tag or a commit, if it may be one.

    Raises:
        UsageError: it cannot be.
    """
    if not _REVISION.fullmatch(name) or ".." in name or len(name) > 200:
        raise UsageError(
            f"{name!r} names no revision. Fix: write a commit (40 hex digits), a branch such as main, or a tag."
        )
    return name


def is_commit(name: str) -> bool:
    """Whether it is the full name of a commit, which never changes."""
    return _COMMIT.fullmatch(name) is not None


def is_digest(name: str) -> bool:
    """Whether it is a digest in hex: SHA-256 (64 digits), or git's SHA-1 of a blob (40 digits)."""
    return _DIGEST.fullmatch(name) is not None


def check_file(name: object) -> str:
    """The name of a file in a repository, with slashes between its parts, if it stays inside of its folder everywhere.

    Raises:
        UnsafeContent: it leads out of its folder, or is no file name on some system.

    Example:
        >>> check_file("onnx/model.safetensors")
        'onnx/model.safetensors'
        >>> check_file("../../.bashrc")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        UnsafeContent: the file name '../../.bashrc' leads out of its folder ...
    """
    if not isinstance(name, str):
        raise UnsafeContent(f"a file name must be text, received {type(name).__name__}. {_FIX}")
    shown = repr(name[:80])
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise UnsafeContent(f"the file name {shown} holds control characters. {_FIX}")
    parts = name.split("/")
    if not name or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise UnsafeContent(f"the file name {shown} leads out of its folder, or is none. {_FIX}")
    if len(name.encode()) > 1000 or any(len(part.encode()) > 200 for part in parts):
        raise UnsafeContent(f"the file name {shown} is too long ({len(name)} characters). {_FIX}")
    if any(part.split(".")[0].lower() in _RESERVED or part.endswith((" ", ".")) for part in parts):
        raise UnsafeContent(f"the file name {shown} means something else on some systems. {_FIX}")
    return name


def is_wanted(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns names the file. A `*` stands for anything but a slash.

    Example:
        >>> is_wanted("model.safetensors", ("*.safetensors",)), is_wanted("onnx/model.safetensors", ("*.safetensors",))
        (True, False)
    """
    path = PurePosixPath(name)
    return any(len(PurePosixPath(pattern).parts) == len(path.parts) and path.match(pattern) for pattern in patterns)


def is_exact(pattern: str) -> bool:
    """Whether the pattern names one file, which must then be there."""
    return not any(character in pattern for character in "*?[")


_FIX = "Fix: do not use this repository; tell its owner."
