"""The files that a backbone's preprocessing is made of, carried with a model: tokenizers and processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.io.atomic import replace
from zoo.providers.repositories import CARRIED as PLACE
from zoo.providers.repositories import carried

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo.specs import BackboneSpec

__all__ = ["PLACE", "carried", "carry"]


def carry(spec: BackboneSpec, folder: Path, *, texts: bool = False) -> None:
    """Copy what the preprocessing of `spec` reads to `folder/preprocessing`; most backbones need no file for it.

    Args:
        spec: of the backbone.
        folder: of the model.
        texts: whether the model takes texts; a backbone for images and texts may need files for these alone.

    Raises:
        Offline, WeightsError: the files of a checkpoint that was built from scratch are not on this machine.
    """
    if spec.provider == "transformers" and spec.source:
        from zoo.providers.transformers_weights import SETTINGS, place_of

        _copy(place_of(spec, SETTINGS).folder, SETTINGS, folder)
    elif spec.provider == "open_clip" and texts:
        from zoo.providers.open_clip_configs import model_config
        from zoo.providers.open_clip_texts import FILES, tokenizer_files

        found = tokenizer_files(spec, model_config(spec)["text_cfg"])
        if found is not None:
            _copy(found.folder, FILES, folder)


def _copy(source: Path, patterns: Sequence[str], folder: Path) -> None:
    for pattern in patterns:
        for file in sorted(source.glob(pattern)):
            if file.name.endswith(".index.json"):  # of weights in several files, which lie elsewhere
                continue
            copy = folder / PLACE / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            replace(copy, file.read_bytes())
