"""`zoo audit`: what a repository or a folder holds, whether zoo would load it, and why. Nothing of it is run or loaded.

Of a repository only the configurations and the headers of the weights are read; its weights need not be fetched.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2

from zoo.errors import UnsafeContent, UsageError, WeightsError, ZooError
from zoo.io.documents import check_size
from zoo.io.download import Wanted, download
from zoo.io.fetch import source_of
from zoo.io.listing import ask_listing, credentials
from zoo.io.names import is_wanted
from zoo.io.refusals import missing, refused
from zoo.io.repository import cached
from zoo.io.safety import check_complete, check_content, check_place, files_in, kind_of
from zoo.io.settings import endpoint, offline
from zoo.io.tensors import check_header, check_safetensors, header_length
from zoo.io.transport import Unreachable, client, pieces, shown

if TYPE_CHECKING:
    from zoo.io.fetch import Source
    from zoo.io.listing import Listing

_WHY = {
    "text": "read as text only",
    "pickle": "not read: a pickle can run code",
    "code": "not read: zoo runs no code of a download",
    "other": "not read: zoo reads safetensors, JSON and text",
}


@dataclass(frozen=True)
class Line:
    """One file: what it is, what zoo does with it (`reads`, `skips` or `refuses`), and why."""

    name: str
    size: int
    kind: str
    verdict: str
    why: str


@dataclass(frozen=True)
class Audit:
    """The report. `loads` says whether zoo would load it; if not, `reasons` says why not. `notes` deserve a look."""

    what: str
    commit: str
    lines: tuple[Line, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def loads(self) -> bool:
        """Whether zoo would load it."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        return {"loads": self.loads, **asdict(self)}


def audit(name: str) -> Audit:
    """Look at a folder, a file, or at what a name of `zoo fetch` stands for.

    Raises:
        Offline: a repository that is not in the cache, and no network.
        WeightsError: no such repository, or no access.
        UnsafeContent: the hub's own answer is hostile, so that nothing can be said about the repository.
        UsageError: there is nothing to look at.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "pytorch_model.bin").write_bytes(b"")
        ...     audit(folder).reasons
        ('no weights in safetensors',)
    """
    path = Path(name).expanduser()
    if path.is_dir() or path.is_file():
        return _of_folder(path)
    if path.exists():
        raise UsageError(f"{name} is neither a folder nor a file. Fix: name one.")
    source = source_of(name)
    if source.shipped:
        raise UsageError(
            f"{name} comes with zoo, and its weights are checked when it loads. There is nothing to audit."
        )
    if source.url:
        raise UsageError(f"{shown(name)} is an address. Fix: run `zoo fetch` for it and audit the file.")
    return _of_repository(source)


def _of_folder(path: Path) -> Audit:
    folder, names = (path, files_in(path)) if path.is_dir() else (path.parent, [path.name])
    lines, notes = [], []
    for name in names:
        kind, size = kind_of(name), (folder / name).lstat().st_size
        try:
            if path.is_dir():
                check_place(folder, name, _cache_of(folder))
            notes += [
                f"{name} refers to {other}, which is another repository" for other in check_content(folder / name, name)
            ]
            lines.append(Line(name, size, kind, *_passed(kind, folder / name)))
        except (UnsafeContent, WeightsError) as error:
            lines.append(_refusal(name, size, kind, error))
    try:
        if all(line.verdict != "refuses" for line in lines):
            check_complete(folder, names)
    except WeightsError as error:
        notes.append(_short(error))
        return _report(str(path), "", lines, notes, lost=_short(error))
    return _report(str(path), "", lines, notes)


def _of_repository(source: Source) -> Audit:
    what, revision = source.repository, source.revision or "main"
    if offline():
        found = cached(what, revision, source.patterns)
        if not found:
            raise missing(f"hub repository {what}", f"hf-hub:{what}")
        return _of_folder(found.folder)
    with client() as session:
        try:
            listing = ask_listing(session, what, revision)
        except Unreachable as error:
            raise missing(f"hub repository {what}", f"hf-hub:{what}", str(error).rstrip(".")) from error
        lines: list[Line] = []
        notes: list[str] = []
        for name, (size, _) in listing.files.items():
            kind = kind_of(name)
            if kind in ("weights", "configuration") and not is_wanted(name, source.patterns):
                lines.append(Line(name, size, kind, "skips", "not among the files that are loaded"))
                continue
            try:
                why = _looked_at(session, listing, name, notes)
                lines.append(Line(name, size, kind, *((why and ("reads", why)) or _passed(kind, None))))
            except (UnsafeContent, WeightsError) as error:
                lines.append(_refusal(name, size, kind, error))
    return _report(f"hf-hub:{what}", listing.commit, lines, notes)


def _looked_at(session: httpx2.Client, listing: Listing, name: str, notes: list[str]) -> str:
    """Read a configuration, or the header of weights, over the network; returns what is to say about it."""
    size, digest = listing.files[name]
    url = f"{endpoint()}/{listing.repository}/resolve/{listing.commit}/{quote(name)}"
    if kind_of(name) == "weights":
        return _stated(len(_header_of(session, url, size, name)))
    if kind_of(name) == "configuration":
        check_size(size, name)
        with tempfile.TemporaryDirectory() as folder:
            download(session, Wanted(url, name, digest, size), Path(folder, "file"), credentials())
            others = check_content(Path(folder, "file"), name)
        notes += [f"{name} refers to {other}, which is another repository" for other in others]
        return "asks for no code"
    return ""


def _header_of(session: httpx2.Client, url: str, size: int, name: str) -> dict[str, Any]:
    head, needed = bytearray(), 8
    try:
        with session.stream("GET", url, headers=credentials() | {"Accept-Encoding": "identity"}) as response:
            if response.status_code != 200:
                raise refused(response, name)
            for chunk in pieces(response, whole=True):
                head += chunk
                if len(head) >= 8:
                    needed = 8 + header_length(bytes(head[:8]), size, name)
                if len(head) >= needed:
                    break
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise Unreachable(f"{shown(url)} did not answer to the end ({type(error).__name__}).") from error
    length = header_length(bytes(head[:8]), size, name)
    return check_header(bytes(head[8 : 8 + length]), size - 8 - length, name)


def _cache_of(folder: Path) -> Path | None:
    """The cache that a snapshot's links lead into, if the folder is a snapshot of one."""
    repository = folder.absolute().parent.parent
    is_snapshot = folder.absolute().parent.name == "snapshots" and repository.name.startswith("models--")
    return repository.parent if is_snapshot else None


def _passed(kind: str, path: Path | None) -> tuple[str, str]:
    if kind == "weights" and path is not None:
        return "reads", _stated(len(check_safetensors(path)))
    if kind == "configuration":
        return "reads", "asks for no code"
    return ("reads" if kind == "text" else "skips"), _WHY.get(kind, "")


def _stated(tensors: int) -> str:
    return f"{tensors} tensors, and a header that fits"


def _refusal(name: str, size: int, kind: str, error: ZooError) -> Line:
    return Line(name, size, kind, "refuses", _short(error))


def _short(error: ZooError) -> str:
    return str(error).partition(" Fix:")[0]


def _report(what: str, commit: str, lines: list[Line], notes: list[str], lost: str = "") -> Audit:
    reasons = [line.why for line in lines if line.verdict == "refuses"]
    if lost:
        reasons.append(lost)
    if not any(line.kind == "weights" and line.verdict == "reads" for line in lines):
        reasons.append("no weights in safetensors")
    return Audit(what, commit, tuple(lines), tuple(reasons), tuple(dict.fromkeys(notes)))
