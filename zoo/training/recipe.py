"""Pre-training recipes: everything that defines a checkpoint, as a TOML file with a digest."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import InvalidRecord, UnknownName
from zoo.specs import Record, digest_of
from zoo.training.trainspec import TrainSpec

DTYPES = ("float32", "float16", "bfloat16")
STARTS = ("scratch", "pretrained", "ppmi")
LATER: dict[str, Any] = {"init": "scratch", "options": {}, "column": "", "bad_samples": "error", "augmentation": ""}
"""Fields that came after checkpoints were stored: left out of the JSON at these defaults, so that digests stay."""
FOLDER = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class Recipe(Record):
    """`backbone` is trained on `data` by `objective`, and saved as `dtype`.

    Attributes:
        name: becomes the tag of the result.
        data: a generated source, a data set, a folder or file, `hf-data:NAMESPACE/NAME`.
        init: `scratch`; `pretrained` for the weights that `backbone` names (continued pre-training); or `ppmi`, from
            scratch with token embeddings that count neighbours in the data (`zoo.training.embedding_start`).
        options: of the objective.
        column: of a table, the one that holds the samples; two with a comma between them for pairs.
        bad_samples: what becomes of samples that cannot be read: `error`, `skip` or such as `cap 5%`.
        augmentation: what corrupts samples of the user's own; empty is the usual one of their kind.
    """

    name: str
    backbone: str
    data: str
    objective: str
    training: TrainSpec
    about: str = ""
    dtype: str = "float32"
    init: str = "scratch"
    options: dict[str, Any] = field(default_factory=dict)
    column: str = ""
    bad_samples: str = "error"
    augmentation: str = ""

    def to_json(self, *, brief: bool = False) -> dict[str, Any]:
        """The record as a dict, as every record gives it, without what came later and is not used."""
        return {k: v for k, v in super().to_json(brief=brief).items() if k not in LATER or v != LATER[k]}

    def __post_init__(self) -> None:
        if self.init not in STARTS:
            raise InvalidRecord(f"init must be one of {', '.join(STARTS)}, received {self.init!r}.", ("init",))
        if self.dtype not in DTYPES:
            raise InvalidRecord(f"dtype must be one of {', '.join(DTYPES)}, received {self.dtype!r}.")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise InvalidRecord(
                f"name must be letters, digits, '-' and '_' (it becomes a tag), received {self.name!r}."
            )

    @property
    def digest(self) -> str:
        """SHA-256 of what changes the weights: not of the description, the device or how often it is saved.

        Nor of the policy for bad samples: a run that it ended goes on with another one, to the same weights.
        """
        ignored = {"device", "checkpoint_every"}
        training = {k: v for k, v in self.training.to_json().items() if k not in ignored}
        own = {k: v for k, v in self.to_json().items() if k != "bad_samples"}
        return digest_of({**own, "about": "", "training": training})


def recipe_names() -> list[str]:
    """Recipes that come with zoo."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe that comes with zoo by name, or any by the path of its TOML file.

    Raises:
        UnknownName: no such recipe.
        InvalidRecord: the file is not a complete recipe.

    Example:
        >>> load_recipe("glyphs").backbone
        'pocket/resnet10'
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
    if not path.is_file():
        known = recipe_names()
        raise UnknownName("recipe", str(name), known, f"Known: {', '.join(known)}; or the path of a .toml file.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        training = {"schema": TrainSpec.schema(), **data.pop("training", {})}
        return Recipe.from_json({"schema": Recipe.schema(), **data, "training": training})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidRecord) as error:
        raise InvalidRecord(f"{path} is not a valid recipe: {error}") from error
