"""Repositories that timm wrote (`timm.models.save_for_hf`, `push_to_hf_hub`): a config.json with an `architecture`.

The configuration is a stranger's. Of it only what describes the network and its images is passed on, never where
weights lie or how they are read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zoo.catalog.query import describe
from zoo.errors import UnknownName, UnsafeContent, WeightsError
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGES = ("interpolation", "crop_pct", "crop_mode")
PASSED_ON = (  # of timm's PretrainedCfg
    *("num_classes", "input_size", "fixed_input_size", "min_input_size", "pool_size", "mean", "std"),
    *("first_conv", "classifier", "label_offset", *IMAGES),
)
# Arguments of timm's factory, not of a network: some of them read files.
REFUSED = frozenset(
    {"model_name", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}
    | {"scriptable", "exportable", "no_jit", "features_only", "pretrained_strict", "pretrained_filter_fn"}
)


def repository_spec(config: Mapping[str, Any], name: str) -> BackboneSpec:
    """The record of a repository, from its config.json.

    Raises:
        WeightsError: a configuration that does not say what images the network takes.
        UnsafeContent: one that asks for more than a network.
    """
    try:
        images = config.get("pretrained_cfg") or config  # older versions wrote one flat object
        options = {key: value for key, value in (config.get("model_args") or {}).items() if key != "num_classes"}
        refused = sorted(REFUSED & set(options))
        if refused:
            raise UnsafeContent(
                f"config.json of {name} sets {', '.join(refused)} in model_args, which choose files and not a network. "
                "Fix: do not use this repository; tell its owner."
            )
        kept = {key: images[key] for key in PASSED_ON if key in images}
        if "num_classes" in config:
            kept["num_classes"] = config["num_classes"]
        arch, _, tag = str(config["architecture"]).partition(".")
        return BackboneSpec(
            name=name,
            provider="timm",
            arch=arch,
            tag=tag,
            input_size=tuple(int(length) for length in images["input_size"]),
            mean=tuple(float(value) for value in images["mean"]),
            std=tuple(float(value) for value in images["std"]),
            **{key: images[key] for key in IMAGES if images.get(key)},
            can=_usual(arch),
            licence=str(images.get("license") or "unknown").lower(),
            config=json.dumps({"model_args": options, "pretrained_cfg": kept}, sort_keys=True),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(
            f"config.json of {name} lacks or misstates {error}. zoo assumes no preprocessing that the repository does "
            "not state. Fix: add input_size, mean and std to its pretrained_cfg."
        ) from error


def _usual(arch: str) -> tuple[str, ...]:
    """What timm's network of this name gives; a network that is none of timm's own is measured when it is built."""
    try:
        return describe(f"timm/{arch}").can
    except UnknownName:
        return ("pooled",)


def repository_options(spec: BackboneSpec) -> dict[str, Any]:
    """What `timm.create_model` is to be told beside the architecture; nothing for timm's own tags.

    Example:
        >>> repository_options(BackboneSpec("timm/a", "timm", "a"))
        {}
    """
    if not spec.config:
        return {}
    config = json.loads(spec.config)
    return {"pretrained_cfg": config["pretrained_cfg"], **config["model_args"]}
