"""Hub repositories, pinned to a commit, in the standard cache: other tools find what zoo fetched, and the reverse.

huggingface_hub itself names a file after a header of the answer, and checks its size but no digest. Here the hub is
first asked what the repository holds; then each file comes by `download` under the digest that was stated, passes its
gate, and is linked last. See docs/decisions/0008-one-way-for-bytes.md.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from zoo.errors import Offline, UnsafeContent, UsageError, WeightsError
from zoo.io.digests import file_digest
from zoo.io.documents import check_size
from zoo.io.download import Wanted, download
from zoo.io.listing import Listing, ask_listing, credentials
from zoo.io.names import check_repository, check_revision, is_commit, is_digest, is_exact, is_wanted
from zoo.io.refusals import disk_explained, missing
from zoo.io.safety import check_content, check_folder, check_place, files_in, kind_of
from zoo.io.settings import endpoint, hub_cache, offline
from zoo.io.transport import client

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import httpx2

# What the loaders of all providers read. A `*` does not cross a slash: folders such as onnx/ stay where they are.
PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "1_Pooling/*.json")


@dataclass(frozen=True)
class Snapshot:
    """A repository at a commit, on this machine. All of `folder` has passed the gates; `files` gives their digests."""

    repository: str
    commit: str
    folder: Path
    files: dict[str, str]
    notes: tuple[str, ...] = ()


def fetch_repository(
    repository: str,
    revision: str = "",
    patterns: tuple[str, ...] = PATTERNS,
    *,
    allow_pickle: str = "",
    kind: str = "model",
) -> Snapshot:
    """The files of a repository that match the patterns: from the cache, else from the hub.

    Hand the `folder` of the result to upstream libraries and never a repository's name, which they would fetch again.

    Args:
        repository: `ORGANISATION/NAME`.
        revision: a commit, a branch or a tag; empty for the main branch.
        patterns: names of files; one without a wildcard must be there.
        allow_pickle: the exact name of one pickle to fetch as well. Read it with `weights_only=True`.
        kind: `model`, or `dataset`: then files may be larger than any configuration, since no loader of models sees
            them, and pickles and code are refused by name.

    Raises:
        Offline: not in the cache, and the hub does not answer or HF_HUB_OFFLINE is set.
        WeightsError: no such repository, revision or file, no access, or bytes that stay wrong.
        UnsafeContent: a file that could run code or write elsewhere.
        StoreError: the disk is full, or the cache cannot be written.
    """
    check_repository(repository)
    revision = check_revision(revision or "main")
    if allow_pickle:
        if kind_of(allow_pickle) != "pickle" or not is_exact(allow_pickle):
            raise UsageError(
                f"allow_pickle={allow_pickle!r} names no pickle. Fix: name one file, such as pytorch_model.bin."
            )
        patterns = (*patterns, allow_pickle)
    pinned = is_commit(revision) and all(is_exact(pattern) for pattern in patterns)
    if pinned or offline():
        found = cached(repository, revision, patterns, damaged_is_missing=not offline(), kind=kind)
        if found:
            return found
    if offline():
        raise missing(f"{_files(patterns)} of {_at(repository, revision)}", _fetch(repository, revision, kind))
    with client() as session:
        try:
            listing = ask_listing(session, repository, revision, kind)
        except Offline as error:
            found = cached(repository, revision, patterns, kind=kind)
            if not found:
                raise missing(
                    f"{_files(patterns)} of {_at(repository, revision)}",
                    _fetch(repository, revision, kind),
                    _why(error),
                ) from error
            note = f"{repository}: the hub does not answer; using commit {found.commit[:12]} from the cache"
            print(note, file=sys.stderr, flush=True)
            return Snapshot(repository, found.commit, found.folder, found.files, (note,))
        return _bring(session, listing, revision, patterns, kind)


def cached(
    repository: str,
    revision: str,
    patterns: tuple[str, ...] = PATTERNS,
    *,
    damaged_is_missing: bool = False,
    kind: str = "model",
) -> Snapshot | None:
    """What the cache has of it, with every digest checked; None if a file, or all, is missing there.

    Raises:
        WeightsError: a file is damaged (unless `damaged_is_missing`).
        UnsafeContent: a file that is refused.
    """
    store = _store(repository, kind)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        commit = revision if is_commit(revision) else (store / "refs" / revision).read_text(encoding="utf-8").strip()
        folder = store / "snapshots" / commit
        if not is_commit(commit) or not folder.is_dir():
            return None
        names = [name for name in files_in(folder) if is_wanted(name, patterns) and (folder / name).is_file()]
        if not names or any(pattern not in names for pattern in patterns if is_exact(pattern)):
            return None
        files = {name: _stated_digest(folder / name) for name in names}
        wrong = [name for name, digest in files.items() if digest and file_digest(folder / name, digest) != digest]
        if wrong and damaged_is_missing:
            return None
        if wrong:
            raise WeightsError(
                f"damaged in the cache: {', '.join(wrong[:3])} of {repository}; its digest is not what the hub stated. "
                f"Fix: run `zoo fetch {_fetch(repository, revision, kind)}` on a connected machine, to have it again."
            )
        _check(folder, files, kind)
        return Snapshot(repository, commit, folder, files)
    return None


def _bring(session: httpx2.Client, listing: Listing, revision: str, patterns: tuple[str, ...], kind: str) -> Snapshot:
    """Fetch, check and link what is wanted: small files first, so that a hostile one is met before the large ones."""
    repository, commit = listing.repository, listing.commit
    absent = [pattern for pattern in patterns if is_exact(pattern) and pattern not in listing.files]
    wanted = {name: entry for name, entry in listing.files.items() if is_wanted(name, patterns)}
    if kind == "dataset" and (absent or not wanted):
        raise WeightsError(
            f"hub data set {repository} has no {_files(tuple(absent) or patterns)}. Fix: check the name and revision."
        )
    if absent or not wanted:
        raise WeightsError(
            f"hub repository {repository} has no {_files(tuple(absent) or patterns)}, and zoo reads no pickles unless "
            f"one is named. Fix: choose another one; `zoo audit hf-hub:{repository}` shows what it holds."
        )
    for name, (size, _) in wanted.items():
        if kind == "dataset" and kind_of(name) in ("pickle", "code", "weights"):
            raise UnsafeContent(f"{name} is no data that zoo reads. Fix: ask for tables, images, sound or text.")
        if kind == "model" and kind_of(name) == "configuration":
            check_size(size, name)
    site = endpoint() + ("/datasets" if kind == "dataset" else "")
    store = _store(repository, kind)
    folder = store / "snapshots" / commit
    for name, (size, digest) in sorted(wanted.items(), key=lambda item: (kind_of(item[0]) == "weights", item)):
        url = f"{site}/{repository}/resolve/{commit}/{quote(name)}"
        blob = store / "blobs" / digest
        download(session, Wanted(url, f"{name} of {repository}", digest, size), blob, credentials())
        if kind == "model":
            check_content(blob, name)
    for name, (_, digest) in wanted.items():  # when all are here: a snapshot without weights would look whole offline
        with disk_explained(f"{name} of {repository}", store):
            _link(store / "blobs" / digest, folder / name)
    if not is_commit(revision):
        with disk_explained(f"the revision of {repository}", store):
            _write(store / "refs" / revision, commit)
    _check(folder, wanted, kind)
    return Snapshot(repository, commit, folder, {name: digest for name, (_, digest) in wanted.items()})


def _check(folder: Path, names: Iterable[str], kind: str) -> None:
    """What loaders may see: all of a model's folder; of a data set, the files that were asked for."""
    if kind == "model":
        check_folder(folder, inside=hub_cache())
        return
    for name in names:
        check_place(folder, name, inside=hub_cache())


def _store(repository: str, kind: str) -> Path:
    return hub_cache() / f"{kind}s--{repository.replace('/', '--')}"


def _stated_digest(path: Path) -> str:
    """What the hub stated, which the cache keeps as the name of the blob; empty where it has copies, not links."""
    name = os.path.basename(os.readlink(path)) if path.is_symlink() else ""  # noqa: PTH115, PTH119 - text is enough
    return name if is_digest(name) else ""


def _link(blob: Path, pointer: Path) -> None:
    """Point from the snapshot to the blob, in place of whatever is there. Where there are no links, copy."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    goal = os.path.relpath(blob, pointer.parent)
    if pointer.is_symlink() and os.readlink(pointer) == goal:  # noqa: PTH115
        return
    temporary = pointer.with_name(f"{pointer.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            temporary.symlink_to(goal)
        except (NotImplementedError, PermissionError):
            shutil.copyfile(blob, temporary)
        temporary.replace(pointer)
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _files(patterns: tuple[str, ...]) -> str:
    shown = [re.sub(r"\[(.)\]$", r"\1", pattern) for pattern in patterns[:3]]  # optional files are written `nam[e]`
    return ", ".join(shown) + (", ..." if len(patterns) > 3 else "")


def _at(repository: str, revision: str) -> str:
    return f"hub repository {repository} ({revision[:12]})"


def _fetch(repository: str, revision: str, kind: str = "model") -> str:
    return f"{'hf-data' if kind == 'dataset' else 'hf-hub'}:{repository}" + (
        f"@{revision}" if revision != "main" else ""
    )


def _why(error: Offline) -> str:
    return str(error).partition(" Fix:")[0].rstrip(".")
