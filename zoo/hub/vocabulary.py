"""The words that the hub knows in a card's metadata. The stock client lets nearly any text pass; zoo compares.

`vocabulary.json` holds the lists, each with where it was taken from and when. Torch-free, and no network.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import PublishError, UnknownName, UsageError
from zoo.io.names import check_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = Path(__file__).with_name("vocabulary.json")
NO_PAGE = ("torchvision", "torch")  # libraries that the hub has no page for; it takes their names all the same
FIELDS = (
    *("license", "license_name", "library_name", "pipeline_tag", "tags", "datasets", "base_model"),
    *("base_model_relation", "model-index"),
)


@cache
def words(kind: str) -> frozenset[str]:
    """The words of a kind: `licences`, `pipeline_tags`, `libraries` or `relations`.

    Example:
        >>> sorted(words("relations"))
        ['adapter', 'finetune', 'merge', 'quantized']
    """
    found = json.loads(FILE.read_text(encoding="utf-8"))[kind]["words"]
    return frozenset(found) | (frozenset(NO_PAGE) if kind == "libraries" else frozenset())


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """See that every word in the metadata of a card is one that the hub knows, and that nothing is left open.

    Raises:
        UnknownName: a licence, a pipeline tag, a library or a relation that the hub does not know; or another field.
        PublishError: a field that is missing, empty or of another shape.

    Example:
        >>> check_metadata({"license": "mit", "library_name": "timm", "pipeline_tag": "image-clasification"})
        Traceback (most recent call last):
        zoo.errors.UnknownName: unknown pipeline tag 'image-clasification'. Nearest: image-classification...
    """
    for name, value in metadata.items():
        if name not in FIELDS:
            raise UnknownName("field of a card's metadata", str(name), FIELDS)
        if value in (None, "", [], {}):
            raise PublishError(f"{name} in the card's metadata is empty. Fix: leave it out, or say it.")
    for name in ("license", "library_name"):
        if name not in metadata:
            raise PublishError(f"the card's metadata lack {name}. Fix: say it; nothing is assumed.")
    _known("licence", metadata["license"], words("licences"))
    if metadata["license"] == "other" and "license_name" not in metadata:
        raise PublishError("the licence is `other` without a license_name. Fix: name it.")
    _known("library", metadata["library_name"], words("libraries"))
    if "pipeline_tag" in metadata:
        _known("pipeline tag", metadata["pipeline_tag"], words("pipeline_tags"))
    if "base_model_relation" in metadata:
        _known("relation to a base model", metadata["base_model_relation"], words("relations"))
    if ("base_model" in metadata) != ("base_model_relation" in metadata):
        raise PublishError("base_model and base_model_relation go together. Fix: say both, or none.")
    if "base_model" in metadata:
        _repository("base_model", metadata["base_model"], owned=False)  # gpt2 has no owner
    for name in metadata.get("datasets", ()):
        _repository("datasets", name)
    if not all(isinstance(tag, str) and tag for tag in metadata.get("tags", ())):
        raise PublishError("tags in the card's metadata must be words. Fix: leave out what is none.")
    _check_index(metadata.get("model-index", []))


def slug(name: str) -> str:
    """A name as the hub writes them: small letters, digits and dashes.

    Example:
        >>> slug("My Photos/"), slug("\u00e9")
        ('my-photos', 'data')
    """
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return "-".join(filter(None, plain.split("-"))) or "data"


def _check_index(index: Any) -> None:
    """What the hub asks of a `model-index`: names, and results with a task, a data set and finite numbers."""
    try:
        for model in index:
            said = [model["name"], model["results"]]
            for result in model["results"]:
                _known("task of the model-index", result["task"]["type"], words("pipeline_tags"))
                said += [result["dataset"]["type"], result["dataset"]["name"], result["metrics"]]
                said += [metric["type"] and math.isfinite(metric["value"]) for metric in result["metrics"]]
            if not all(said):
                raise KeyError("something is empty")
    except (KeyError, TypeError) as error:
        raise PublishError(
            f"the model-index of the card is incomplete ({type(error).__name__} {error}). Fix: each result needs a "
            "task type, a data set's type and name, and metrics with a type and a finite value."
        ) from error


def _repository(field: str, name: Any, *, owned: bool = True) -> None:
    try:
        fits = "/" in check_repository(str(name)) or not owned
    except UsageError:
        fits = False
    if not fits:
        raise PublishError(
            f"{field} must name repositories of the hub (OWNER/NAME), received {name!r}. Fix: leave it out."
        )


def _known(kind: str, received: Any, known: Iterable[str]) -> None:
    if received not in known:
        raise UnknownName(kind, str(received), known, "Fix: a word that the hub knows (zoo/hub/vocabulary.json).")
