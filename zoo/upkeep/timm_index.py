"""Write `zoo/catalog/timm.json`, the index of every timm architecture and pre-trained tag, from the installed timm.

    python -m zoo.upkeep.timm_index            # write it
    python -m zoo.upkeep.timm_index --check    # exit 1 when it is stale

No weights are downloaded. The file is compact, because each `zoo list` reads it:

    {"schema": ..., "timm": VERSION,
     "profiles": [PREPROCESSING, ...],                        without the values that are BackboneSpec's defaults
     "archs": {ARCH: {"": [PROFILE],                          from scratch, preprocessed as its default tag is
                      TAG: [PROFILE, LICENCE],                weights at hf-hub:timm/ARCH.TAG
                      TAG: [PROFILE, LICENCE, REPOSITORY]}}}  weights at hf-hub:REPOSITORY

Tags without a hub repository (only a URL, hence no safetensors) are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX = Path(__file__).parent.parent / "catalog" / "timm.json"
SCHEMA = "zoo.TimmIndex/1"
PREPROCESSING = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode")


def build() -> dict[str, Any]:
    """The index of the installed timm, as the JSON data that the file holds.

    Raises:
        MissingDependency: timm is not installed.

    Example:
        >>> build()["archs"]["resnet10t"]["c3_in1k"][1]
        'apache-2.0'
    """
    timm = _timm()
    numbers: dict[str, int] = {}  # canonical profile -> its number, in order of first use
    archs: dict[str, dict[str, list[Any]]] = {arch: {} for arch in sorted(timm.list_models())}
    for model in [*archs, *sorted(timm.list_pretrained())]:
        arch, _, tag = model.partition(".")
        config = timm.models.get_pretrained_cfg(model)
        if tag and not config.hf_hub_id:
            continue
        number = numbers.setdefault(json.dumps(_profile(config)), len(numbers))
        archs[arch][tag] = [number, *(_weights(model, config) if tag else ())]
    profiles = [json.loads(profile) for profile in numbers]
    return {"schema": SCHEMA, "timm": timm.__version__, "profiles": profiles, "archs": archs}


def render(index: dict[str, Any]) -> str:
    """The file's text: one line a profile and one line an architecture, so that diffs can be read.

    Example:
        >>> print(render({"schema": "s", "timm": "1", "profiles": [{}], "archs": {"net": {"": [0]}}}), end="")
        {"schema":"s","timm":"1","profiles":[
        {}
        ],"archs":{
        "net":{"":[0]}
        }}
    """
    profiles = ",\n".join(_compact(profile) for profile in index["profiles"])
    archs = ",\n".join(f"{_compact(arch)}:{_compact(tags)}" for arch, tags in index["archs"].items())
    head = _compact({"schema": index["schema"], "timm": index["timm"]})[:-1]
    return f'{head},"profiles":[\n{profiles}\n],"archs":{{\n{archs}\n}}}}\n'


def check(path: Path) -> tuple[bool, str]:
    """Whether the file is what the installed timm would give, and a sentence about it.

    Under another timm than the one recorded in the file this cannot be known, and counts as fresh.

    Raises:
        MissingDependency: timm is not installed.
    """
    fix = "Fix: python -m zoo.upkeep.timm_index"
    if not path.is_file():
        return False, f"{path.name} is missing. {fix}"
    text = path.read_text(encoding="utf-8")
    recorded, installed = json.loads(text).get("timm"), _timm().__version__
    if recorded != installed:
        return True, f"not checked: {path.name} was made from timm {recorded}, and timm {installed} is installed."
    if text != render(build()):
        return False, f"{path.name} is stale: timm {installed} gives other rows. {fix}"
    return True, f"{path.name} is fresh (timm {installed})."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m zoo.upkeep.timm_index", description="Write the index of timm.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is stale")
    if parser.parse_args(arguments).check:
        fresh, message = check(INDEX)
        print(message, file=sys.stdout if fresh else sys.stderr)
        return 0 if fresh else 1
    INDEX.write_text(render(build()), encoding="utf-8", newline="\n")
    print(check(INDEX)[1])
    return 0


def _profile(config: Any) -> dict[str, Any]:
    """The preprocessing that belongs to the weights, less what BackboneSpec says by default."""
    defaults = {field.name: field.default for field in fields(BackboneSpec)}
    return {name: getattr(config, name) for name in PREPROCESSING if getattr(config, name) != defaults[name]}


def _weights(model: str, config: Any) -> list[str]:
    """The licence, then the hub repository where it is not the obvious one."""
    licence = (config.license or "unknown").lower()
    return [licence] if config.hf_hub_id == f"timm/{model}" else [licence, config.hf_hub_id]


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise MissingDependency("timm", "timm") from error
    return timm


if __name__ == "__main__":
    sys.exit(main())
