"""Where a collection is stored: a folder with one store a member, or one packed store a member.

    runs/pocket/
      collection.json      the collection that all stores belong to
      problems.json        why members could not run, by suite; renewed by every run
      digits/              a result store, as a suite on its own has it
      areas.jsonl          or a packed one

Standard library only: printing a stored report must not import torch.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from zoo.benchmarking.collection import Collection, Member
from zoo.benchmarking.lines import differences, from_line, to_line
from zoo.benchmarking.store import SUITE_FILE, Store, pack
from zoo.errors import StoreError
from zoo.io.atomic import explained, replace

COLLECTION_FILE = "collection.json"
PROBLEMS_FILE = "problems.json"


@dataclass(frozen=True)
class Held:
    """What a folder holds of a member: its store (None: nothing yet), and why it could not run ("": it could)."""

    member: Member
    store: Path | None
    problem: str = ""


def is_collection_store(path: str | Path) -> bool:
    """Whether a collection is stored in this folder.

    Example:
        >>> is_collection_store("no/such/folder")
        False
    """
    return (Path(path) / COLLECTION_FILE).is_file()


def open_collection(folder: str | Path, collection: Collection) -> None:
    """Make the folder for `collection`, or open the one that is there if it holds the same collection.

    A folder that holds another collection and no row of it takes the new one.

    Raises:
        StoreError: the folder holds rows of another collection, a suite on its own, or cannot be written.
    """
    folder = Path(folder)
    if (folder / SUITE_FILE).exists():
        raise StoreError(
            f"{folder} is the store of a single suite. Fix: give the collection another folder with --out."
        )
    if is_collection_store(folder):
        stored, held = read_collection(folder)
        differing = differences(stored.to_json(), Collection.from_json(collection.to_json()).to_json())
        if differing and any(_has_rows(entry.store) for entry in held):
            raise StoreError(
                f"{folder} holds the results of another collection: {'; '.join(differing)}. "
                "Fix: give this run another folder with --out; what is stored stays as it is."
            )
        if not differing:
            return
    with explained(f"the collection {folder} cannot be created"):
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / COLLECTION_FILE, to_line(collection))


def read_collection(folder: str | Path) -> tuple[Collection, list[Held]]:
    """The collection of a folder, and what there is of each member.

    Raises:
        StoreError: no collection there, or its files are damaged.

    Example:
        >>> read_collection("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        StoreError: no/such/folder/collection.json cannot be read
    """
    folder = Path(folder)
    try:
        collection = from_line(Collection, (folder / COLLECTION_FILE).read_bytes())
        problems = _problems(folder)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder / COLLECTION_FILE} cannot be read: {error} Fix: give the --out folder of a collection, or run it "
            "again into this folder after moving the damaged file away; all rows are kept."
        ) from error
    return collection, [
        Held(member, _place(folder, member.suite), problems.get(member.suite, "")) for member in collection.members
    ]


def store_to_run(folder: str | Path, suite: str) -> Store:
    """The store that a run writes a member's rows into; it need not be there yet.

    Raises:
        StoreError: the rows of the member are packed: a run would start from nothing, and hide them.

    Example:
        >>> store_to_run("runs/pocket", "digits").folder.as_posix()
        'runs/pocket/digits'
    """
    place = _place(Path(folder), suite)
    if place is not None and place.is_file():
        raise StoreError(
            f"{place} holds packed rows of {suite}, to which a run cannot add. Fix: give this run another folder with "
            f"--out; `zoo report {folder}` prints what is stored."
        )
    return Store(Path(folder) / suite)


def write_problems(folder: str | Path, problems: dict[str, str]) -> None:
    """Keep why members could not run; with none, an earlier file goes.

    Raises:
        StoreError: the folder cannot be written.
    """
    path = Path(folder) / PROBLEMS_FILE
    with explained(f"{path} cannot be written"):
        if problems:
            replace(path, (json.dumps(problems, ensure_ascii=False, sort_keys=True) + "\n").encode())
        else:
            path.unlink(missing_ok=True)


def pack_collection(folder: str | Path, out: str | Path) -> list[Path]:
    """Pack every member's store into `out`, one .jsonl file each, which `zoo report` reads like the folder itself.

    Raises:
        StoreError: no collection in `folder`, a damaged row, `out` holds something else, or it cannot be written.
    """
    collection, held = read_collection(folder)
    out = Path(out)
    open_collection(out, collection)
    written = [out / COLLECTION_FILE]
    for entry in held:
        if entry.store is None:
            continue
        file = out / f"{entry.member.suite}.jsonl"
        if entry.store.is_file():
            with explained(f"{file} cannot be written"):
                shutil.copyfile(entry.store, file)
        else:
            pack(entry.store, file)
        written.append(file)
    write_problems(out, {entry.member.suite: entry.problem for entry in held if entry.problem})
    return written


def _place(folder: Path, name: str) -> Path | None:
    """The store of a member: a folder goes before a packed file, as it is what a run goes on with."""
    if (folder / name / SUITE_FILE).is_file():
        return folder / name
    packed = folder / f"{name}.jsonl"
    return packed if packed.is_file() else None


def _has_rows(store: Path | None) -> bool:
    return store is not None and (store.is_file() or bool(Store(store).keys() | Store(store).failed()))


def _problems(folder: Path) -> dict[str, str]:
    path = folder / PROBLEMS_FILE
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(said, dict):
        raise ValueError(f"{path} must hold an object.")
    return {str(name): str(reason) for name, reason in said.items()}
