"""The files that a backbone's preprocessing is made of, carried with a fitted model: tokenizers and processors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from zoo.io.atomic import replace
from zoo.providers.repositories import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.specs import BackboneSpec

PLACE = "preprocessing"


def carry(spec: BackboneSpec, folder: Path) -> None:
    """Copy what the preprocessing of `spec` reads to `folder/preprocessing`; most backbones need no file for it.

    Raises:
        Offline, WeightsError: the files of a checkpoint that was built from scratch are not on this machine.
    """
    if spec.provider != "transformers" or not spec.source:
        return
    from zoo.providers.transformers_weights import SETTINGS, place_of

    source = place_of(spec, SETTINGS).folder
    for pattern in SETTINGS:
        for file in sorted(source.glob(pattern)):
            if file.name.endswith(".index.json"):  # of weights in several files, which lie elsewhere
                continue
            copy = folder / PLACE / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            replace(copy, file.read_bytes())


def carried(spec: BackboneSpec, folder: Path) -> BackboneSpec:
    """The record with its files in `folder`, if that carries them."""
    if not (folder / PLACE).is_dir():
        return spec
    return dataclasses.replace(spec, source=f"{FOLDER}{folder / PLACE}", revision="")
