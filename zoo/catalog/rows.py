"""What the catalog knows, one plain dict a backbone, read from the JSON files beside this module and from plug-ins.

`timm.json` is generated (`zoo.upkeep.timm_index` writes and explains it), `pocket.json` is kept by hand. Of a
third-party backbone (entry points of the group `zoo.backbones`, named `provider/arch` or `provider/arch.tag`) only the
name is known until it is loaded.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.registry import Registry
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

backbones = Registry("backbone", {}, group="zoo.backbones")

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
    plugins = (_plugin_row(name, point.value) for name, point in backbones.plugins.items())
    found = {row["name"]: row for source in (plugins, _pocket_rows(), _timm_rows()) for row in source}
    return dict(sorted(found.items()))


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


def _pocket_rows() -> Iterable[Row]:
    return map(_tuples, _read("pocket.json")["backbones"])


def _timm_rows() -> Iterable[Row]:
    index = _read("timm.json")
    profiles = [_tuples(profile) for profile in index["profiles"]]
    for arch, tags in index["archs"].items():
        for tag, (profile, *rest) in tags.items():
            model = f"{arch}.{tag}" if tag else arch
            row = {"name": f"timm/{model}", "provider": "timm", "arch": arch, "tag": tag, **profiles[profile]}
            if tag:
                row["licence"] = rest[0]
                row["source"] = f"hf-hub:{rest[1] if len(rest) > 1 else 'timm/' + model}"
            yield row


def _tuples(row: Row) -> Row:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _read(file: str) -> dict[str, Any]:
    # os.path, because importing pathlib takes 4 ms, and a bare interpreter 11
    path = os.path.join(os.path.dirname(__file__), file)  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        data: dict[str, Any] = json.load(stream)
    return data
