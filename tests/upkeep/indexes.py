"""What the tests of all indexes share."""

import json

import pytest

from zoo.catalog.rows import rows_of, spec_of
from zoo.upkeep.catalog import FOLDER


def recorded_rows(provider, reader):
    """The records of an index file by name; skips where the installed library is not the one that it was made from."""
    library = json.loads((FOLDER / f"{provider}.json").read_text(encoding="utf-8"))["library"]
    if library != reader.library():
        pytest.skip(f"the index was made from {library}")
    return {row["name"]: spec_of(row) for row in rows_of(provider)}


def sample(reader, *archs):
    """The first row that the library gives of each of some architectures."""
    found = {}
    for row in reader.rows():
        found.setdefault(row["arch"], row)
    return [found[arch] for arch in archs]
