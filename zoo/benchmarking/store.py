"""The result store: an append-only folder with one file a row, which can be killed at any moment.

    results/digits/
      suite.json                     the suite that all rows belong to, written once
      rows/<key>.json                a finished cell
      rows/<key>.failed-<n>.json     the n-th failed attempt at a cell

A row appears under its name whole or not at all, and is never changed afterwards. A failed attempt has a name of its
own, so that the cell stays visible as failed and can still be finished later: a finished row takes precedence, and
earlier failures stay on record. Each file is one line of canonical JSON, so a packed store (`pack`) is `suite.json` and
the rows one after the other, one a line. Standard library only: printing a stored report must not import torch.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from zoo.benchmarking.suite import Suite
from zoo.errors import InvalidRecord, StoreError, nearest
from zoo.specs import Record, Result, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE_FILE = "suite.json"
_ROW_NAME = re.compile(r"([0-9a-f]{20})(?:\.failed-([1-9][0-9]*))?\.json")
_FINISHED = sys.maxsize  # sorts a finished row behind every failed attempt at the same cell
_STALE_SECONDS = 600  # a row is written in milliseconds, so an older temporary file has lost its writer
_LINKS_DO_NOT_WORK = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}

R = TypeVar("R", bound=Record)


class Store:
    """A store in `folder`. Making one touches no file; `create` makes the folder, everything else needs it.

    Safe for many processes at once, also on several machines that share the folder.

    Example:
        >>> import tempfile
        >>> from zoo.benchmarking.suite import load_suite
        >>> from zoo.specs import Result, RunSpec
        >>> run = RunSpec("digits", "1", "digits", "", "S", "S", "pocket/resnet10", "", 5, 0, "final", {"lr": 0.1})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store(folder)
        ...     store.create(load_suite("digits"))
        ...     store.write(Result(run, {"status": "failed", "reason": "out of memory"}))
        ...     store.keys(), store.failed() == {run.key()}
        ...     store.write(Result(run, {"status": "ok", "score": 91.5})), store.write(Result(run, {"status": "ok"}))
        ...     [row.result["score"] for row in store.rows()]
        True
        (set(), True)
        (True, False)
        [91.5]
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._rows = self.folder / "rows"

    def create(self, suite: Suite) -> None:
        """Make the store for `suite`, or open the one that is there if it holds the same suite.

        Raises:
            StoreError: the folder holds another suite, or cannot be written.
        """
        path = self.folder / SUITE_FILE
        with _explained(f"the store {self.folder} cannot be created"):
            self._rows.mkdir(parents=True, exist_ok=True)
            if not path.exists() and _publish(_line(suite), path):
                return
        for folder in (self.folder, self._rows):
            _sweep(folder)
        if differing := _differences(self.suite().to_json(), Suite.from_json(suite.to_json()).to_json()):
            raise StoreError(
                f"{self.folder} holds the results of another suite: {'; '.join(differing)}. "
                "Fix: give this run another folder with --out; what is stored stays as it is."
            )

    def suite(self) -> Suite:
        """The suite of this store.

        Raises:
            StoreError: no store there, or `suite.json` is damaged.
        """
        path = self.folder / SUITE_FILE
        try:
            return _parse(Suite, path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise _no_store(self.folder) from None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path} cannot be read: {error} Fix: move that one file away and run again with the same suite, "
                "which writes it anew; all rows are kept."
            ) from error

    def write(self, result: Result) -> bool:
        """Store one row, durably (synced to disk). Returns whether this call stored it.

        A finished row is never replaced: False, and the stored bytes stay, whatever `result` holds. A failed row is
        stored beside earlier failures of its cell, and not at all (False) once the cell is finished.

        Raises:
            InvalidRecord: the row holds NaN or something else that is not JSON, or its status is neither ok nor failed.
            StoreError: no store there, a read-only folder, a full disk. Nothing is left under the row's name.
        """
        data = _line(result)
        finished = self._rows / f"{result.key}.json"
        with _explained(f"row {result.key} cannot be stored in {self._rows}"):
            if finished.exists():
                return False
            if result.ok:
                return _publish(data, finished)
            attempt = 1 + max((number for key, number, _ in self._files() if key == result.key), default=0)
            while not _publish(data, self._rows / f"{result.key}.failed-{attempt}.json"):
                attempt += 1  # another process has just stored its own failure
            return True

    def keys(self) -> set[str]:
        """The keys of all finished cells, from the file names alone. Raises StoreError: no store there."""
        return {key for key, attempt, _ in self._files() if attempt == _FINISHED}

    def failed(self) -> set[str]:
        """The keys of the cells that have failed and are not finished. Raises StoreError: no store there."""
        latest = {key: attempt for key, attempt, _ in self._files()}
        return {key for key, attempt in latest.items() if attempt != _FINISHED}

    def rows(self) -> list[Result]:
        """One row a cell, sorted by key: the finished one, else the latest failure.

        Raises:
            StoreError: no store there, or a damaged row; the message names the file and the fix.
        """
        for path in self._strays():
            if path.suffix == ".json":
                raise _damaged(path, "its name is not that of a row (<key>.json or <key>.failed-<n>.json).")
        latest = {key: path for key, _, path in self._files()}
        return [_read_row(path) for path in latest.values()]

    def get(self, key: str) -> Result | None:
        """The row that `rows()` would give for `key`, or None. Raises StoreError: no store there, or a damaged row."""
        attempts = [path for name, _, path in self._files() if name == key]
        return _read_row(attempts[-1]) if attempts else None

    def attempts(self) -> list[Result]:
        """Every stored row, earlier failures included, by key and then oldest first. Raises as `rows()` does."""
        return [_read_row(path) for _, _, path in self._files()]

    def check(self) -> list[str]:
        """Everything that is wrong with this store, one message each; an empty list if nothing is."""
        problems = []
        try:
            problems += [f"{path} is not a row and is ignored." for path in self._strays()]
            self.suite()
        except StoreError as error:
            problems.append(str(error))
        for _, _, path in self._files() if self._rows.is_dir() else []:
            try:
                _read_row(path)
            except StoreError as error:
                problems.append(str(error))
        return problems

    def _files(self) -> list[tuple[str, int, Path]]:
        """(key, attempt, path) of every row, sorted; a finished row comes last of its key."""
        named = ((_ROW_NAME.fullmatch(path.name), path) for path in self._listing())
        return sorted((name[1], int(name[2] or _FINISHED), path) for name, path in named if name)

    def _strays(self) -> list[Path]:
        """Files among the rows that are none; names with a leading dot are temporary files of zoo or of a system."""
        return sorted(path for path in self._listing() if path.name[0] != "." and not _ROW_NAME.fullmatch(path.name))

    def _listing(self) -> list[Path]:
        try:
            return list(self._rows.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            raise _no_store(self.folder) from None
        except OSError as error:
            raise StoreError(f"{self._rows} cannot be listed: {error}.") from error


def read_suite(source: str | Path) -> Suite:
    """The suite of a store folder or of a packed store. Raises StoreError: neither is there, or it is damaged."""
    return _unpack(Path(source))[0] if Path(source).is_file() else Store(source).suite()


def read_rows(source: str | Path) -> list[Result]:
    """The rows of a store folder or of a packed store, as `Store.rows` gives them.

    Raises:
        StoreError: neither is there, or a row is damaged.

    Example:
        >>> read_rows("no/such/folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        StoreError: no/such/folder is not a result store: nothing is there.
    """
    path = Path(source)
    if path.is_file():
        return [row for _, row in sorted({row.key: row for row in _unpack(path)[1]}.items())]
    store = Store(path)
    store.suite()
    return store.rows()


def pack(folder: str | Path, file: str | Path) -> None:
    """Write a whole store, failed attempts included, into one `.jsonl` file: the suite, then one row a line.

    The same store gives the same bytes. An earlier pack under this name is replaced, at once or not at all.

    Raises:
        StoreError: no store in `folder`, a damaged row, or `file` cannot be written or is something else.
    """
    store, file = Store(folder), Path(file)
    data = b"".join([_line(store.suite()), *map(_line, store.attempts())])
    if file.exists():
        _unpack(file)  # refuses to replace what is not a pack
    temporary = _temporary(file)
    with _explained(f"the packed store {file} cannot be written"):
        try:
            _write_synced(data, temporary)
            temporary.replace(file)
        finally:
            _remove(temporary)
        _sync_folder(file.parent)


def _unpack(path: Path) -> tuple[Suite, list[Result]]:
    number, rows, finished = 1, [], set()
    try:
        first, *lines = path.read_bytes().splitlines() or [b""]
        suite = _parse(Suite, first)
        for number, line in enumerate(lines, 2):  # noqa: B007  # the handler below names the line
            rows.append(row := _parse(Result, line))
            if row.key in finished:
                raise InvalidRecord(f"row {row.key} comes again after it was finished.")
            finished |= {row.key} if row.ok else set()
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} is not a packed store: line {number}: {error} Fix: pack the store folder again, into a new file."
        ) from error
    return suite, rows


def _read_row(path: Path) -> Result:
    try:
        row = _parse(Result, path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if row.key != path.name[:20]:
        raise _damaged(path, f"its content belongs to key {row.key}, so its name or its content was changed.")
    if row.ok != (path.name == f"{row.key}.json"):
        raise _damaged(path, f"its status {row.result['status']!r} does not go with its name.")
    return row


def _damaged(path: Path, problem: str) -> StoreError:
    return StoreError(
        f"{path} is damaged: {problem} Fix: move that one file out of {path.parent} and run again; "
        "only its cell is computed again, all other rows are kept."
    )


def _line(record: Record) -> bytes:
    """The record as one line: sorted keys, so that equal records have equal bytes."""
    if isinstance(record, Result):
        _check_status(record)
    try:
        return f"{canonical(record.to_json())}\n".encode()
    except (TypeError, ValueError) as error:
        bad = [f"{at} = {_short(leaf)}" for at, leaf in _leaves(record.to_json()) if not _is_json(leaf)]
        raise InvalidRecord(
            f"this {type(record).__name__} cannot be stored, because it is not JSON ({error}): {', '.join(bad[:5])}. "
            "Fix: store plain numbers, and a cell without a finite score as a failed one."
        ) from error


def _parse(cls: type[R], data: bytes) -> R:
    """A record from its line. Raises ValueError (InvalidRecord, or what the JSON parser raises)."""
    try:
        record = cls.from_json(json.loads(data, parse_constant=_refuse_constant))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(f"it is not JSON ({error}; {len(data)} bytes).") from error
    if isinstance(record, Result):
        _check_status(record)
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"it holds {name}, which is not JSON.")


def _check_status(result: Result) -> None:
    if (status := result.result.get("status")) not in ("ok", "failed"):
        raise InvalidRecord(f"result.status must be 'ok' or 'failed', received {status!r}.")


def _is_json(leaf: object) -> bool:
    try:
        canonical(leaf).encode()
    except (TypeError, ValueError):
        return False
    return True


def _leaves(data: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every single value within JSON data: `("arms[0].id", "S")`."""
    if isinstance(data, dict) and data:
        for name, value in data.items():
            yield from _leaves(value, f"{at}.{name}".lstrip("."))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _leaves(value, f"{at}[{index}]")
    else:
        yield at, data


def _differences(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    old, new = dict(_leaves(stored)), dict(_leaves(asked))
    absent = object()
    paths = [at for at in {**old, **new} if old.get(at, absent) != new.get(at, absent)]
    said = [f"{at} is {_short(old.get(at, '-'))} there and {_short(new.get(at, '-'))} here" for at in paths[:5]]
    return said + ([f"and {len(paths) - 5} more"] if len(paths) > 5 else [])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _publish(data: bytes, final: Path) -> bool:
    """Give `final` this content unless the name is taken: whole or not at all, durably. Returns whether it did."""
    for last in (False, True):
        temporary = _temporary(final)
        try:
            _write_synced(data, temporary)
            _link(temporary, final)
        except FileExistsError:
            return False
        except FileNotFoundError:  # the folder is gone; or this process slept and `_sweep` took it for a dead one
            if last:
                raise
            continue
        finally:
            _remove(temporary)
        break
    _sync_folder(final.parent)
    return True


def _temporary(final: Path) -> Path:
    return final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _write_synced(data: bytes, path: Path) -> None:
    with path.open("xb") as file:  # not tempfile: it would make the row readable by its owner only
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(temporary: Path, final: Path) -> None:
    """Name the finished file. A hard link fails if the name is taken, which a rename does not."""
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno not in _LINKS_DO_NOT_WORK:
            raise
        # exFAT and some network folders. Between these two lines another process may finish the same cell: then the
        # later of two whole rows stays.
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
        temporary.rename(final)


def _sync_folder(folder: Path) -> None:
    """Make a new name durable, where the system can sync a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


def _sweep(folder: Path) -> None:
    """Remove what killed writers left. A living writer that loses its file this way writes it again."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*.json.*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn a system error into a StoreError that says what to do."""
    try:
        yield
    except OSError as error:
        fix = "check the folder"
        if error.errno in _FULL:
            fix = "the disk (or the quota) is full: free some space"
        elif error.errno in _READ_ONLY:
            fix = "the folder cannot be written: choose another one with --out, or change its permissions"
        elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
            fix = "a store is a folder made by Store(folder).create(suite): choose a folder with --out"
        raise StoreError(
            f"{what}: {error.strerror or error}. Fix: {fix}, then run again; all rows stored so far are kept."
        ) from error


def _no_store(path: Path) -> StoreError:
    """What is at `path` instead of a store, and the stores around it."""
    found = "nothing is there"
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        found = f"it holds {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else "it is empty"
    elif path.exists():
        found = "it is a file"
    place = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    stores: dict[str, str] = {}
    for folder in (place, place.absolute().parent):
        with contextlib.suppress(OSError):
            near = [entry for entry in (folder, *folder.iterdir()) if (entry / SUITE_FILE).is_file()]
            stores |= {entry.absolute().name: str(entry) for entry in near}
    best = nearest(path.absolute().name, stores) or sorted(stores)[:3]
    hint = f"Nearest stores: {', '.join(stores[name] for name in best)}." if best else "No store is near it."
    return StoreError(
        f"{path} is not a result store: {found}, and a store has {SUITE_FILE} and rows/. {hint} "
        "Fix: give the folder that a benchmark run wrote (--out), or a packed .jsonl file."
    )
