"""Files in and out of the loopback hub: resolve, upload (small, LFS, LFS in parts) and commit.

Large files travel by signed URLs of a second origin, the storage, as they do on the real hub.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from math import ceil
from typing import TYPE_CHECKING, Any

from zoo.testing.hub_site import API, REPO, Answer, Call, Refused, Route, Site, as_json
from zoo.testing.hub_store import is_safe_path

if TYPE_CHECKING:
    from zoo.testing.hub_store import Commit, Entry, Repository

LARGE = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".npz", ".parquet", ".arrow", ".zip")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_JSON_LFS = "application/vnd.git-lfs+json"


def is_large(path: str, size: int, large_from: int) -> bool:
    """Whether a file is kept as a large one (LFS): by its name or its size; an empty one never is.

    Example:
        >>> is_large("model.safetensors", 8, 100), is_large("config.json", 8, 100), is_large("big.txt", 100, 100)
        (True, False, True)
    """
    return size > 0 and (path.endswith(LARGE) or size >= large_from)


def resolve(site: Site, call: Call) -> Answer:
    """A small file, or where the storage has a large one."""
    repository = site.repository(call, content=True)
    commit = site.commit(repository, call.parts["revision"])
    path = call.parts["path"]
    known = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
    entry = commit.entries.get(path)
    if entry is None:
        raise Refused(404, "Entry not found", "EntryNotFound", **known)
    if not entry.large:
        return _content(call, site.store.read(entry.sha256), known | {"ETag": f'"{entry.oid}"'})
    linked = {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    location = site.signed(site.storage_url, f"/blobs/{entry.sha256}/{repository.repo_id}/{path}")
    return Answer(302, known | linked | {"Location": location})


def preupload(site: Site, call: Call) -> Answer:
    """How each file is to be sent, and what the hub has in its place."""
    repository = site.repository(call, write=True)
    entries = site.commit(repository, call.parts["revision"]).entries
    told = []
    for file in _objects(call, "files"):
        path = str(file.get("path"))
        mode = "lfs" if is_large(path, int(file.get("size", 0)), site.large_from) else "regular"
        # The real hub names the sha256 of a large file here, which is what the client compares with.
        known = entries.get(path)
        oid = None if known is None else known.sha256 if known.large else known.oid
        told.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return as_json({"files": told})


def batch(site: Site, call: Call) -> Answer:
    """Where to send large files; those that the hub has need not be sent again."""
    repository = site.repository(call, write=True)
    told = []
    for asked in _objects(call, "objects"):
        oid, size = str(asked.get("oid")), int(asked.get("size", 0))
        if not _SHA256.fullmatch(oid):
            raise Refused(400, "an oid is not a sha256")
        one: dict[str, Any] = {"oid": oid, "size": size}
        if site.store.size(oid) is None:
            verify = {"href": f"{site.url}/{_prefix(repository)}{repository.repo_id}.git/info/lfs/verify"}
            one["actions"] = {"upload": _upload(site, oid, size), "verify": verify}
        told.append(one)
    return as_json({"transfer": "basic", "objects": told}, headers={"Content-Type": _JSON_LFS})


def _upload(site: Site, oid: str, size: int) -> dict[str, Any]:
    """Where to send one large file: at once, or in parts and then a word that all are sent."""
    if size <= site.chunk_size:
        return {"href": site.signed(site.storage_url, f"/uploads/{oid}")}
    count = ceil(size / site.chunk_size)
    header = {str(n): site.signed(site.storage_url, f"/uploads/{oid}/{n}") for n in range(1, count + 1)}
    href = site.signed(site.url, f"/api/complete_multipart/{oid}")
    return {"href": href, "header": header | {"chunk_size": str(site.chunk_size)}}


def complete(site: Site, call: Call) -> Answer:
    """Join the parts of a large file."""
    site.check_signature(call)
    oid = call.parts["oid"]
    listed = [(int(part["partNumber"]), str(part["etag"]).strip('"')) for part in _objects(call, "parts")]
    with site.lock:
        sent = dict(site.parts.get(oid, {}))
    if [number for number, _ in listed] != sorted(sent):
        raise Refused(400, f"the parts {[n for n, _ in listed]} were named, and {sorted(sent)} were sent")
    if any(_part_etag(sent[number]) != etag for number, etag in listed):
        raise Refused(400, "the ETag of a part is not that of what was sent")
    _keep(site, oid, b"".join(sent[number] for number in sorted(sent)))
    with site.lock:
        site.parts.pop(oid, None)
    return as_json({"success": True})


def verify(site: Site, call: Call) -> Answer:
    """Whether a large file has arrived."""
    site.repository(call, write=True)
    asked = call.json()
    if site.store.size(str(asked.get("oid"))) != asked.get("size"):
        raise Refused(404, "no content of this digest and size was uploaded")
    return as_json({})


def commit(site: Site, call: Call) -> Answer:
    """Apply a commit, sent as a JSON object a line: a header, then files to add and to remove."""
    repository = site.repository(call, write=True)
    branch = call.parts["revision"]
    if call.asked("create_pr"):
        raise Refused(400, "pull requests are not kept here")
    header, changes = _changes(site, call.body)
    with site.store.lock:
        if branch not in repository.branches:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        if not repository.branches[branch].startswith(str(header.get("parentCommit") or "")):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        _check_removals(site.commit(repository, branch), changes)
        title, message = str(header.get("summary") or ""), str(header.get("description") or "")
        made = site.store.commit(repository, changes, title, message, branch)
    url = f"{site.url}/{_prefix(repository)}{repository.repo_id}/commit/{made.sha}"
    return as_json({"success": True, "commitOid": made.sha, "commitUrl": url, "hookOutput": ""})


def _changes(site: Site, body: bytes) -> tuple[dict[str, Any], dict[str, Entry | None]]:
    header: dict[str, Any] = {}
    changes: dict[str, Entry | None] = {}
    for line in body.splitlines():
        try:
            item = json.loads(line)
            key, value = item["key"], dict(item["value"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(400, "a line of the commit is not an operation") from error
        if key == "header":
            header = value
            continue
        path = str(value.get("path"))
        if not is_safe_path(path.rstrip("/")) or path.split("/")[0] == ".git":
            raise Refused(400, f"the path {path!r} is not one inside the repository")
        if key in ("deletedFile", "deletedFolder"):
            changes[path.rstrip("/")] = None
        elif key == "file":
            changes[path] = site.store.entry(_decoded(value), large=False)
        elif key == "lfsFile":
            changes[path] = site.store.large_entry(str(value.get("oid")))
            if changes[path] is None:
                raise Refused(400, f"the content of {path!r} was not uploaded")
        else:
            raise Refused(400, f"unknown operation {key!r}")
    return header, changes


def _check_removals(head: Commit, changes: dict[str, Entry | None]) -> None:
    """A file that is not there cannot be removed."""
    for path in (path for path, entry in changes.items() if entry is None):
        if not any(name == path or name.startswith(f"{path}/") for name in head.entries):
            raise Refused(404, f"{path!r} does not exist, so it cannot be removed", "EntryNotFound")


def _decoded(value: dict[str, Any]) -> bytes:
    content = str(value.get("content", ""))
    if value.get("encoding") != "base64":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise Refused(400, "a file of the commit is not base64") from error


def blob(site: Site, call: Call) -> Answer:
    """The storage: the content of a large file."""
    site.check_signature(call)
    sha256 = call.parts["oid"]
    return _content(call, site.store.read(sha256), {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"})


def receive(site: Site, call: Call) -> Answer:
    """The storage: a large file in one piece, or a part of one."""
    site.check_signature(call)
    oid, number = call.parts["oid"], call.parts.get("part")
    if number is None:
        _keep(site, oid, call.body)
    else:
        with site.lock:
            site.parts.setdefault(oid, {})[int(number)] = call.body
    return Answer(200, {"ETag": f'"{_part_etag(call.body)}"'})


def _keep(site: Site, oid: str, data: bytes) -> None:
    if hashlib.sha256(data).hexdigest() != oid:
        raise Refused(400, "what was sent does not have the digest that was named")
    site.store.put(data)


def _part_etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _content(call: Call, data: bytes, headers: dict[str, str]) -> Answer:
    """A file or the range of it that was asked for."""
    headers = headers | {"Content-Type": "application/octet-stream"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Answer(200, headers, data)
    first, last = asked.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else len(data), len(data))
    else:
        start, end = max(len(data) - int(last), 0), len(data)
    if start >= end:
        raise Refused(416, "the range is outside of the file", **{"Content-Range": f"bytes */{len(data)}"})
    return Answer(206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}, data[start:end])


def _objects(call: Call, name: str) -> list[dict[str, Any]]:
    found = call.json().get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Refused(400, f"{name!r} is not a list of objects")
    return found


def _prefix(repository: Repository) -> str:
    return "" if repository.kind == "model" else f"{repository.kind}s/"


_PLAIN = rf"/(?:(?P<kind>datasets)/)?{REPO}"
ROUTES = [
    Route("POST", rf"{API}/preupload/(?P<revision>[^/]+)", preupload),
    Route("POST", rf"{API}/commit/(?P<revision>[^/]+)", commit),
    Route("POST", r"/api/complete_multipart/(?P<oid>[0-9a-f]{64})", complete),
    Route("POST", rf"{_PLAIN}/info/lfs/objects/batch", batch),
    Route("POST", rf"{_PLAIN}/info/lfs/verify", verify),
    Route("GET", rf"{_PLAIN}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]
STORAGE_ROUTES = [
    Route("GET", r"/blobs/(?P<oid>[0-9a-f]{64})/.*", blob),
    Route("PUT", r"/uploads/(?P<oid>[0-9a-f]{64})(?:/(?P<part>\d+))?", receive),
]
