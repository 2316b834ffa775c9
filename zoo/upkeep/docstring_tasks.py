"""`python -m zoo.upkeep.docstring_tasks`: make the three text tasks in `zoo/data/files` from installed packages.

The files that ship were made once, from the versions that stand in their first line; a run with other versions makes
other files, and prints the digests that `zoo.data.docstring_tasks` would then have to name.

A label must not stand in its text, so names are taken out: of the modules that are the classes, and whatever looks like
an identifier. Source files are split between train and test, so that no module is in both parts; a train text with
eight words in a row of a test text is left out.
"""

from __future__ import annotations

import collections
import gzip
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zoo.data.docstring_names import AREA_OF, NAMES, SCIPY, scrubbed
from zoo.data.docstring_tasks import FILES, SCHEMA
from zoo.data.docstring_texts import WORDS, described, opening, plain, runs, runs_of
from zoo.data.docstrings import PYTHON, Docstring, Docstrings, read_docstrings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

POOL = 200  # train texts of a class, at most
TEST_SHARE = 0.3  # of the source files
SALT = 0  # which files are the test part: of 0 to 23 the one with the largest smallest classes; no score was looked at
TYPES = {
    "array": r"array-like|array_like|ndarray|array|tensor|numpy\.ndarray",
    "bool": r"bool|boolean",
    "callable": r"callable|function",
    "float": r"float|scalar",
    "int": r"int|integer",
    "str": r"str|string",
}
DESCRIBED = ("numpy", "scipy", "sklearn", "pandas", "networkx")
PER_CLASS = {"docstring_areas": 75, "scipy_packages": 100, "parameter_types": 100}  # test texts, at most


class Item(NamedTuple):
    """A text, its class, and the module that it comes from (`package/dotted.name`)."""

    text: str
    label: str
    group: str


def areas(texts: Iterable[Docstring]) -> Iterator[Item]:
    """Openings of the standard library's docstrings, by what their module is for."""
    for one in texts:
        area = AREA_OF.get(one.module.split(".")[0]) if one.package == PYTHON else None
        if area is not None:
            yield Item(scrubbed(opening(one.text), NAMES[PYTHON]), area, _group(one))


def scipy_packages(texts: Iterable[Docstring]) -> Iterator[Item]:
    """Openings of scipy's docstrings, by sub-package."""
    for one in texts:
        parts = one.module.split(".")
        if one.package == "scipy" and len(parts) > 1 and parts[1] in SCIPY:
            yield Item(scrubbed(opening(one.text), NAMES["scipy"]), parts[1], _group(one))


def parameter_types(texts: Iterable[Docstring]) -> Iterator[Item]:
    """Descriptions of parameters in numpy's style, by the first type that is named."""
    for one in texts:
        if one.package in DESCRIBED:
            for kind, text in described(one.text):
                first = re.split(r"[,;({=\[]", kind)[0].strip().lower()
                label = next((name for name, pattern in TYPES.items() if re.fullmatch(pattern, first)), None)
                if label is not None:
                    yield Item(text, label, _group(one))


def parts_of(items: Iterable[Item], test_per_class: int) -> dict[str, list[Item]]:
    """Train and test part: files apart, texts once and of one label, no eight words of the test part in train."""
    seen: dict[str, Item] = {}
    labels: dict[str, set[str]] = collections.defaultdict(set)
    for item in items:
        if len(plain(item.text).split()) >= WORDS:
            seen.setdefault(plain(item.text), item)
            labels[plain(item.text)].add(item.label)
    once = sorted((item for text, item in seen.items() if len(labels[text]) == 1), key=lambda item: _place(item.text))
    test = _most([item for item in once if _place(item.group) < TEST_SHARE], test_per_class)
    copied = runs_of(item.text for item in test)
    train = [item for item in once if _place(item.group) >= TEST_SHARE and not runs(item.text) & copied]
    return {"train": _most(train, POOL), "test": test}


def write(name: str, parts: dict[str, list[Item]], made_from: dict[str, str], folder: Path) -> str:
    """Write a task as gzipped JSON lines, the same bytes for the same items, and return their SHA-256."""
    head = {"schema": SCHEMA, "name": name, "made_from": made_from}
    rows = [
        {"part": part, "label": item.label, "group": item.group, "text": item.text}
        for part, items in parts.items()
        for item in items
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in (head, *rows))
    data = gzip.compress(lines.encode(), compresslevel=9, mtime=0)
    (folder / f"{name}.jsonl.gz").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def make(found: Docstrings, folder: Path) -> dict[str, str]:
    """All three tasks: their digests by name."""
    digests = {}
    for name, (items_of, packages) in TASKS.items():
        versions = {package: found.versions[package] for package in packages if package in found.versions}
        parts = parts_of(items_of(found.texts), PER_CLASS[name])
        digests[name] = write(name, parts, versions, folder)
        for part, items in parts.items():
            counts = sorted(collections.Counter(item.label for item in items).items())
            print(f"{name} {part}: {len(items)} texts of {len({item.group for item in items})} modules; {counts}")
    return digests


TASKS = {
    "docstring_areas": (areas, (PYTHON,)),
    "scipy_packages": (scipy_packages, ("scipy",)),
    "parameter_types": (parameter_types, DESCRIBED),
}


def _group(one: Docstring) -> str:
    return f"{one.package}/{one.module}"


def _place(text: str) -> float:
    """A number from 0 to 1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(f"{SALT}:{text}".encode()).digest()[:8], "big") / 2**64


def _most(items: list[Item], count: int) -> list[Item]:
    """The first `count` of each class."""
    taken: collections.Counter[str] = collections.Counter()
    kept = []
    for item in items:
        taken[item.label] += 1
        if taken[item.label] <= count:
            kept.append(item)
    return kept


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILES
    needed = dict.fromkeys(package for _, packages in TASKS.values() for package in packages)
    for task, digest in make(read_docstrings(list(needed)), target).items():
        print(f'    "{task}": "{digest}",')
