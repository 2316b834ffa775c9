"""What lies in a folder: classes in sub-folders, parts of these, tables, or what `datasets` saved."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import SUFFIXES as AUDIO
from zoo.data.folders import Files, Folder, Opener, check_classes, class_folder, content_digest, folder_notes, shown
from zoo.data.folders import unreadable as _unreadable
from zoo.data.images import SUFFIXES as IMAGES
from zoo.data.images import image_folder, open_image
from zoo.data.labelled import PARTS, LabelledData
from zoo.data.sources.labelled_table import from_table
from zoo.data.sources.parts import joined, only_part, part_of
from zoo.data.sources.samples import file_bytes, rates_note
from zoo.data.tables import SUFFIXES as TABLES
from zoo.data.tables import Table, read_table, text_of
from zoo.errors import DataError, UsageError
from zoo.io.datasets import PARTS as WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = {
    "image": Files("image", IMAGES, open_image, "convert images among them to PNG or JPEG"),
    "audio": Files("clip", AUDIO, str, "convert sound among them to WAV or FLAC", "audio"),
    "text": Files("text", (".txt",), text_of, "save texts among them as .txt", "text"),
}
LAYOUTS = (
    "CLASS/file, train/CLASS/file and test/CLASS/file, or a table (CSV, TSV, JSONL, Parquet) with a column of labels"
)
_SHARD = re.compile(r"(.*?)[-_.]?\d+([-_]of[-_]\d+)?")


def read_folder(
    root: Path,
    *,
    inputs: str = "",
    answer: str = "",
    roles: Mapping[str, str | Sequence[str]] | None = None,
    split: str = "",
    confined: bool = False,
) -> LabelledData:
    """Labelled data in a folder.

    | layout                                             | becomes                                                   |
    |----------------------------------------------------|-----------------------------------------------------------|
    | `CLASS/**/file`                                    | classes; images, else audio, else .txt files of UTF-8     |
    | `train/CLASS/**/file`, also validation or test     | the same with parts                                       |
    | train.csv, test.csv; train/0.parquet ...           | tables with parts                                         |
    | one table, or one in numbered pieces               | a table; its paths start in the folder                    |
    | dataset_info.json or dataset_dict.json             | what `datasets` saved by `save_to_disk`                   |

    Beside images or audio, .txt files are not read, and a note counts them.

    Raises:
        DataError: no labels, nothing to read, or several layouts at once.
        UsageError: `roles` or `answer` for a folder that has no columns.
    """
    if any((root / name).is_file() for name in ("dataset_dict.json", "state.json")):
        from zoo.data.sources.libraries import from_disk

        return from_disk(root, confined=confined, inputs=inputs, answer=answer, roles=roles, split=split)
    options: dict[str, Any] = {"inputs": inputs, "answer": answer, "roles": roles, "split": split}
    folders = _folders(root)
    tables = _tables(root)
    if tables:
        table = _one_table(root, tables, confined)
        if len([folder for folder in folders if _counted(folder)]) < 2 or _names_files(table, root):
            return from_table(table, **options, name=shown(root.name))
        raise DataError(
            f"{shown(root)} holds class folders and the table {tables[0].name}, which does not name their files. "
            "Fix: give the path of the table, or move it away."
        )
    if roles:
        raise UsageError(f"{shown(root)} has no table, so roles={dict(roles)} name nothing. Fix: leave roles out.")
    if answer not in ("", "classification"):
        raise UsageError(f"class folders are classification, not {answer}. Fix: leave answer out, or write a table.")
    return only_part(_classes(root, folders, inputs), split)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise _unreadable(error, root) from error


def _classes(root: Path, folders: Sequence[Path], inputs: str) -> LabelledData:
    kind = KINDS[_choice(root, inputs)]
    filled = [folder for folder in folders if _counted(folder)]
    named = [folder for folder in filled if folder.name.lower() in WORDS]
    if named == filled and any(part_of(folder.name) == "train" for folder in named):
        data = _in_parts(root, named, kind)
    elif not folders:
        raise DataError(
            f"{shown(root)} holds {kind.noun}s and no labels. Fix: use one of the known layouts: {LAYOUTS}."
        )
    else:
        data = image_folder(root) if kind.inputs == "image" else class_folder(root, kind)
    if kind.inputs == "audio":
        from zoo.data.audio import rate_of

        rates = Counter(rate_of(file_bytes(Path(path))) for path in data.samples)
        data = dataclasses.replace(data, notes=(*data.notes, *rates_note(rates)))
    if kind.inputs == "text":
        bare = sum(not text.strip() for text in data.samples)
        note = f"{bare} of {len(data)} texts are empty; they are samples as all others"
        data = dataclasses.replace(data, notes=(*data.notes, note)) if bare else data
    return data


def _choice(root: Path, inputs: str) -> str:
    """Which kind of files is read."""
    counted = _counted(root)
    if inputs:
        if not counted[inputs]:
            raise DataError(f"{shown(root)} holds no files of {inputs}. Fix: leave inputs out, or check the folder.")
        return inputs
    media = [kind for kind in ("image", "audio") if counted[kind]]
    if len(media) == 2:
        raise DataError(
            f"{shown(root)} holds {counted['image']} images and {counted['audio']} clips. "
            "Fix: inputs='image' or inputs='audio'."
        )
    if not media and not counted["text"]:
        raise DataError(f"{shown(root)} holds nothing that zoo reads as data. Fix: use one of: {LAYOUTS}.")
    return media[0] if media else "text"


def _counted(folder: Path) -> Counter[str]:
    """How many files of each kind lie below a folder."""
    found: Counter[str] = Counter()
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        suffixes = Counter(Path(place, name).suffix.lower() for name in files if not name.startswith("."))
        for suffix, count in suffixes.items():
            found.update({kind: count for kind, files in KINDS.items() if suffix in files.suffixes})
    return found


def _raise(error: OSError) -> None:
    raise _unreadable(error, Path(str(error.filename)))


def _in_parts(root: Path, named: Sequence[Path], kind: Files) -> LabelledData:
    """`root/PART/CLASS/**/file`; two folders of one part (val and dev) are refused."""
    by_part = {part_of(folder.name): folder for folder in named}
    if len(by_part) < len(named):
        raise DataError(
            f"{shown(root)} has two folders of one part: {', '.join(f.name for f in named)}. Fix: join them."
        )
    found: list[tuple[str, Folder]] = []
    strays: list[Path] = []
    for part in (part for part in PARTS if part in by_part):
        try:
            entries = sorted(path for path in by_part[part].iterdir() if not path.name.startswith("."))
            found += [(part, Folder(path, kind.suffixes)) for path in entries if path.is_dir()]
        except OSError as error:
            raise _unreadable(error, root) from error
        strays += [path for path in entries if not path.is_dir()]
        if not any(part == of and folder.files for of, folder in found):
            raise DataError(
                f"{shown(by_part[part])} holds no class folders, so its {kind.noun}s have no labels. "
                f"Fix: use one of the known layouts: {LAYOUTS}."
            )
    names = sorted({folder.path.name for _, folder in found})
    whole = {name: [folder for _, folder in found if folder.path.name == name] for name in names}
    check_classes(root, [max(each, key=lambda folder: len(folder.files)) for each in whole.values()], kind)
    files = [(part, names.index(folder.path.name), path) for part, folder in found for path in folder.files]
    paths = [path for _, _, path in files]
    try:
        digest = content_digest(root, paths)
    except OSError as error:
        raise _unreadable(error, root) from error
    trained = {folder.path.name for part, folder in found if part == "train" and folder.files}
    unseen = [shown(name) for name in names if name not in trained]
    note = (f"classes without {kind.noun}s in train: {', '.join(unseen[:6])}",) if unseen else ()
    return LabelledData(
        shown(root.name),
        Opener(paths, kind.opener),
        np.array([at for _, at, _ in files]),
        tuple(map(shown, names)),
        digest,
        (*folder_notes([folder for _, folder in found], strays, kind), *note),
        inputs=kind.inputs,
        parts=np.array([part for part, _, _ in files]),
        origins=[shown(path) for path in paths],
    )


def _tables(root: Path) -> list[Path]:
    """The tables of a folder: at the top, else in folders of parts, else in data/."""
    places = [[root], [folder for folder in _folders(root) if folder.name.lower() in WORDS]]
    for place in places:
        if found := sorted(path for folder in place for path in folder.iterdir() if _is_table(path)):
            return found
    inner = root / "data"
    return _tables(inner) if inner.is_dir() else []


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in TABLES and path.is_file() and not path.name.startswith(".")


def _one_table(root: Path, paths: Sequence[Path], confined: bool) -> Table:
    """Tables of parts, or the pieces of one, as one.

    Raises:
        DataError: they are neither.
    """
    parts = [part_of(path.stem) or part_of(path.parent.name) * (path.parent != root) for path in paths]
    listed = ", ".join(str(path.relative_to(root)) for path in paths[:6]) + (", ..." if len(paths) > 6 else "")
    if len(paths) > 1 and not all(parts) and any(parts):
        raise DataError(f"{shown(root)} holds tables that are parts and others: {listed}. Fix: give the path of one.")
    for part in set(parts):
        pieces = {_piece(path) for path, of in zip(paths, parts, strict=True) if of == part}
        if len(pieces) > 1:
            what = f"tables of the part {part}" if part else "tables"
            raise DataError(
                f"{shown(root)} holds several {what}: {listed}. Fix: give the path of one, or move one away."
            )
    tables = [dataclasses.replace(read_table(path), confined=confined) for path in paths]
    several = len(set(parts)) > 1
    ordered = sorted(zip(tables, parts, strict=True), key=lambda each: PARTS.index(each[1]) if each[1] else 0)
    return joined([table for table, _ in ordered], [part if several else "" for _, part in ordered], str(root))


def _piece(path: Path) -> tuple[Path, str, str]:
    """The same for all pieces of one table: `train-00000-of-00002.parquet`, `0000.parquet`."""
    numbered = _SHARD.fullmatch(path.stem)
    return path.parent, numbered[1] if numbered else path.stem, path.suffix.lower()


def _names_files(table: Table, root: Path) -> bool:
    """Whether a column of texts holds paths of files that are there."""
    for cells in table.columns.values():
        first = next((cell for cell in cells if cell), None)
        if isinstance(first, str) and len(first) < 1000 and Path(first).suffix and (root / first).is_file():
            return True
    return False
