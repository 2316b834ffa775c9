"""The result store: an append-only folder with one file a row, which can be killed at any moment.

    results/digits/
      suite.json                     the suite that all rows belong to, fixed from the first row on
      rows/<key>.json                a finished cell
      rows/<key>.failed-<n>.json     the n-th failed attempt at a cell

A row appears under its name whole or not at all, and is never changed afterwards. A failed attempt has a name of its
own, so that the cell stays visible as failed and can still be finished later: a finished row takes precedence, and
earlier failures stay on record. Each file is one line of canonical JSON, so a packed store (`pack`) is `suite.json` and
the rows one after the other, one a line. Standard library only: printing a stored report must not import torch.
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

from zoo.benchmarking.lines import differences, from_line, to_line
from zoo.benchmarking.suite import Suite
from zoo.errors import InvalidRecord, StoreError, nearest
from zoo.io.atomic import explained, publish, replace, sweep
from zoo.specs import Result

SUITE_FILE = "suite.json"
_ROW_NAME = re.compile(r"([0-9a-f]{20})(?:\.failed-([1-9][0-9]*))?\.json")
_FINISHED = sys.maxsize  # sorts a finished row behind every failed attempt at the same cell


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

        A store that holds another suite and no row, not even a failed one, takes the new suite: nothing is lost.

        Raises:
            StoreError: the folder holds rows of another suite, or cannot be written.
        """
        path = self.folder / SUITE_FILE
        with explained(f"the store {self.folder} cannot be created"):
            self._rows.mkdir(parents=True, exist_ok=True)
            if not path.exists() and publish(path, to_line(suite)):
                return
        for folder in (self.folder, self._rows):
            sweep(folder)
        if differing := differences(self.suite().to_json(), Suite.from_json(suite.to_json()).to_json()):
            if not self._files() and not self._strays():  # a stray may be a row that was renamed
                with explained(f"{path} cannot be replaced"):
                    replace(path, to_line(suite))
                return
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
            return from_line(Suite, path.read_bytes())
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
        data = to_line(result)
        finished = self._rows / f"{result.key}.json"
        with explained(f"row {result.key} cannot be stored in {self._rows}"):
            if not self._rows.is_dir():
                raise _no_store(self.folder)
            if finished.exists():
                return False
            if result.ok:
                return publish(finished, data)
            attempt = 1 + max((number for key, number, _ in self._files() if key == result.key), default=0)
            while not publish(self._rows / f"{result.key}.failed-{attempt}.json", data):
                attempt += 1  # another process has just stored its own failure
            return True

    def keys(self) -> set[str]:
        """The keys of all finished cells, from the file names alone. Raises StoreError: no store there."""
        return {key for key, attempt, _ in self._files() if attempt == _FINISHED}

    def failed(self) -> set[str]:
        """The keys of the cells that have failed and are not finished. Raises StoreError: no store there."""
        return set(self.failures())

    def failures(self) -> dict[str, int]:
        """How often each cell has failed that is not finished: its key and the number of its last attempt.

        Raises:
            StoreError: no store there.
        """
        latest = {key: attempt for key, attempt, _ in self._files()}
        return {key: attempt for key, attempt in latest.items() if attempt != _FINISHED}

    def tried(self, key: str, since: int = 0) -> bool:
        """Whether the cell is finished, or has failed again after its attempt number `since`; looks at two names."""
        names = (f"{key}.json", f"{key}.failed-{since + 1}.json")
        return any((self._rows / name).exists() for name in names)

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

    def attempts(self) -> list[Result]:
        """Every stored row, earlier failures included, by key and then oldest first. Raises as `rows()` does."""
        return [_read_row(path) for _, _, path in self._files()]

    def examine(self) -> tuple[list[Result], list[str]]:
        """The rows that can be read, as `rows()` gives them, and everything that is wrong, one message each.

        Raises StoreError: no store there.
        """
        problems = [f"{path} is not a row and is ignored." for path in self._strays()]
        latest: dict[str, Result] = {}
        for key, _, path in self._files():
            try:
                latest[key] = _read_row(path)
            except StoreError as error:
                latest.pop(key, None)  # an earlier attempt does not stand for a later one that cannot be read
                problems.append(str(error))
        return list(latest.values()), problems

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
    data = b"".join([to_line(store.suite()), *map(to_line, store.attempts())])
    if file.exists():
        _unpack(file)  # refuses to replace what is not a pack
    with explained(f"the packed store {file} cannot be written"):
        replace(file, data)


def _unpack(path: Path) -> tuple[Suite, list[Result]]:
    number, rows, finished = 1, [], set()
    try:
        first, *lines = path.read_bytes().splitlines() or [b""]
        suite = from_line(Suite, first)
        for number, line in enumerate(lines, 2):  # noqa: B007  # the handler below names the line
            rows.append(row := from_line(Result, line))
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
        row = from_line(Result, path.read_bytes())
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
        "Fix: give the folder that a benchmark run wrote (--out) or Store(folder).create(suite) made, or a packed file."
    )
