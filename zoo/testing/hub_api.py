"""The hub's answers about itself: who am I, which repositories, what is in them, and their making and removal."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from zoo.errors import UsageError
from zoo.testing.hub_site import API, OWNER, Answer, Call, Refused, Route, Site, as_json
from zoo.testing.hub_store import Entry, git_oid, pointer

if TYPE_CHECKING:
    from zoo.testing.hub_store import Commit, Repository

GITATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def whoami(site: Site, call: Call) -> Answer:
    """The account of the token."""
    role = site.role(call)
    if role is None:
        raise Refused(401, "Invalid username or password.")
    token = {"displayName": f"{role} token", "role": role}
    account = {"type": "user", "name": OWNER, "fullname": OWNER, "orgs": []}
    return as_json(account | {"auth": {"type": "access_token", "accessToken": token}})


def create(site: Site, call: Call) -> Answer:
    """A new repository, with a first commit as the real hub makes it; 409 where there is one."""
    site.writer(call)
    asked = call.json()
    kind, repo_id = _named(asked)
    url = f"{site.url}/{'' if kind == 'model' else kind + 's/'}{repo_id}"
    with site.store.lock:
        if site.store.find(kind, repo_id) is not None:
            return as_json({"error": "You already created this repo", "url": url}, status=409)
        try:
            made = site.store.create(kind, repo_id, private=_is_private(asked))
        except UsageError as error:
            raise Refused(400, str(error)) from error
        entry = site.store.entry(GITATTRIBUTES, large=False)
        site.store.commit(made, {".gitattributes": entry}, "initial commit")
    return as_json({"url": url, "name": repo_id, "id": repo_id})


def delete(site: Site, call: Call) -> Answer:
    """Remove a repository."""
    kind, repo_id = _named(call.json())
    named = Call(call.method, call.path, call.query, call.headers, b"", {"kind": f"{kind}s", "repo": repo_id})
    site.store.delete(site.repository(named, write=True))
    return as_json({})


def settings(site: Site, call: Call) -> Answer:
    """Make a repository private, public or gated."""
    repository = site.repository(call, write=True)
    asked = call.json()
    with site.store.lock:
        if "private" in asked or "visibility" in asked:
            repository.private = _is_private(asked)
        repository.gated = bool(asked.get("gated", repository.gated))
        site.store.save(repository)
    return as_json({"private": repository.private, "gated": repository.gated})


def listing(site: Site, call: Call) -> Answer:
    """The repositories that the caller may see, by search, author, task and tags."""
    role = site.role(call)
    found = []
    for repository in site.store.repositories(call.parts["kind"].removesuffix("s")):
        told = _about(site, repository, repository.find("main"), blobs=False)
        owner = repository.repo_id.partition("/")[0]
        wanted = set(parse_qs(call.query).get("filter", []))
        if (
            (role is not None or not repository.private)
            and call.asked("search").lower() in repository.repo_id.lower()
            and call.asked("author", owner) == owner
            and call.asked("pipeline_tag", str(told["pipeline_tag"])) == str(told["pipeline_tag"])
            and wanted <= set(told["tags"])
        ):
            found.append(told)
    return as_json(found[: int(call.asked("limit", "1000"))])


def info(site: Site, call: Call) -> Answer:
    """One repository at one revision."""
    repository = site.repository(call)
    commit = site.commit(repository, call.parts.get("revision") or "main")
    return as_json(_about(site, repository, commit, blobs=call.asked("blobs") != ""))


def auth_check(site: Site, call: Call) -> Answer:
    """Whether the caller may read the files."""
    site.repository(call, content=True)
    return as_json({})


def tree(site: Site, call: Call) -> Answer:
    """Files and folders, in pages."""
    repository = site.repository(call)
    commit = site.commit(repository, call.parts["revision"])
    folder = (call.parts.get("path") or "").strip("/")
    inside = f"{folder}/" if folder else ""
    below = [path for path in commit.entries if path.startswith(inside)]
    if folder and not below:
        raise Refused(404, f"{folder} does not exist on {call.parts['revision']}", "EntryNotFound")
    paths = set(below) | {folder for path in below for folder in _folders(path) if folder.startswith(inside)}
    if call.asked("recursive").lower() != "true":
        paths = {path for path in paths if "/" not in path[len(inside) :]}
    told = [_entry(repository, commit, path, call.asked("expand").lower() == "true") for path in sorted(paths)]
    start = int(call.asked("cursor", "0"))
    end = start + site.page_size
    more = {}
    if end < len(told):
        kept = "".join(f"&{name}={quote(call.asked(name))}" for name in ("recursive", "expand"))
        more["Link"] = f'<{site.url}{call.path}?cursor={end}{kept}>; rel="next"'
    return as_json(told[start:end], headers=more)


def paths_info(site: Site, call: Call) -> Answer:
    """The same for paths that are named."""
    repository = site.repository(call)
    commit = site.commit(repository, call.parts["revision"])
    form = parse_qs(call.body.decode())
    known = set(commit.entries) | {folder for path in commit.entries for folder in _folders(path)}
    asked = [path.strip("/") for path in form.get("paths", []) if path.strip("/") in known]
    return as_json([_entry(repository, commit, path, form.get("expand") == ["true"]) for path in asked])


def commits(site: Site, call: Call) -> Answer:
    """The history, newest first."""
    repository = site.repository(call)
    history = repository.history(site.commit(repository, call.parts["revision"]))
    named = [{"id": c.sha, "title": c.title, "message": c.message, "date": c.date} for c in history]
    return as_json([one | {"authors": [{"user": OWNER}]} for one in named])


def refs(site: Site, call: Call) -> Answer:
    """Branches and tags."""
    repository = site.repository(call)

    def told(kind: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in names.items()]

    kinds = {"branches": told("heads", repository.branches), "tags": told("tags", repository.tags)}
    return as_json(kinds | {"converts": [], "pullRequests": []})


def add_branch(site: Site, call: Call) -> Answer:
    """A new branch."""
    return _add_ref(site, call, "branches", call.parts["name"], call.json().get("startingPoint") or "main")


def add_tag(site: Site, call: Call) -> Answer:
    """A new tag."""
    return _add_ref(site, call, "tags", str(call.json().get("tag")), call.parts["name"])


def validate_card(site: Site, call: Call) -> Answer:
    """Only whether the metadata can be read, which is less than the real hub looks at."""
    site.role(call)
    try:
        _metadata(str(call.json().get("content")))
    except ValueError as error:
        return as_json({"errors": [{"message": str(error)}], "warnings": []}, status=400)
    return as_json({"errors": [], "warnings": []})


def _add_ref(site: Site, call: Call, kind: str, name: str, start: str) -> Answer:
    repository = site.repository(call, write=True)
    commit = site.commit(repository, start)
    with site.store.lock:
        refs = repository.branches if kind == "branches" else repository.tags
        if name in refs:
            raise Refused(409, f"Reference already exists: {name}")
        refs[name] = commit.sha
        site.store.save(repository)
    return as_json({})


def _named(asked: dict[str, Any]) -> tuple[str, str]:
    return str(asked.get("type") or "model"), f"{asked.get('organization') or OWNER}/{asked.get('name')}"


def _is_private(asked: dict[str, Any]) -> bool:
    return asked.get("visibility") == "private" or bool(asked.get("private"))


def _about(site: Site, repository: Repository, commit: Commit | None, blobs: bool) -> dict[str, Any]:
    entries = commit.entries if commit else {}
    siblings = [{"rfilename": path} | (_blob(entry) if blobs else {}) for path, entry in entries.items()]
    try:
        card = _metadata(site.store.read(entries["README.md"].sha256).decode(errors="replace"))
    except (KeyError, ValueError):
        card = {}
    library, task = card.get("library_name"), card.get("pipeline_tag")
    tags = card.get("tags")
    tags = [str(tag) for tag in (tags if isinstance(tags, list) else [])] + [str(x) for x in (library, task) if x]
    if card.get("license"):
        tags.append(f"license:{card['license']}")
    first = repository.history(commit)[-1].date if commit else None
    return {
        "_id": git_oid(repository.repo_id.encode())[:24],
        "id": repository.repo_id,
        "modelId": repository.repo_id,
        "author": repository.repo_id.partition("/")[0],
        "sha": commit.sha if commit else None,
        "lastModified": commit.date if commit else None,
        "createdAt": first,
        "private": repository.private,
        "gated": "manual" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "library_name": library,
        "pipeline_tag": task,
        "tags": list(dict.fromkeys(tags)),
        "cardData": card,
        "siblings": siblings,
        "usedStorage": sum(entry.size for entry in entries.values()),
    }


def _metadata(readme: str) -> dict[str, Any]:
    """The metadata of a card; ValueError where it cannot be read."""
    if not readme.startswith("---"):
        return {}
    import yaml  # comes with huggingface_hub

    try:
        found = yaml.safe_load(readme[3:].partition("\n---")[0])
    except yaml.YAMLError as error:
        raise ValueError(f"the metadata is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("the metadata is not a mapping")
    return found


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _blob(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"size": entry.size, "blobId": entry.oid}
    if entry.large:
        told["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": _pointer_size(entry)}
    return told


def _entry(repository: Repository, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
    """One line of a file listing."""
    entry = commit.entries.get(path)
    if entry is None:
        below = "".join(f"{p} {e.oid}\n" for p, e in commit.entries.items() if p.startswith(f"{path}/"))
        told: dict[str, Any] = {"type": "directory", "oid": git_oid(below.encode()), "size": 0, "path": path}
    else:
        told = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
        if entry.large:
            told["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": _pointer_size(entry)}
    if expand:
        last = _last_change(repository, commit, path)
        told["lastCommit"] = {"id": last.sha, "title": last.title, "date": last.date}
    return told


def _pointer_size(entry: Entry) -> int:
    return len(pointer(entry.sha256, entry.size))


def _last_change(repository: Repository, commit: Commit, path: str) -> Commit:
    def state(of: Commit) -> list[tuple[str, str]]:
        return [(p, e.oid) for p, e in of.entries.items() if p == path or p.startswith(f"{path}/")]

    history = repository.history(commit)
    for newer, older in pairwise(history):
        if state(newer) != state(older):
            return newer
    return history[-1]


ROUTES = [
    Route("GET", r"/api/whoami-v2", whoami),
    Route("POST", r"/api/repos/create", create),
    Route("DELETE", r"/api/repos/delete", delete),
    Route("POST", r"/api/validate-yaml", validate_card),
    Route("GET", r"/api/(?P<kind>models|datasets)", listing),
    Route("GET", rf"{API}/revision/(?P<revision>[^/]+)", info),
    Route("GET", rf"{API}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", tree),
    Route("POST", rf"{API}/paths-info/(?P<revision>[^/]+)", paths_info),
    Route("GET", rf"{API}/commits/(?P<revision>[^/]+)", commits),
    Route("GET", rf"{API}/refs", refs),
    Route("GET", rf"{API}/auth-check", auth_check),
    Route("PUT", rf"{API}/settings", settings),
    Route("POST", rf"{API}/branch/(?P<name>[^/]+)", add_branch),
    Route("POST", rf"{API}/tag/(?P<name>[^/]+)", add_tag),
    Route("GET", API, info),
]
