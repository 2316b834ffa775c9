"""Write `zoo/catalog/parts.json`: of which architectures an objective can take hold, tried on small networks of each.

    python -m zoo.upkeep.parts                    # write it: about 10 minutes, without a network
    python -m zoo.upkeep.parts --check            # exit 1 when a sample of it is stale

What is tried is what the objectives do themselves when they are built, on networks with new weights: every model type
of transformers with two narrow layers, every vision transformer of timm with one block, and the smallest of each family
of torchvision and torchaudio. `zoo/catalog/parts.py` reads the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalog.rows import rows_of
from zoo.catalog.rows import spec_of as record_of
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zoo.contracts import Backbone
    from zoo.specs import BackboneSpec

FILE = Path(__file__).parent.parent / "catalog" / "parts.json"
SCHEMA = "zoo.Parts/1"
BYTES = 256
MOST = 20_000_000  # parameters of a network that is tried
SAMPLE = 6  # architectures of each part that --check tries again
# part -> provider -> the modality whose architectures may have it; of others none has
TRIED = {
    "masked_head": {"pocket": "text", "transformers": "text"},
    "causal_head": {"pocket": "text", "transformers": "text"},
    "patches": {"timm": "vision", "torchvision": "vision", "transformers": "vision"},
    "frames": {"torchaudio": "speech", "transformers": "speech"},
    "bytes": {"transformers": "text"},
}
AS_THEY_ARE = ("pocket", "timm", "transformers")  # each architecture is tried: small, or made so
NARROW: dict[str, dict[str, Any]] = {"frames": {"conv_dim": [16] * 7}}  # networks of waveforms are 512 wide there


def candidates(part: str, provider: str) -> list[BackboneSpec]:
    """The architectures that are asked, as records of networks from scratch."""
    found = [row for row in rows_of(provider) if row.get("modality", "vision") == TRIED[part][provider]]
    first: dict[str, BackboneSpec] = {}
    for row in found:  # an architecture of timm may have tags alone that say its size
        if not row.get("tag") or row["arch"] not in first:
            first[row["arch"]] = record_of(row)
    return [dataclasses.replace(spec, tag="", source="", revision="") for spec in first.values()]


class Unmade(Exception):
    """An architecture of which no small network can be made."""


def has(part: str, spec: BackboneSpec) -> bool:
    """Whether a network of this record has the part: tried on a small one, else as the library's own tables say."""
    if "tokens" not in spec.can and part != "bytes":
        return False
    try:
        backbone = _small(part, spec)
        if backbone is None:
            return False
        _TRIALS[part](backbone)
    except IncompatibleError:
        return False
    except Unmade:
        return _by_table(part, spec.arch)
    return True


def build() -> dict[str, Any]:
    """The data of the file."""
    found: dict[str, dict[str, list[str]]] = {}
    for part, providers in TRIED.items():
        found[part] = {}
        for provider in providers:
            found[part][provider] = sorted(_having(part, provider))
    return {"schema": SCHEMA, "libraries": sorted(_libraries()), "parts": found}


def render(data: dict[str, Any]) -> str:
    """The file's text: one line an architecture, so that diffs can be read."""
    return json.dumps(data, indent=1) + "\n"


def check(path: Path = FILE) -> tuple[bool, str]:
    """Whether a sample of the file is what the installed libraries give, and a sentence about it.

    Under other versions than those recorded this cannot be known, and counts as fresh.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["libraries"] != sorted(_libraries()):
        return True, f"not checked: {path.name} was made from {', '.join(data['libraries'])}."
    for part, providers in TRIED.items():
        for provider in providers:
            specs, known = candidates(part, provider), data["parts"][part][provider]
            if gone := sorted(set(known) - {spec.arch for spec in specs}):
                return False, f"{path.name} is stale: {provider} has no {gone[0]}. Fix: python -m zoo.upkeep.parts"
            for spec in _light(specs, provider)[:: max(1, len(specs) // SAMPLE)]:
                if has(part, spec) != (spec.arch in known):
                    return False, f"{path.name} is stale: {part} of {spec.name}. Fix: python -m zoo.upkeep.parts"
    return True, f"{path.name} is fresh ({', '.join(data['libraries'])}; a sample was tried again)."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m zoo.upkeep.parts", description="Write zoo/catalog/parts.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when it is stale")
    options = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # libraries warn of sizes as narrow as these
    if not options.check:
        FILE.write_text(render(build()), encoding="utf-8", newline="\n")
    fresh, message = check()
    print(message, file=sys.stdout if fresh else sys.stderr, flush=True)
    return 0 if fresh else 1


def _having(part: str, provider: str) -> Iterator[str]:
    specs = candidates(part, provider)
    if provider in AS_THEY_ARE:
        yield from (spec.arch for spec in specs if has(part, spec))
        return
    families = {family for family in {spec.family for spec in specs} if has(part, _smallest(specs, family))}
    yield from (spec.arch for spec in specs if spec.family in families)


def _smallest(specs: list[BackboneSpec], family: str) -> BackboneSpec:
    return min((spec for spec in specs if spec.family == family), key=lambda spec: spec.parameters or 0)


def _light(specs: list[BackboneSpec], provider: str) -> list[BackboneSpec]:
    """Those that are tried as they are: of libraries whose networks are not made narrow, the smallest of a family."""
    if provider in AS_THEY_ARE:
        return specs
    return [_smallest(specs, family) for family in sorted({spec.family for spec in specs})]


def _small(part: str, spec: BackboneSpec) -> Backbone | None:
    """A network of the record with few or narrow layers; None where it can be seen without memory that it is none."""
    from zoo.providers import loading

    if spec.provider == "transformers":
        from zoo.providers.transformers_library import changes

        config = _narrow(part, spec.arch)
        if config is None:
            raise Unmade
        return loading.build(dataclasses.replace(spec, config=changes(config)), pretrained=False, seed=0)
    if spec.provider == "timm":
        return _one_block(spec)
    return loading.build(spec, pretrained=False, seed=0)


def _one_block(spec: BackboneSpec) -> Backbone | None:
    """A vision transformer of timm of one block; None where it has not the layers that `visible` looks for."""
    import timm

    from zoo.objectives.visible import point_of
    from zoo.providers.timm import assemble
    from zoo.upkeep.measuring import on_meta

    with on_meta():
        if point_of(spec.provider, timm.create_model(spec.arch, num_classes=0)) is None:
            return None
    try:
        module = timm.create_model(spec.arch, num_classes=0, depth=1)
    except TypeError:  # its blocks are counted in another way
        module = timm.create_model(spec.arch, num_classes=0)
    return assemble(spec, module)


def _narrow(part: str, arch: str) -> Any:
    """A small configuration of a model type; None where there is none."""
    import transformers

    from zoo.conformance.tiny import tiny
    from zoo.upkeep.measuring import on_meta

    auto: Any = transformers.AutoModel
    try:
        config = tiny(arch, **NARROW.get(part, {}))
        with on_meta():
            size = sum(weight.numel() for weight in auto.from_config(config).parameters())
    except Exception:  # a type checks its sizes in its own way
        return None
    return config if size <= MOST else None


def _by_table(part: str, arch: str) -> bool:
    from transformers.models.auto import modeling_auto

    from zoo.providers.transformers_text import is_causal

    if part == "masked_head":
        return arch in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if part == "causal_head":
        return arch in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and is_causal(arch)
    return part == "bytes" and (_default_vocabulary(arch) or 0) > BYTES


def _default_vocabulary(arch: str) -> int | None:
    from transformers import AutoConfig

    size = getattr(AutoConfig.for_model(arch), "vocab_size", None)
    return size if isinstance(size, int) else None


def _masked(backbone: Backbone) -> None:
    from zoo.objectives.native_heads import native_head

    native_head(backbone, "masked")


def _causal(backbone: Backbone) -> None:
    from zoo.objectives.native_heads import native_head
    from zoo.providers.transformers_text import is_causal

    if not is_causal(backbone.spec.arch):
        raise IncompatibleError(f"{backbone.spec.name} sees what stands after a token")
    native_head(backbone, "causal")


def _patches(backbone: Backbone) -> None:
    from zoo.objectives.visible import visible

    visible(backbone)


def _frames(backbone: Backbone) -> None:
    from zoo.objectives.hidden_frames import hidden_frames

    hidden_frames(backbone)


def _bytes(backbone: Backbone) -> None:
    backbone.preprocess(["a text", "another one"])


_TRIALS: dict[str, Callable[[Backbone], None]] = {
    "masked_head": _masked,
    "causal_head": _causal,
    "patches": _patches,
    "frames": _frames,
    "bytes": _bytes,
}


def _libraries() -> Iterator[str]:
    import importlib

    for provider in sorted({provider for providers in TRIED.values() for provider in providers} - {"pocket"}):
        yield importlib.import_module(f"zoo.upkeep.index_{provider}").library()


if __name__ == "__main__":
    sys.exit(main())
