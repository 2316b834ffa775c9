"""Write the indexes of `zoo/catalog/` from the installed libraries, without a network.

    python -m zoo.upkeep.catalog                  # write them; measure only what the files do not know yet
    python -m zoo.upkeep.catalog --measure        # measure everything again (about 10 minutes)
    python -m zoo.upkeep.catalog --check          # exit 1 when a file is stale

What a library says of itself is read anew each time. Widths and parameters are measured on the meta device, which
takes 0.3 s a network, so they are kept in the files; `--check` measures a sample of them again. `zoo/catalog/rows.py`
explains the files.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalog.rows import expand
from zoo.errors import MissingDependency
from zoo.specs import BackboneSpec
from zoo.upkeep.measuring import MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.catalog.rows import Row

FOLDER = Path(__file__).parent.parent / "catalog"
SCHEMA = "zoo.Index/1"
PROVIDERS = {  # provider -> the module that reads its library: HUB, library(), rows() and measure(row)
    name: f"zoo.upkeep.index_{name}" for name in ("timm", "open_clip", "torchvision", "torchaudio", "transformers")
}
GRAPH = (*MEASURED, "family", "modality", "config", "padding")
WEIGHTS = ("licence", "revision", "digest", "objective", "pretrained_on", "weights_format", "curated")
NAMING = ("name", "provider", "arch", "tag", "source", "library")
SAMPLE = 12  # networks of each library that --check measures again


def build(provider: str, known: dict[str, Any] | None = None) -> dict[str, Any]:
    """The index of one installed library as the JSON data of its file; measured columns come from `known` where it can.

    Raises:
        MissingDependency: the library is not installed.
    """
    reader = importlib.import_module(PROVIDERS[provider])
    library = reader.library()
    measured: dict[tuple[Any, ...], dict[str, Any]] = {}
    if known and known["library"] == library:
        measured = {_graph_key(row): measurements(row) for row in expand(known)}
    found = []
    for row in reader.rows():
        key = _graph_key(row)
        if key not in measured:
            measured[key] = reader.measure(row)
        found.append(row | measured[key])
    return pack(found, provider=provider, library=library, hub=reader.HUB)


def pack(rows: Iterable[Row], *, provider: str, library: str, hub: str) -> dict[str, Any]:
    """Rows as the data of an index file: what they share is said once.

    Example:
        >>> row = {"name": "a/net.b", "provider": "a", "arch": "net", "tag": "b", "source": "hf-hub:a/net.b"}
        >>> pack([row], provider="a", library="a 1", hub="a/")["archs"]
        {'net': {'b': [0, 0, 0]}}
    """
    tables: dict[str, dict[str, int]] = {"inputs": {}, "graphs": {}, "weights": {}}
    archs: dict[str, dict[str, list[Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["arch"], row.get("tag", ""))):
        parts: dict[str, Row] = {"inputs": {}, "graphs": {}, "weights": {}}
        for name, value in row.items():
            if name not in NAMING and value != _DEFAULTS[name]:
                parts["graphs" if name in GRAPH else "weights" if name in WEIGHTS else "inputs"][name] = value
        tag = row.get("tag", "")
        place: list[Any] = []
        for table in tables if tag else ("inputs", "graphs"):
            text = _compact({name: parts[table][name] for name in _DEFAULTS if name in parts[table]})
            place.append(tables[table].setdefault(text, len(tables[table])))
        source = f"hf-hub:{tag}" if "/" in tag else f"hf-hub:{hub}{row['arch']}.{tag}"
        if tag and row["source"] != source:
            place.append(row["source"])
        archs.setdefault(row["arch"], {})[tag] = place
    head = {"schema": SCHEMA, "library": library, "provider": provider, "hub": hub}
    return head | {name: [json.loads(text) for text in table] for name, table in tables.items()} | {"archs": archs}


def render(index: dict[str, Any]) -> str:
    """The file's text: one line an entry of a list and one line an architecture, so that diffs can be read.

    Example:
        >>> index = {"schema": "s", "inputs": [{}], "graphs": [], "weights": [], "archs": {"net": {"": [0, 0]}}}
        >>> print(render(index), end="")
        {"schema":"s","inputs":[
        {}
        ],"graphs":[
        <BLANKLINE>
        ],"weights":[
        <BLANKLINE>
        ],"archs":{
        "net":{"":[0,0]}
        }}
    """
    head = {name: value for name, value in index.items() if isinstance(value, str)}
    text = _compact(head)[:-1]
    for table in ("inputs", "graphs", "weights"):
        text += f',"{table}":[\n' + ",\n".join(map(_compact, index[table])) + "\n]"
    archs = ",\n".join(f"{_compact(arch)}:{_compact(tags)}" for arch, tags in index["archs"].items())
    return f'{text},"archs":{{\n{archs}\n}}}}\n'


def check(provider: str, folder: Path = FOLDER) -> tuple[bool, str]:
    """Whether a file is what the installed library gives, and a sentence about it.

    Under another version than the one recorded, or without the library, this cannot be known, and counts as fresh.
    """
    fix = f"Fix: python -m zoo.upkeep.catalog {provider}"
    path = folder / f"{provider}.json"
    if not path.is_file():
        return False, f"{path.name} is missing. {fix}"
    text = path.read_text(encoding="utf-8")
    index = json.loads(text)
    reader = importlib.import_module(PROVIDERS[provider])
    try:
        installed = reader.library()
    except MissingDependency:
        return True, f"not checked: {path.name}, because {provider} is not installed."
    if index.get("library") != installed:
        return True, f"not checked: {path.name} was made from {index.get('library')}, and {installed} is installed."
    graphs = {_graph_key(row): measurements(row) for row in expand(index)}
    told = {_graph_key(row): row for row in reader.rows()}
    if set(told) != set(graphs) or text != render(build(provider, index)):
        return False, f"{path.name} is stale: {installed} gives other rows. {fix}"
    sample = sorted(told)[:: max(1, len(told) // SAMPLE)]
    for key in sample:
        given = measurements(told[key] | reader.measure(told[key]))
        if given != graphs[key]:
            return False, f"{path.name} is stale: {told[key]['name']} measures {given}. {fix} --measure"
    return True, f"{path.name} is fresh ({installed}; {len(sample)} of {len(graphs)} networks measured again)."


def measurements(row: Row) -> dict[str, Any]:
    """The measured columns of a row, as an index file gives them back."""
    found = {name: row[name] for name in MEASURED if row.get(name) is not None}
    return found | {name: tuple(value) for name, value in found.items() if isinstance(value, list)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m zoo.upkeep.catalog", description="Write the indexes of backbones.")
    parser.add_argument("providers", nargs="*", metavar="PROVIDER", help=f"of {', '.join(PROVIDERS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--measure", action="store_true", help="measure everything again")
    options = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"  # an index is made without a network, or not at all
    logging.disable(logging.WARNING)  # the libraries warn that weights were not loaded, which is the point
    stale = False
    for provider in options.providers or PROVIDERS:
        if not options.check:
            path = FOLDER / f"{provider}.json"
            known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not options.measure else None
            path.write_text(render(build(provider, known)), encoding="utf-8", newline="\n")
        fresh, message = check(provider, FOLDER)
        print(message, file=sys.stdout if fresh else sys.stderr, flush=True)
        stale = stale or not fresh
    return 1 if stale else 0


_DEFAULTS = {field.name: field.default for field in fields(BackboneSpec)}


def _graph_key(row: Row) -> tuple[Any, ...]:
    """What decides a network's measurements: its architecture, and what a tag may change of it."""
    return row["arch"], tuple(row.get("input_size") or ()), row.get("config", "")


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
