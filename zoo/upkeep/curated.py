"""The canonical checkpoints, about 200, that `zoo list --curated` shows: from `zoo/catalog/curated.toml`.

Those of timm, torchvision, torchaudio and open_clip are names, and the libraries say the rest. Of those of
transformers, which names no checkpoints, the file says what is known for certain.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "catalog" / "curated.toml"


@cache
def names(provider: str) -> frozenset[str]:
    """The curated `arch.tag` of one of the libraries that name their own checkpoints.

    Example:
        >>> "resnet50.a1_in1k" in names("timm")
        True
    """
    return frozenset(_file()[provider])


def checkpoints() -> list[dict[str, Any]]:
    """The curated checkpoints of transformers, with the fields of BackboneSpec, `id`, `type` and `config`.

    Example:
        >>> checkpoints()[0]["id"]
        'google-bert/bert-base-uncased'
    """
    found = []
    for group in _file()["transformers"]:
        common = {name: value for name, value in group.items() if name != "models"}
        found += [common | model for model in group["models"]]
    return found


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
