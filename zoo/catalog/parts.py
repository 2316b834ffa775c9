"""Which architectures have the part of a network that an objective takes hold of: read from a file, without torch.

`parts.json` is made by `zoo.upkeep.parts`, which tries it on a small network of each architecture:

    {"schema": ..., "libraries": ["timm 1.0.31", ...], "parts": {PART: {PROVIDER: [ARCH, ...]}}}
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec

PARTS = {  # what an objective needs, in words that follow "needs"
    "masked_head": "a head for masked language modelling",
    "causal_head": "a network that sees only what stands before a token, with a head for it",
    "patches": "patches that can be left out, as of a plain vision transformer",
    "frames": "frames of a waveform that can be hidden",
    "codes": "the quantiser of transformers' wav2vec2, without an adapter",
}
LIBRARIES = ("pocket", "timm", "torchvision", "open_clip", "torchaudio", "transformers")


def has_part(part: str, spec: BackboneSpec) -> bool | None:
    """Whether a backbone has a part, or None where only the built network can say.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> bert = BackboneSpec("transformers/bert", "transformers", "bert", modality="text")
        >>> has_part("masked_head", bert), has_part("causal_head", bert)
        (True, False)
        >>> has_part("frames", BackboneSpec("acme/net", "acme", "net", modality="speech")) is None
        True
    """
    if spec.provider not in LIBRARIES:
        return None if part == "frames" else False  # the others are looked for in networks of these libraries alone
    if part == "codes":
        return (spec.provider, spec.arch) == ("transformers", "wav2vec2") and not _adapter(spec)
    return spec.arch in _archs().get(part, {}).get(spec.provider, ())


def reads_texts(spec: BackboneSpec) -> bool:
    """Whether a backbone of texts has a tokenizer, or at least a vocabulary with a place for each byte.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> reads_texts(BackboneSpec("transformers/esmc", "transformers", "esmc", modality="text"))
        False
    """
    if spec.source or (spec.provider, spec.modality) != ("transformers", "text"):
        return True
    return spec.arch in _archs()["bytes"]["transformers"]


def _adapter(spec: BackboneSpec) -> bool:
    return bool(json.loads(spec.config or "{}").get("add_adapter"))


@cache
def _archs() -> dict[str, dict[str, frozenset[str]]]:
    path = os.path.join(os.path.dirname(__file__), "parts.json")  # noqa: PTH118, PTH120  (pathlib takes 4 ms)
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        found = json.load(stream)["parts"]
    return {part: {provider: frozenset(archs) for provider, archs in by.items()} for part, by in found.items()}
