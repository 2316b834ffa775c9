"""`zoo.publish`: a model as a repository of the hub that its own library loads, with a card, in one commit."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.store import read_suite
from zoo.errors import Offline, WeightsError
from zoo.hub.push import look, push
from zoo.hub.remote import check_owned, remote
from zoo.hub.results import stage_results
from zoo.hub.staging import stage
from zoo.io.atomic import explained
from zoo.io.transport import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.hub.push import Pushed
    from zoo.hub.staging import Staged
    from zoo.training.fitted import FittedModel

OFFLINE = "HF_HUB_OFFLINE"
ROWS = "-results"  # follows the model's name in that of its rows


@dataclass(frozen=True)
class Published:
    """What was published where. Of a dry run `commit` and `url` are empty.

    `files` gives the size in bytes of each file, `card` the text of the card, `rows` the data set of `results`.
    """

    repository: str
    commit: str
    url: str
    private: bool
    changed: bool
    library: str
    licence: str
    files: dict[str, int]
    card: str
    notes: tuple[str, ...] = ()
    rows: Pushed | None = None


def publish(
    model: FittedModel | str | Path,
    repository: str,
    *,
    public: bool = False,
    licence: str = "",
    evidence: str | Path = "",
    results: str | Path = "",
    merge: bool = True,
    dry_run: bool = False,
    out: str | Path | None = None,
    say: Callable[[str], None] | None = None,
) -> Published:
    """Publish a fitted model, or a backbone that `zoo pretrain` made, and compare what the hub then holds.

    It is exported for its own library, run there without zoo, described from stored records, sent in one commit on top
    of the one that was looked at, and compared file by file. A re-run completes what was interrupted.

    Args:
        model: the model, or its folder.
        repository: `OWNER/NAME`.
        public: everybody may see it; otherwise only its owner.
        licence: an identifier of the hub, where the base's is not simply carried over.
        evidence: a store of `zoo bench` in which its backbone was compared; a section of the card tells it.
        results: a store whose rows are published as the data set `OWNER/NAME-results`.
        merge: of a model that `lora` fitted: False publishes the adapter alone.
        dry_run: make the folder and the card, and touch no network.
        out: keeps the folder that was published; it must not be there, and is not there if anything failed.
        say: is told each step; None writes them to stderr.

    Raises:
        PublishError: a licence that cannot be; something that gives the person or the machine away; a repository that
            is somebody else's, or was changed meanwhile; a hub that refuses.
        WeightsError: the library alone gives other outputs than zoo; or `out` is taken.
        Offline: the hub does not answer.
        UsageError: no `OWNER/NAME`, or no token.
        StoreError: no store where `evidence` or `results` says.

    Example:
        >>> publish("runs/photos", "me/photos", dry_run=True).library                      # doctest: +SKIP
        'timm'
        >>> publish("runs/photos", "me/photos", evidence="runs/bench").commit              # doctest: +SKIP
        '0c5a61fbd1e0c3e4a4a4be8cb6c4d4f4b5d6e7f8'
    """
    tell = say or _on_stderr
    for name in (repository, *([f"{repository}{ROWS}"] if results else [])):
        check_owned(name)
    kept = Path(out).expanduser() if out else None
    if kept:
        _check_free(kept)
    for store in (evidence, results):
        if store:
            read_suite(store)  # what is no store is told before the work
    place = None if dry_run else remote(repository)
    rows_place = None if dry_run or not results else remote(f"{repository}{ROWS}", "dataset")
    for each in filter(None, (place, rows_place)):
        look(each, public=public)  # what would refuse in the end refuses before the work
    with explained(f"{out} cannot be written"):
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=".zoo-publish-", dir=kept.parent if kept else None)
    with work as temporary, _without_network() if dry_run else nullcontext():
        folder, rows_folder, done, rows = Path(temporary, "staged"), Path(temporary, "rows"), None, None
        tell("exporting, and running it without zoo")
        made = stage(model, folder, repository, licence=licence, evidence=evidence, merge=merge)
        files = made.files
        if results:
            stage_results(results, rows_folder, f"{repository}{ROWS}", licence)
        if place:
            tell(f"sending {len(files)} files, {sum(files.values()) / 1e6:.1f} MB, to {shown(place.url)}")
            done = push(folder, place, public=public)
        if done and rows_place:
            tell(f"{repository} holds the model (commit {done.commit}); sending the rows to {shown(rows_place.url)}")
            rows = push(rows_folder, rows_place, public=public, title="Publish rows with zoo")
        if kept:  # last, so that after any failure the same command can be run again
            _check_free(kept)
            with explained(f"{out} cannot be written"):
                folder.rename(kept)
    return _told(made, files, repository, done, rows, public)


@contextmanager
def _without_network() -> Iterator[None]:
    """Nothing is asked of a hub within the block: what is on this machine must do.

    Raises:
        Offline: it does not.
    """
    before = os.environ.get(OFFLINE)
    os.environ[OFFLINE] = "1"
    try:
        yield
    except Offline as error:
        raise Offline(f"a dry run asks no hub, and not all that is needed is on this machine. {error}") from error
    finally:
        os.environ.pop(OFFLINE)
        if before is not None:
            os.environ[OFFLINE] = before


def _check_free(folder: Path) -> None:
    """Refuse a folder that is there, also as a link to nowhere."""
    if os.path.lexists(folder):
        raise WeightsError(f"{folder} is there already, and it is left as it is. Fix: choose another folder for --out.")


def _told(
    made: Staged, files: dict[str, int], repository: str, done: Pushed | None, rows: Pushed | None, public: bool
) -> Published:
    return Published(
        repository=repository,
        commit=done.commit if done else "",
        url=done.url if done else "",
        private=done.private if done else not public,
        changed=done.changed if done else False,
        library=made.exported.library,
        licence=made.licence.name or made.licence.identifier,
        files=files,
        card=made.card,
        notes=(*made.notes, *(done.notes if done else ()), *(rows.notes if rows else ())),
        rows=rows,
    )


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
