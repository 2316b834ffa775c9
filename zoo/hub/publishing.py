"""`zoo.publish`: a model as a repository of the hub that its own library loads, with a card, in one commit."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import WeightsError
from zoo.hub.push import look, push
from zoo.hub.remote import check_owned, remote
from zoo.hub.results import stage_results
from zoo.hub.staging import stage
from zoo.io.transport import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.hub.push import Pushed
    from zoo.hub.staging import Staged
    from zoo.training.fitted import FittedModel

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

    Example:
        >>> publish("runs/photos", "me/photos", dry_run=True).library                      # doctest: +SKIP
        'timm'
        >>> publish("runs/photos", "me/photos", evidence="runs/bench").commit              # doctest: +SKIP
        '0c5a61fbd1e0c3e4a4a4be8cb6c4d4f4b5d6e7f8'
    """
    tell = say or _on_stderr
    for name in (repository, *([f"{repository}{ROWS}"] if results else [])):
        check_owned(name)
    if out and Path(out).expanduser().exists():
        raise WeightsError(f"{out} is there already, and it is left as it is. Fix: choose another folder for --out.")
    place = None if dry_run else remote(repository)
    rows_place = None if dry_run or not results else remote(f"{repository}{ROWS}", "dataset")
    for each in filter(None, (place, rows_place)):
        look(each, public=public)  # what would refuse in the end refuses before the work
    with tempfile.TemporaryDirectory(prefix="zoo-publish-") as temporary:
        folder = Path(out).expanduser() if out else Path(temporary, "staged")
        tell(f"exporting, and running it without zoo in {'a temporary folder' if not out else folder}")
        try:
            made = stage(model, folder, repository, licence=licence, evidence=evidence, merge=merge)
            if results:
                stage_results(results, Path(temporary, "rows"), f"{repository}{ROWS}", licence)
            if place is None:
                return _told(made, repository, None, None, public)
            tell(f"sending {len(made.files)} files, {sum(made.files.values()) / 1e6:.1f} MB, to {shown(place.url)}")
            done = push(folder, place, public=public)
        except BaseException:  # so that the same command can be run again
            shutil.rmtree(folder, ignore_errors=True)
            raise
        rows = None
        if rows_place is not None:
            tell(f"{repository} holds the model (commit {done.commit}); sending the rows to {shown(rows_place.url)}")
            rows = push(Path(temporary, "rows"), rows_place, public=public, title="Publish rows with zoo")
        return _told(made, repository, done, rows, public)


def _told(made: Staged, repository: str, done: Pushed | None, rows: Pushed | None, public: bool) -> Published:
    return Published(
        repository=repository,
        commit=done.commit if done else "",
        url=done.url if done else "",
        private=not public,
        changed=done.changed if done else False,
        library=made.exported.library,
        licence=made.licence.name or made.licence.identifier,
        files=made.files,
        card=made.card,
        notes=(*made.notes, *(done.notes if done else ())),
        rows=rows,
    )


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
