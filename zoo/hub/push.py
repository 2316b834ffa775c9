"""A folder into a repository of the hub, in one commit on top of the commit that was looked at: all of it, or nothing.

A dropped answer, a server that is busy and another publisher are told apart by looking at the repository again: its
digests say whether the commit was made. So nobody's work is written over without a word, and a re-run completes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError

from zoo.errors import Offline, PublishError
from zoo.hub.remote import HARMLESS, RECORD, Remote, State, explained, passing, same
from zoo.io.digests import file_digest
from zoo.io.safety import files_in
from zoo.io.transport import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    _T = TypeVar("_T")

CARD, IGNORE = "README.md", ".gitignore"
TRIES = 4  # of each step, beside what the client itself repeats
_TROUBLE = (HfHubHTTPError, httpx2.HTTPError, Offline)


@dataclass(frozen=True)
class Pushed:
    """What a push did: the `commit` that holds exactly the folder's files, and notes on what was met.

    `changed` is False where the repository held all of it already; `deleted` are files of an earlier publication.
    """

    repository: str
    commit: str
    url: str
    private: bool
    changed: bool
    deleted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def push(
    folder: Path,
    place: Remote,
    *,
    public: bool = False,
    title: str = "Publish with zoo",
) -> Pushed:
    """Make the repository hold the files of a folder, whose `zoo.json` tells its own from a stranger's.

    The repository is made private, filled by one commit, compared, and made public last. Files that an earlier
    `zoo.json` names and the folder lacks are deleted in the same commit; others that somebody added stay.

    Args:
        folder: all of its files are sent.
        place: where to.
        public: whether everybody may see it.
        title: of the commit.

    Raises:
        PublishError: the repository is not zoo's, was changed by somebody else meanwhile, or is public already; the hub
            refuses; or its bytes are others in the end.
        Offline: the hub does not answer.

    Source:
        https://huggingface.co/docs/huggingface_hub/package_reference/hf_api: `create_commit(parent_commit=...)`.
    """
    files = {name: file_digest(folder / name, "0" * 64) for name in files_in(folder)}
    before, old, card = look(place, public=public)
    looked = before is not None
    if before is None:
        make = partial(place.api.create_repo, place.repository, repo_type=place.kind, private=True, exist_ok=True)
        _tried(place, make, "Nothing was sent.")
        before = _tried(place, place.state, "Nothing was sent.")
    if before is None:
        raise PublishError(
            f"{place.repository} can be neither made nor seen: somebody's private repository may bear this name. "
            "Nothing was sent. Fix: check the name, and that the token may read there."
        )
    _check_place(place, before, public=public)
    elsewhere = [name for name in before.files if name not in HARMLESS]
    if not looked and elsewhere and same(folder, files, before):
        raise PublishError(
            f"{place.repository} was made meanwhile by somebody else (commit {before.commit[:12]}). Nothing was "
            "written over. Fix: look at it, then run it again to publish on top of it."
        )
    notes: list[str] = []
    stood = before.files.get(CARD, (0, ""))[1]
    if stood and stood != card and CARD in same(folder, files, before):
        how = "changed by hand" if card else "written by hand"
        notes.append(f"the card of {place.repository} was {how}; commit {before.commit[:12]} keeps that one")
    replaced = [name for name in same(folder, files, before) if _by_hand(name, before, old)]
    notes += [f"{name} was put there by hand; commit {before.commit[:12]} keeps that one" for name in replaced]
    gone = sorted(name for name in old if name in before.files and name not in files and name != RECORD)
    after, changed = before, bool(same(folder, files, before) or gone)
    if changed:
        after = _commit(folder, place, files, gone, before, title, public=public)
        if before.commit != after.commit:
            notes += [f"deleted {name}, which is no part of it any more" for name in gone]
    if wrong := same(folder, files, after):
        raise PublishError(
            f"commit {after.commit[:12]} of {place.repository} holds other bytes of {', '.join(wrong[:3])} than were "
            "sent. Fix: look at it there, and run it again."
        )
    if public and after.private:
        show = partial(place.api.update_repo_settings, place.repository, repo_type=place.kind, private=False)
        _tried(place, show, f"It holds all of it (commit {after.commit[:12]}), and is still private.")
    private = not public and after.private
    if not public and not private:
        notes.append(f"{place.repository} was made public meanwhile, and not by zoo: everybody can see it")
    return Pushed(place.repository, after.commit, shown(place.url), private, changed, tuple(gone), tuple(notes))


def look(place: Remote, *, public: bool) -> tuple[State | None, dict[str, Any], str]:
    """What is there (None: nothing), the files of an earlier publication with their SHA-256, its card's digest.

    Raises:
        PublishError: the repository holds files and no `zoo.json`, so it is somebody's own work; it is public, and
            `public` is not meant; it has a `.gitignore`; or the hub refuses the token.
        Offline: the hub does not answer.
    """
    state = _tried(place, place.state, "Nothing was sent.")
    if state is None:
        return None, {}, ""
    _check_place(place, state, public=public)
    return state, *_published(place, state)


def _check_place(place: Remote, state: State, *, public: bool) -> None:
    """Refuse a repository in which a commit would be seen by too many, or could lack files."""
    if not public and not state.private:
        raise PublishError(
            f"{place.repository} is public, and --public was not given. Nothing was sent. Fix: add --public, or make "
            "it private there."
        )
    if IGNORE in state.files:
        raise PublishError(
            f"{place.repository} has a {IGNORE}, by which the hub leaves files out of a commit without a word. Nothing "
            f"was sent. Fix: delete {IGNORE} there, and run it again."
        )


def _by_hand(name: str, state: State, old: dict[str, Any]) -> bool:
    """Whether a file there is none of the earlier publication, as far as the hub's digests tell."""
    if name in (CARD, RECORD) or name not in state.files:
        return False
    digest = state.files[name][1]
    return name not in old or (len(digest) == 64 and digest != old[name])


def _commit(
    folder: Path, place: Remote, files: dict[str, str], gone: list[str], before: State, title: str, *, public: bool
) -> State:
    """One commit on top of `before`, or of what somebody made of it who touched none of these files."""
    head, moved = before, False
    for attempt in range(TRIES):
        stays = f"It holds what it held before (commit {head.commit[:12]})."
        add = [CommitOperationAdd(name, folder / name) for name in files]  # anew: the client marks what it has used
        delete = [CommitOperationDelete(name) for name in gone]
        trouble: Exception | None = None
        made = ""
        try:
            made = place.api.create_commit(
                place.repository, [*add, *delete], commit_message=title, repo_type=place.kind, parent_commit=head.commit
            ).oid
        except (*_TROUBLE, ValueError, RuntimeError, OSError) as error:  # the last three: of the client and of xet
            trouble = _root(error)
        look_again = partial(place.state, made)  # at this commit: another may stand on top of it already
        now = _tried(place, look_again, stays if made else f"Whether it holds the commit is not known. {stays}")
        if now is None:
            raise PublishError(f"{place.repository} was deleted meanwhile. Fix: run it again, which makes it anew.")
        if not same(folder, files, now) and not set(gone) & set(now.files):
            return now  # ours, also where its answer was lost, or somebody else's who sent the same
        if trouble is None:
            return now  # the caller says what is wrong with it
        _check_place(place, now, public=public)
        if now.commit != head.commit:
            touched = {name for name in {*now.files, *head.files} if now.files.get(name) != head.files.get(name)}
            if moved or touched & {*files, *gone}:
                raise PublishError(
                    f"{place.repository} was changed meanwhile by somebody else: commit {now.commit[:12]} stands there "
                    f"now, with other {', '.join(sorted(touched)[:3])}. Nothing was written over. "
                    "Fix: look at it, then run it again to publish on top of it."
                )
            head, moved = now, True
        elif not passing(trouble) or attempt == TRIES - 1:
            raise explained(trouble, place, stays) from trouble
        else:
            time.sleep(0.5 * 2**attempt)
    raise PublishError(f"{place.repository} changes faster than it can be written. Fix: run it again later.")


def _root(error: Exception) -> Exception:
    """What the client wrapped, where it says only that a file could not be uploaded."""
    while type(error) is RuntimeError and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _published(place: Remote, state: State) -> tuple[dict[str, Any], str]:
    """The files of an earlier publication with their SHA-256, and the digest of its card.

    Raises:
        PublishError: the repository holds files and no `zoo.json`: it is somebody's own work.
    """
    said = _tried(place, lambda: place.published(state), "Nothing was sent.")
    foreign = [name for name in state.files if name not in HARMLESS]
    if foreign and not said:
        raise PublishError(
            f"{place.repository} holds files that zoo did not publish ({', '.join(foreign[:3])}). Nothing was sent. "
            "Fix: choose another name, or delete that repository."
        )
    files, about = said.get("files", {}), said.get("published")
    card = about.get("card") if isinstance(about, dict) else ""
    return files, card if isinstance(card, str) else ""


def _tried(place: Remote, call: Callable[[], _T], stays: str) -> _T:
    """The result of a call, made again while that may help."""
    for attempt in range(TRIES):
        try:
            return call()
        except _TROUBLE as error:
            if not passing(error) or attempt == TRIES - 1:
                raise explained(error, place, stays) from error
        time.sleep(0.5 * 2**attempt)
    raise AssertionError("the last try returns or raises")
