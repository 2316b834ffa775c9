"""What an open_clip backbone is made of: its configuration, its preprocessing and the files of its weights.

Traps of loading by hand are closed here: the activation is QuickGELU where either the configuration or the weights say
so (open_clip only warns), and the statistics of the images come from the weights' own entry or from the repository's
open_clip_config.json, never from a default that fits only OpenAI's weights. An architecture without weights has none
of its own, and takes OpenAI's, as in the catalog.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency, UnknownName, WeightsError
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
CROP_MODES = {"shortest": "center", "squash": "squash", "longest": "border"}  # open_clip's word -> that of the record


def model_config(spec: BackboneSpec) -> dict[str, Any]:
    """A copy of the configuration that open_clip's model classes take, with QuickGELU decided.

    Raises:
        UnknownName: no such architecture.
    """
    if spec.config:
        config: dict[str, Any] = json.loads(spec.config)["model_cfg"]
        return config
    open_clip = import_open_clip()
    known = open_clip.get_model_config(spec.arch) if spec.arch in open_clip.list_models() else None
    if known is None:
        raise UnknownName("open_clip architecture", spec.arch, open_clip.list_models())
    config = copy.deepcopy(known)
    config["quick_gelu"] = bool(config.get("quick_gelu")) or bool(published(spec).get("quick_gelu"))
    return config


def quick_gelu_note(spec: BackboneSpec) -> tuple[str, ...]:
    """What is said where open_clip's configuration and its entry of the weights do not agree on the activation."""
    if spec.config or not published(spec):
        return ()
    by_arch = bool(import_open_clip().get_model_config(spec.arch).get("quick_gelu"))
    by_tag = bool(published(spec).get("quick_gelu"))
    if by_arch == by_tag:
        return ()
    said = "the weights" if by_tag else "the architecture"
    return (f"{spec.name}: built with QuickGELU, because {said} of that name say so and the other entry does not",)


def published(spec: BackboneSpec) -> dict[str, Any]:
    """What open_clip's table says of these weights; empty for an architecture and for weights that zoo made."""
    found: dict[str, Any] = import_open_clip().get_pretrained_cfg(spec.arch, spec.tag) if spec.tag else {}
    return found


def weights_file(spec: BackboneSpec) -> str:
    """The safetensors file of these weights in their repository; open_clip's entry may name a pickle beside it.

    Example:
        >>> weights_file(BackboneSpec("open_clip/a", "open_clip", "a", config="{}"))
        'open_clip_model.safetensors'
    """
    file = "" if spec.config else published(spec).get("hf_hub", "").split("/", 2)[-1]
    stem, dot, _ = file.rpartition(".")
    return f"{stem}.safetensors" if dot else WEIGHTS


def image_config(spec: BackboneSpec) -> Any:
    """The `PreprocessCfg` of open_clip for a record."""
    import_open_clip()
    from open_clip.transform import PreprocessCfg

    words = {ours: theirs for theirs, ours in CROP_MODES.items()}
    return PreprocessCfg(
        size=tuple((spec.input_size or (3, 224, 224))[1:]),
        mean=spec.mean,
        std=spec.std,
        interpolation=spec.interpolation,
        resize_mode=words[spec.crop_mode],
    )


def repository_spec(config: Mapping[str, Any], name: str) -> BackboneSpec:
    """The record of a repository, from its open_clip_config.json.

    Raises:
        WeightsError: a configuration that lacks a tower or the statistics of the images, or says them wrongly.
    """
    try:
        model, images = config["model_cfg"], config["preprocess_cfg"]
        vision, text = model["vision_cfg"], model["text_cfg"]
        side = vision.get("image_size", 224)
        sides = (side, side) if isinstance(side, int) else tuple(side)
        tokenizer = "HFTokenizer" if text.get("hf_tokenizer_name") else "SimpleTokenizer"
        patch = vision.get("patch_size")
        return BackboneSpec(
            name=name,
            provider="open_clip",
            arch=name.rpartition("/")[2].partition("@")[0],
            modality="image-text",
            input_size=(3, *sides),
            mean=_three(images["mean"]),
            std=_three(images["std"]),
            interpolation="bilinear" if images.get("interpolation") == "bilinear" else "bicubic",
            crop_mode=CROP_MODES[images.get("resize_mode") or "shortest"],
            context=text.get("context_length", 77),
            tokenizer=tokenizer,
            lower_case=True if tokenizer == "SimpleTokenizer" else None,
            stride=patch if isinstance(patch, int) else None,
            config=json.dumps({"model_cfg": model, "preprocess_cfg": images}, sort_keys=True),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(
            f"{CONFIG} of {name} lacks or misstates {error}. zoo assumes no statistics of images that the repository "
            "does not state. Fix: add what is missing to its model_cfg or preprocess_cfg (mean and std)."
        ) from error


def import_open_clip() -> Any:
    """The library, or the error that says how to get it."""
    try:
        import open_clip
    except ImportError as error:
        raise MissingDependency("open_clip", "open_clip") from error
    return open_clip


def _three(values: Any) -> tuple[float, ...]:
    """Statistics of the channels; one number stands for all three."""
    found = (values,) * 3 if isinstance(values, int | float) else tuple(float(value) for value in values)
    if len(found) != 3:
        raise ValueError(f"3 channels (received {len(found)})")
    return found
