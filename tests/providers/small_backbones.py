"""Backbones small enough for tests: whatever the catalog names, from scratch, transformers with two narrow layers."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from zoo.catalog.query import describe
from zoo.providers.loading import build, load

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.contracts import Backbone


def small(name: str, seed: int = 0) -> Backbone:
    """A backbone by its name, such as `transformers/bert` or `timm/resnet10t`, from scratch and in evaluation mode."""
    if name.startswith("transformers/"):
        from zoo.conformance.tiny import tiny
        from zoo.providers.transformers_library import changes

        spec = dataclasses.replace(describe(name), config=changes(tiny(name.partition("/")[2])))
        backbone = build(spec, pretrained=False, seed=seed)
    else:
        backbone = load(name, pretrained=False, seed=seed)
    backbone.module.eval()
    return backbone


def small_folder(name: str, folder: Path, **changed: object) -> str:
    """A folder that `zoo.load(..., pretrained=False)` takes for such a backbone of transformers; returns its path."""
    from zoo.conformance.tiny import tiny
    from zoo.providers.transformers_library import changes

    spec = dataclasses.replace(describe(name), config=changes(tiny(name.partition("/")[2], **changed)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backbone.json").write_text(json.dumps(spec.to_json()), encoding="utf-8")
    return str(folder)
