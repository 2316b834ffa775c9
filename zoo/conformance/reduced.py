"""What stands for a backbone that cannot be built as it is here: a small configuration of it, or a smaller member."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from zoo.catalog.query import entries

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec

REDUCED = "a reduced configuration"
BARE = "its architecture without its tokenizer"
TOWER = "its image tower; the tokenizer of the other is not on this machine"


def stand_in(spec: BackboneSpec, largest: int) -> tuple[BackboneSpec | None, str]:
    """The record to build in place of `spec`, and what to call it: `spec` and "" where it can be built; or (None, "").

    A checkpoint of transformers is built without its files, because its tokenizer and its feature extractor would have
    to be fetched. What is too large is, of transformers, the model type itself with two small layers; of other
    providers the largest member of the family with at most `largest` parameters.

    Example:
        >>> from zoo.catalog.query import describe
        >>> stand_in(describe("timm/resnet152"), 30_000_000)[1]
        'timm/ecaresnetlight'
    """
    bare = dataclasses.replace(spec, tag="", source="", revision="") if spec.provider == "transformers" else spec
    known = spec.parameters if spec.parameters or spec.provider != "transformers" else largest + 1
    if (known or 0) <= largest:  # a model type of unknown size is large, or its defaults cannot be built
        return bare, BARE if bare.tag != spec.tag else ""
    if spec.provider == "transformers":
        from zoo.conformance.tiny import tiny
        from zoo.providers.transformers_library import changes

        types = {other.arch: other for other in entries() if other.provider == "transformers" and not other.tag}
        small = dataclasses.replace(
            types.get(spec.arch, bare),
            config=changes(tiny(spec.arch)),
            parameters=None,
            pooled_dim=None,
            token_dim=None,
        )
        return small, REDUCED
    kin = [
        other
        for other in entries()
        if (other.provider, other.family or other.arch) == (spec.provider, spec.family or spec.arch)
        and 0 < (other.parameters or 0) <= largest
    ]
    best = max(kin, key=lambda other: (other.parameters or 0, not other.pretrained, other.name), default=None)
    return best, best.name if best else ""
