"""The way in for samples without labels: files, folders, tables, the hub and lists, for backbones of each modality.

| modality    | in a folder                  | a .txt file   | tables (.csv, .tsv, .jsonl, .parquet) | a list          |
|-------------|------------------------------|---------------|---------------------------------------|-----------------|
| vision      | images below it              |               | a column                              | PIL images      |
| speech      | clips below it               |               | a column                              | (waveform, Hz)  |
| text        | .txt files, a text each line | a text a line | a column                              | texts           |
| image-text  |                              |               | two columns                           | (image, text)   |

A folder without such files is a folder of tables; `hf-data:NAMESPACE/NAME` is a folder that is fetched from the hub.
Anything else is read by `zoo.read_data`, which wants labels.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import SUFFIXES as AUDIO
from zoo.data.folders import shown, unreadable
from zoo.data.images import DATASETS, open_image
from zoo.data.images import SUFFIXES as IMAGES
from zoo.data.labelled import LabelledData
from zoo.data.lines import text_lines
from zoo.data.raw import RawData, digest_of_files, from_labelled, from_list
from zoo.data.raw_tables import from_tables
from zoo.data.sources.read import read_data
from zoo.data.sources.samples import Opened
from zoo.data.tables import SUFFIXES as TABLES
from zoo.errors import DataError, UnknownName
from zoo.io.datasets import DATA, PARTS, fetch_dataset, parse_data_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.lines import Most

FILES: dict[str, tuple[str, ...]] = {"vision": IMAGES, "speech": AUDIO, "text": (".txt",), "image-text": ()}


def read_raw(source: Any, modality: str, *, column: str = "", most: Most = None) -> RawData:
    """All samples of a source for backbones of a modality, in a fixed order.

    Of tables that are parts only those of the train part are read. Long texts come in pieces.

    Args:
        source: see above.
        modality: `vision`, `text`, `speech` or `image-text`.
        column: of a table; two with a comma between them for pairs. Empty finds the only one of the right kind.
        most: given some of the texts, the most bytes of a piece; None cuts at one MiB.

    Raises:
        DataError: nothing to read, or a table whose column must be named.
        UnknownName: no such source or column.
        Offline, WeightsError, UnsafeContent: as `fetch_dataset` says.

    Example:
        >>> read_raw(["a text", "another"], "text").origin(1)
        'sample 1 of list'
    """
    if isinstance(source, LabelledData):
        return from_labelled(source)
    if isinstance(source, list):
        return from_list(source, modality, most)
    if not isinstance(source, (str, os.PathLike)) or str(source) in DATASETS.names():
        return from_labelled(read_data(source))
    if str(source).startswith(DATA):
        asked = parse_data_name(str(source))
        snapshot, base = fetch_dataset(str(source))
        found = _from_folder(snapshot.folder / base if base else snapshot.folder, modality, column, most, confined=True)
        told = (*found.notes, *snapshot.notes, f"{asked.repository} at commit {snapshot.commit}")
        return dataclasses.replace(found, name="/".join(filter(None, (asked.repository, asked.folder))), notes=told)
    path = Path(source).expanduser()
    if path.is_dir():
        return _from_folder(path, modality, column, most)
    if not path.is_file():
        beside = [str(each) for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownName("data", str(source), [*DATASETS.names(), *beside], "Give a folder, a file or a known name.")
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return from_tables([path], modality, column, most)
    if suffix in FILES[modality]:
        return _from_files([path], path.parent, path.name, modality, most)
    known = " ".join((*FILES[modality], *TABLES))
    raise DataError(f"{shown(path)} is no data for a backbone of {modality}. Fix: give a folder, or one of {known}.")


def _from_folder(root: Path, modality: str, column: str, most: Most, confined: bool = False) -> RawData:
    found = [] if column else _below(root, FILES[modality])
    if found:
        return _from_files(found, root, shown(root.name), modality, most)
    tables = _below(root, TABLES)
    if not tables:
        known = " ".join((*FILES[modality], *TABLES))
        raise DataError(f"{shown(root)} holds nothing for a backbone of {modality}. Fix: give a folder with {known}.")
    return dataclasses.replace(from_tables(tables, modality, column, most, root, confined), name=shown(root.name))


def _from_files(files: Sequence[Path], root: Path, name: str, modality: str, most: Most) -> RawData:
    if modality == "text":
        lines = text_lines(files, most)
        if not len(lines):
            raise DataError(f"{shown(root)} holds no text, only blank lines or none. Fix: give files with texts.")
        told = (
            [f"{lines.cut} places where lines were cut into pieces of at most {lines.most} bytes"] if lines.cut else []
        )
        told += [f"{lines.blank} blank lines are left out"] if lines.blank else []
        return RawData(name, lines, lines.digest, Opened(len(lines), lines.origin), tuple(told))
    samples: Sequence[Any] = list(files)
    if modality == "vision":
        samples = Opened(len(files), lambda at: open_image(files[at]))
    targets, classes = _classes(files, root)
    digest, notes = digest_of_files(files, root)
    return RawData(name, samples, digest, Opened(len(files), lambda at: shown(files[at])), notes, targets, classes)


def _classes(files: Sequence[Path], root: Path) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Classes, where every file lies in one of several folders that are no parts of a data set."""
    first = [path.relative_to(root).parts[0] if len(path.relative_to(root).parts) > 1 else "" for path in files]
    names = sorted(set(first))
    if len(names) < 2 or "" in names or any(name.lower() in PARTS for name in names):
        return None, ()
    places = {name: at for at, name in enumerate(names)}
    return np.array([places[name] for name in first]), tuple(shown(name) for name in names)


def _below(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files with these suffixes below a folder, in the order of their names; what begins with a dot does not count."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        named = (Path(place, name) for name in files if not name.startswith("."))
        found += [file for file in named if file.suffix.lower() in suffixes and file.is_file()]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise unreadable(error, Path(str(error.filename))) from error
