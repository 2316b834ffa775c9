"""The library transformers: imported in one place, quiet, and never allowed to fetch or to run code of a repository."""

from __future__ import annotations

import importlib
import inspect
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError, MissingDependency, UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.specs import BackboneSpec

LOCAL = {"local_files_only": True, "trust_remote_code": False}
# What zoo sets in every configuration of a type, from scratch and pre-trained alike, and why.
SETTINGS: dict[str, dict[str, Any]] = {
    "vit_mae": {"mask_ratio": 0.0},  # features of whole images; the masks are an objective's business
    "big_bird": {"attention_type": "original_full"},  # sparse attention turns itself off for good after a short text
    "bigbird_pegasus": {"attention_type": "original_full"},
    "reformer": {"hash_seed": 0},  # its hashes are drawn anew in each call
}
ALWAYS = {"use_cache": False, "apply_spec_augment": False}  # no cache to fill; no masks drawn by numpy in training
_NOT_GRAPH = {
    *("transformers_version", "architectures", "model_type", "dtype", "torch_dtype", "_name_or_path", "id2label"),
    *("label2id", "task_specific_params", "quantization_config", "use_cache", "apply_spec_augment"),
}


def library() -> Any:
    """transformers, or the error that says how to get it."""
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingDependency("transformers", "transformers") from error


@contextmanager
def quietly() -> Iterator[None]:
    """Within the block transformers prints no reports and no bars: what they would say goes into `notes`."""
    logging = library().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def config_of(spec: BackboneSpec) -> Any:
    """The configuration of a record: the defaults of its model type, with the values that the record changes.

    Raises:
        UnknownName: the installed library has no such model type.
        IncompatibleError: the values do not make a configuration.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> config_of(BackboneSpec("transformers/bert", "transformers", "bert", config='{"hidden_size":96}')).hidden_size
        96
    """
    auto = library().AutoConfig
    known = importlib.import_module("transformers.models.auto.configuration_auto").CONFIG_MAPPING_NAMES
    if spec.arch not in known:
        raise UnknownName(
            "model type",
            spec.arch,
            known,
            f"transformers {library().__version__} is installed, and zoo runs no code of a repository.",
        )
    try:
        with quietly():
            return settled(auto.for_model(spec.arch, **json.loads(spec.config or "{}")))
    except Exception as error:  # each type checks its values in its own way
        raise IncompatibleError(
            f"{spec.name}: no configuration of type {spec.arch} has these values: {error}"
        ) from error


def settled(config: Any) -> Any:
    """The configuration with what zoo sets in all of its type, so that both ways to build give the same network."""
    for name, value in (ALWAYS | SETTINGS.get(config.model_type, {})).items():
        if hasattr(config, name):
            setattr(config, name, value)
    return config


def changes(config: Any) -> str:
    """JSON of the values that differ from the type's defaults and that a network is built from.

    Example:
        >>> changes(library().AutoConfig.for_model("bert", hidden_size=96, id2label={0: "no", 1: "yes"}))
        '{"hidden_size":96}'
    """
    default = library().AutoConfig.for_model(config.model_type)
    return json.dumps(_changed(config.to_dict(), default.to_dict()), sort_keys=True, separators=(",", ":"))


def _changed(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in now.items():
        if name in _NOT_GRAPH or (name in before and value == before[name]):
            continue
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name.endswith("_config"):
            inner = _changed(value, old)
            if inner:
                found[name] = inner | ({"model_type": value["model_type"]} if _other_type(value, old) else {})
        else:
            found[name] = value
    return found


def _other_type(value: dict[str, Any], old: dict[str, Any]) -> bool:
    return bool(value.get("model_type")) and value.get("model_type") != old.get("model_type")


def takes(function: Any, argument: str) -> bool:
    """Whether a function has an argument of this name.

    Example:
        >>> takes(lambda pixel_values: None, "pixel_values"), takes(lambda **options: None, "pixel_values")
        (True, False)
    """
    return argument in inspect.signature(function).parameters


def mapped(module: str, table: str, arch: str) -> Any:
    """An entry of one of the library's own tables of names by model type, or None."""
    names = getattr(importlib.import_module(f"transformers.models.auto.{module}"), table)
    return names.get(arch)
