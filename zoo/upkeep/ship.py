"""Ship a checkpoint: `python -m zoo.upkeep.ship FOLDER` takes what `zoo pretrain` wrote into the package.

Copies the weights to `zoo/weights` and writes their digest, data and recipe digest into `zoo/catalog/pocket.json`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from zoo.errors import IncompatibleError
from zoo.providers.loading import WEIGHTS, read_folder
from zoo.providers.weights import read_weights

PACKAGE = Path(__file__).parent.parent
LIMIT = 5_000_000  # bytes of one shipped checkpoint


def ship(folder: Path, package: Path = PACKAGE) -> str:
    """Take the pocket checkpoint in `folder` into `package`, and return its name.

    Raises:
        WeightsError: not a backbone folder, or its weights are damaged.
        IncompatibleError: not a pocket backbone of the catalog, or larger than 5 MB.
    """
    spec = read_folder(folder)
    read_weights(folder / WEIGHTS, spec.digest)
    size = (folder / WEIGHTS).stat().st_size
    if size > LIMIT:
        raise IncompatibleError(f"{spec.name} has {size} bytes, and a shipped checkpoint at most {LIMIT}.")
    index_file = package / "catalog" / "pocket.json"
    index = json.loads(index_file.read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in index["backbones"]}
    if spec.name not in rows:
        raise IncompatibleError(f"{spec.name} is not in {index_file}; known: {', '.join(rows)}.")
    taken = ("digest", "recipe_digest", "parameters", "pretraining_flops")
    rows[spec.name] |= {name: getattr(spec, name) for name in taken}
    target = package / "weights" / f"{spec.arch}.{spec.tag}.safetensors"
    shutil.copyfile(folder / WEIGHTS, target)
    index_file.write_text(_compact(index), encoding="utf-8")
    return spec.name


def _compact(index: dict[str, object]) -> str:
    """Indented JSON with lists of plain values on one line, as the file is kept."""
    text = json.dumps(index, indent=2, ensure_ascii=False)
    return re.sub(r"\[([^][{}]*)\]", lambda found: "[" + " ".join(found[1].split()) + "]", text) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(ship(Path(name)))
