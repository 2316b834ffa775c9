"""`zoo list` and `zoo show`: which backbones there are, without loading any library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.shown import shape, size

if TYPE_CHECKING:
    import argparse

    from zoo.cli.main import Add


LIST_EXAMPLES = """\
  zoo list 'resnet*' --license permissive --pretrained
  zoo list --curated --max-params 30M --sort params    # canonical checkpoints, smallest first
  zoo list --provider pocket --json"""

SHOW_EXAMPLES = """\
  zoo show pocket/resnet10.glyphs
  zoo show runs/digits                   # a folder, or hf-hub:ORGANISATION/NAME: whatever zoo.load takes"""


def commands(add: Add) -> None:
    """Register them with `add`."""
    one = add("list", _list, "List backbones, without loading any library.", LIST_EXAMPLES)
    one.add_argument("pattern", nargs="?", default="*", help="a glob over names, such as 'resnet*'")
    one.add_argument("--provider", help="timm, pocket, ...")
    one.add_argument("--modality", help="text, vision, speech or image-text")
    one.add_argument("--family", help="a model family, such as resnet, bert or wav2vec2")
    one.add_argument("--license", help="an identifier, or permissive, copyleft, noncommercial, other, unknown")
    one.add_argument("--max-params", help="at most so many parameters, such as 30M; unknown sizes are left out")
    one.add_argument("--min-params", help="at least so many parameters")
    one.add_argument("--can", action="append", default=[], help="a capability it must have: tokens, maps")
    one.add_argument("--curated", action="store_true", default=None, help="only the canonical checkpoints")
    one.add_argument("--sort", default="name", help="name (default), params or width; --sort=-params for largest first")
    one.add_argument("--limit", type=int, help="at most so many")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--pretrained", action="store_true", default=None, help="only with trained weights")
    which.add_argument("--scratch", action="store_false", dest="pretrained", default=None, help="only architectures")
    one.add_argument("--json", action="store_true", help="one JSON list; fields at their default are left out")

    one = add("show", _show, "Show one backbone: facts, preprocessing, and how to load it.", SHOW_EXAMPLES)
    one.add_argument("name")
    one.add_argument("--json", action="store_true", help="its record as JSON")


def _list(options: argparse.Namespace) -> int:
    from zoo.catalog.query import find, near

    found = find(
        options.pattern,
        provider=options.provider,
        modality=options.modality,
        family=options.family,
        license=options.license,
        max_params=options.max_params,
        min_params=options.min_params,
        can=options.can,
        curated=options.curated,
        pretrained=options.pretrained,
        sort=options.sort,
        limit=options.limit,
    )
    if options.json:
        from zoo.specs import BackboneSpec

        schema = BackboneSpec.schema()  # a row of the catalog is brief already; to_json() would double the time
        print(json.dumps([{"schema": schema, **vars(spec)} for spec in found]))
        return 0
    width = max((len(spec.name) for spec in found), default=0)
    lines = [f"{s.name:<{width}}  {size(s):>10}  {shape(s):>13}  {s.licence}" for s in found]
    print("\n".join(lines) if lines else f"no backbone matches{near(options.pattern)}; `zoo list` shows all")
    return 0


def _show(options: argparse.Namespace) -> int:
    from zoo import adaptations, objectives, tasks
    from zoo.catalog.fit import fits
    from zoo.catalog.query import describe
    from zoo.cli.page import page

    if options.name.startswith(("hf-hub:", "module/")) or Path(options.name).expanduser().is_dir():
        from zoo.providers.loading import spec_of  # takes longer to import than the catalog takes to be read

        spec = spec_of(options.name)
    else:
        spec = describe(options.name)
    if options.json:
        print(json.dumps(spec.to_json()))
        return 0
    fitting = {
        "pre-train by": fits(spec, objectives.OBJECTIVES.names(), objectives.NEEDS),
        "fine-tune by": fits(spec, adaptations.ADAPTATIONS.names(), adaptations.NEEDS),
        "tasks": fits(spec, tasks.TASKS.names(), tasks.NEEDS),
    }
    print(page(spec, fitting))
    return 0
