"""The metadata at the top of a card: licence, library, task, base model and scores, in the words of the hub."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.hub.vocabulary import check_metadata, slug
from zoo.io.datasets import DATA, parse_data_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.hub.cards.base import Base
    from zoo.hub.licences import Licence
    from zoo.providers.exported import Exported

NOT_SCORES = {"metric", "low", "high", "interval", "validation", "labels", "test_items", "validation_items"}
_FEATURES = {
    "vision": "image-feature-extraction",
    "text": "feature-extraction",
    "speech": "feature-extraction",
    "image-text": "zero-shot-image-classification",
}
_CLASSIFIERS = {
    "image": "image-classification",
    "text": "text-classification",
    "text_pair": "text-classification",
    "audio": "audio-classification",
}


def metadata_of(exported: Exported, base: Base, licence: Licence, name: str) -> dict[str, Any]:
    """The metadata of a card, compared with the hub's vocabulary.

    Args:
        exported: the record of the export.
        base: what the weights began as.
        licence: what they are published under.
        name: of the model in its `model-index`.

    Raises:
        UnknownName, PublishError: a word that the hub does not know.
    """
    spec, fitted = exported.backbone, exported.fitted
    found: dict[str, Any] = {"license": licence.identifier}
    if licence.name:
        found["license_name"] = licence.name
    found["library_name"] = exported.library
    if tag := task_of(exported):
        found["pipeline_tag"] = tag
    words = ["zoo", spec.family or spec.arch, fitted.get("method", spec.objective)]
    kind = fitted["task"]["kind"] if fitted else ""
    words += (
        ["regression"] if kind.endswith("_regression") else ["multi-label"] if kind.endswith("_multi_label") else []
    )
    found["tags"] = list(dict.fromkeys(filter(None, words)))
    if fitted and fitted["task"]["name"].startswith(DATA):
        found["datasets"] = [repository_of(fitted["task"]["name"])]
    if base.repository:
        found |= {"base_model": base.repository, "base_model_relation": base.relation}
    if fitted and (index := index_of(fitted, name)):
        found["model-index"] = index
    check_metadata(found)
    return found


def task_of(exported: Exported) -> str:
    """The hub's name of what the model does; empty where it has none (a number for an image or a sound).

    Example:
        >>> from zoo.catalog.query import describe
        >>> from zoo.providers.exported import Exported
        >>> task_of(Exported("timm", "features", describe("timm/resnet18.a1_in1k")))
        'image-feature-extraction'
    """
    if not exported.fitted:
        return _FEATURES.get(exported.backbone.modality, "")
    if exported.fitted["method"] == "zero_shot":
        return "zero-shot-image-classification"
    inputs, _, answer = exported.fitted["task"]["kind"].rpartition("_")
    if answer == "label":
        inputs = inputs.removesuffix("_multi")
    found = _CLASSIFIERS.get(inputs, "")
    return "" if answer == "regression" and not found.startswith("text") else found


def index_of(fitted: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The `model-index` of a fitted model: its scores on the test part; empty where that was not read."""
    scores, task = fitted["scores"], fitted["task"]
    primary = scores.get("metric", "")
    known = [each for each in scores if each not in NOT_SCORES and is_finite(scores[each])]
    if primary not in known:
        return []
    kind, data = task["kind"], task["name"]
    hub = repository_of(data) if data.startswith(DATA) else ""
    inputs = "image" if kind.startswith("image") else "audio" if kind.startswith("audio") else "text"
    type_ = _CLASSIFIERS[inputs] if not kind.endswith("regression") or inputs == "text" else "other"
    metrics = [
        {"type": each, "name": f"{each.replace('_', ' ')} (test part)", "value": round(float(scores[each]), 4)}
        for each in sorted(known, key=lambda each: (each != primary, each))
    ]
    dataset = {"type": hub or slug(data), "name": hub or data, "split": "test", "args": {"digest": task["revision"]}}
    return [{"name": name, "results": [{"task": {"type": type_}, "dataset": dataset, "metrics": metrics}]}]


def front(metadata: Mapping[str, Any]) -> str:
    """The metadata as the block that a card begins with.

    Example:
        >>> print(front({"license": "mit"}), end="")
        ---
        license: mit
        ---
    """
    import yaml

    text = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{text}---\n"


def repository_of(data: str) -> str:
    """The repository of `hf-data:ORG/NAME[/FOLDER][@REVISION]`.

    Example:
        >>> repository_of("hf-data:org/pets/small@v2")
        'org/pets'
    """
    return parse_data_name(data).repository


def is_finite(value: object) -> bool:
    """Whether a score is a number that a card may show.

    Example:
        >>> is_finite(0.5), is_finite(float("nan")), is_finite(True)
        (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
