"""`zoo list` and `zoo show`: which backbones there are, without loading any library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zoo.cli.shown import shape, size

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


LIST_EXAMPLES = """\
  zoo list 'resnet*' --license permissive --pretrained
  zoo list --provider pocket --json"""

SHOW_EXAMPLES = """\
  zoo show pocket/resnet10.glyphs"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("list", _list, "List backbones, without loading any library.", LIST_EXAMPLES)
    one.add_argument("pattern", nargs="?", default="*", help="a glob over names, such as 'resnet*'")
    one.add_argument("--provider", help="timm, pocket, ...")
    one.add_argument("--modality", help="vision, ...")
    one.add_argument("--license", help="an identifier, or permissive, noncommercial, unknown")
    one.add_argument("--max-params", help="at most so many parameters, such as 30M; unknown sizes are left out")
    one.add_argument("--can", action="append", default=[], help="a capability it must have: tokens, maps")
    one.add_argument("--limit", type=int, help="at most so many")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--pretrained", action="store_true", default=None, help="only with trained weights")
    which.add_argument("--scratch", action="store_false", dest="pretrained", default=None, help="only architectures")
    one.add_argument("--json", action="store_true", help="one JSON list; fields at their default are left out")

    one = add("show", _show, "Show one backbone: facts, preprocessing, and how to load it.", SHOW_EXAMPLES)
    one.add_argument("name")
    one.add_argument("--json", action="store_true", help="its record as JSON")


def _list(options: argparse.Namespace) -> int:
    from zoo.catalog.query import find

    found = find(
        options.pattern,
        provider=options.provider,
        modality=options.modality,
        license=options.license,
        max_params=options.max_params,
        can=options.can,
        pretrained=options.pretrained,
        limit=options.limit,
    )
    if options.json:
        print(json.dumps([spec.to_json(brief=True) for spec in found]))
        return 0
    width = max((len(spec.name) for spec in found), default=0)
    lines = [f"{s.name:<{width}}  {size(s):>8}  {shape(s):>11}  {s.licence}" for s in found]
    print("\n".join(lines) if lines else "no backbone matches; `zoo list` shows all")
    return 0


def _show(options: argparse.Namespace) -> int:
    from zoo.adaptations import ADAPTATIONS
    from zoo.catalog.query import describe, licence_class
    from zoo.objectives import OBJECTIVES

    spec = describe(options.name)
    if options.json:
        print(json.dumps(spec.to_json()))
        return 0
    facts = {
        "name": spec.name,
        "modality": spec.modality,
        "parameters": size(spec),
        "input [C, H, W]": shape(spec),
        "mean / std": f"{list(spec.mean)} / {list(spec.std)}",
        "resize": f"{spec.interpolation}, crop {spec.crop_mode} {spec.crop_pct:g}",
        "gives": ", ".join(spec.can),
        "pre-trained": f"{spec.objective or 'yes'}, on {spec.pretrained_on or 'see source'}"
        if spec.pretrained
        else "no",
        "licence": f"{spec.licence} ({licence_class(spec.licence)})" if spec.pretrained else "no weights",
        "source": spec.source,
        "re-made by": f"zoo pretrain --recipe {spec.recipe}" if spec.recipe else "",
        "pre-train by": ", ".join(OBJECTIVES.names()),
        "fine-tune by": ", ".join(ADAPTATIONS.names()),
    }
    print("\n".join(f"{name:<16} {value}" for name, value in facts.items() if value))
    scratch = "" if spec.pretrained else ", pretrained=False"
    print(f'\nimport zoo\nbackbone = zoo.load("{spec.name}"{scratch})')
    print(f'features = backbone.encode(backbone.preprocess([image]))["{spec.modality}"].pooled')
    return 0
