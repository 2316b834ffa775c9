"""What the catalog knows, one plain dict a backbone, read from the JSON files beside this module and from plug-ins.

`pocket.json` is kept by hand; the others are made by `zoo.upkeep.catalog` from the installed libraries. Each is
compact, because every `zoo list` reads it. What many rows say alike is said once, in one of three lists, without the
values that are BackboneSpec's defaults:

    {"schema": ..., "library": "timm 1.0.31", "provider": "timm", "hub": "timm/",
     "inputs": [{...}], "graphs": [{...}], "weights": [{...}],
     "archs": {ARCH: {"": [INPUTS, GRAPH],                       from scratch
                      TAG: [INPUTS, GRAPH, WEIGHTS],             weights at hf-hub:HUB + ARCH.TAG
                      TAG: [INPUTS, GRAPH, WEIGHTS, SOURCE]}}}   weights at SOURCE

A tag with a slash is a repository of the Hugging Face hub: the row's name is then `provider/TAG` and its source
`hf-hub:TAG`. Of a third-party backbone (entry points of the group `zoo.backbones`, named `provider/arch` or
`provider/arch.tag`) only the name is known until it is loaded.
"""

from __future__ import annotations

import gc
import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.registry import Registry
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

backbones = Registry("backbone", {}, group="zoo.backbones")

PROVIDERS = ("pocket", "timm", "torchvision", "open_clip", "torchaudio", "transformers")
"""Providers whose rows are shown: those that `zoo.providers.loading` can load. An index that is here before its loader
is not listed; add the name together with the loader (a test keeps the two equal)."""

Row = dict[str, Any]  # the fields of one BackboneSpec that differ from its defaults


@cache
def rows() -> dict[str, Row]:
    """All rows by full name, sorted; a plug-in cannot take over a built-in name.

    Raises:
        OSError: the installation is damaged: an index file is missing.

    Example:
        >>> rows()["pocket/resnet10.glyphs"]["tag"]
        'glyphs'
    """
    found = {name: _plugin_row(name, point.value) for name, point in backbones.plugins.items()}
    collecting = gc.isenabled()
    gc.disable()  # thousands of dicts are made and none is dropped: looking through them would take a third of the time
    try:
        for provider in PROVIDERS:
            for row in rows_of(provider):
                found[row["name"]] = row
    finally:
        if collecting:
            gc.enable()
    return dict(sorted(found.items()))


def rows_of(provider: str) -> Iterable[Row]:
    """The rows of one index file, in its order, whether the provider is shown or not.

    Raises:
        OSError: there is no such file.

    Example:
        >>> sorted({row["arch"] for row in rows_of("pocket")})
        ['gpt2', 'resnet10', 'whisper3']
    """
    index = _read(f"{provider}.json")
    return map(_tuples, index["backbones"]) if "backbones" in index else expand(index)


def expand(index: dict[str, Any]) -> Iterator[Row]:
    """The rows that the JSON data of an index file (see above) stands for.

    Example:
        >>> list(expand({"library": "a 1", "provider": "a", "hub": "", "inputs": [{}], "graphs": [{"parameters": 3}],
        ...              "weights": [{}], "archs": {"net": {"b/c": [0, 0, 0]}}}))[0]["source"]
        'hf-hub:b/c'
    """
    common = {"provider": index["provider"], "library": index["library"]}
    prefix = f"{index['provider']}/"
    inputs = [common | _tuples(item) for item in index["inputs"]]
    graphs = [_tuples(item) for item in index["graphs"]]
    weights = [_tuples(item) for item in index["weights"]]
    for arch, tags in index["archs"].items():
        for tag, place in tags.items():
            if not tag:
                yield {"name": prefix + arch, "arch": arch, **inputs[place[0]], **graphs[place[1]]}
                continue
            model, hub = (tag, "hf-hub:") if "/" in tag else (f"{arch}.{tag}", f"hf-hub:{index['hub']}")
            yield {
                "name": prefix + model,
                "arch": arch,
                "tag": tag,
                **inputs[place[0]],
                **graphs[place[1]],
                **weights[place[2]],
                "source": place[3] if len(place) > 3 else hub + model,
            }


def spec_of(row: Row) -> BackboneSpec:
    """The record of a row.

    The row becomes the record's `__dict__`, and what it lacks is found in the class, where a dataclass keeps defaults.
    That takes a tenth of the constructor's time, and no memory; so rows must never be changed.

    Example:
        >>> spec_of({"name": "acme/net", "provider": "acme", "arch": "net"}) == BackboneSpec("acme/net", "acme", "net")
        True
    """
    spec = object.__new__(BackboneSpec)
    object.__setattr__(spec, "__dict__", row)
    return spec


def _plugin_row(name: str, value: str) -> Row:
    provider, slash, model = name.partition("/")
    if not slash:
        provider, model = "", name
    arch, _, tag = model.partition(".")
    return {"name": name, "provider": provider, "arch": arch, "tag": tag, "modality": "unknown", "source": value}


def _tuples(row: Row) -> Row:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _read(file: str) -> dict[str, Any]:
    # os.path, because importing pathlib takes 4 ms, and a bare interpreter 11
    path = os.path.join(os.path.dirname(__file__), file)  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        data: dict[str, Any] = json.load(stream)
    return data
