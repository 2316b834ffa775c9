"""The files that a backbone's preprocessing is made of, carried with a model: tokenizers and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.io.atomic import replace
from zoo.providers.repositories import CARRIED as PLACE
from zoo.providers.repositories import carried

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.specs import BackboneSpec

__all__ = ["PLACE", "carried", "carry"]


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
