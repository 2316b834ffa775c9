"""What transformers says of itself: its model types of four modalities, and the curated checkpoints of those types.

A model type is a row by its default configuration, which can be built from scratch. A checkpoint's row says how its
configuration differs from that, as far as it is known without a network; its own `config.json` has the last word.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency
from zoo.providers import transformers_speech, transformers_text
from zoo.upkeep.curated import checkpoints
from zoo.upkeep.measuring import measure as measure_network
from zoo.upkeep.transformers_inputs import features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.catalog.rows import Row

HUB = ""
# Which of transformers' own tables of model types stand for a modality. The first that names a type decides.
TABLES = {
    "image-text": ("ZERO_SHOT_IMAGE_CLASSIFICATION",),
    "speech": ("AUDIO_CLASSIFICATION", "CTC", "AUDIO_XVECTOR"),
    "vision": ("IMAGE_CLASSIFICATION", "MASKED_IMAGE_MODELING", "BACKBONE"),
    "text": ("MASKED_LM", "SEQUENCE_CLASSIFICATION", "TEXT_ENCODING", "CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM"),
}
ALSO = {"whisper": "speech", "clap": "speech", "vit_mae": "vision"}  # in none of those tables, or in another
NOT = ("timm_backbone", "timm_wrapper")  # timm's own networks, which the provider timm has


def library() -> str:
    """The installed library and its version.

    Raises:
        MissingDependency: transformers is not installed.

    Example:
        >>> library().split()[0]
        'transformers'
    """
    return f"transformers {_transformers().__version__}"


def rows() -> Iterator[Row]:
    """One row a model type, then one a curated checkpoint."""
    modalities = types()
    for arch in sorted(modalities):
        yield {"name": f"transformers/{arch}", "tag": "", **_facts(arch, modalities[arch], {})}
    for checkpoint in checkpoints():
        told = dict(checkpoint)
        repository, arch, config = told.pop("id"), told.pop("type"), told.pop("config", {})
        yield {
            "name": f"transformers/{repository}",
            "tag": repository,
            "source": f"hf-hub:{repository}",
            "curated": True,
            **_facts(arch, modalities[arch], config),
            **told,
        }


@cache
def types() -> dict[str, str]:
    """The modality of each model type that is listed.

    Example:
        >>> types()["bert"], types()["wav2vec2"], types()["clip"]
        ('text', 'speech', 'image-text')
    """
    from transformers.models.auto import modeling_auto

    found: dict[str, str] = {}
    for modality, tables in TABLES.items():
        for table in tables:
            for arch in getattr(modeling_auto, f"MODEL_FOR_{table}_MAPPING_NAMES"):
                found.setdefault(arch, modality)
    found |= ALSO
    buildable = modeling_auto.MODEL_MAPPING_NAMES
    return {arch: modality for arch, modality in found.items() if arch in buildable and _is_one(arch, modality)}


def config_of(row: Row) -> Any:
    """The configuration of a row: its model type's default with the values that the row changes."""
    return _transformers().AutoConfig.for_model(row["arch"], **json.loads(row.get("config") or "{}"))


def measure(row: Row) -> dict[str, Any]:
    """The measured columns of a row: parameters of the whole network without heads; widths of its encoder's features.

    Where a text network cannot run on the meta device, its widths are those of its configuration.
    """
    transformers = _transformers()
    config = config_of(row)
    found = measure_network(
        lambda: transformers.AutoModel.from_config(config), lambda module: features(module, config, row)
    )
    width = getattr(config, "hidden_size", None)
    if row["modality"] == "text" and "pooled_dim" not in found and width and found:  # it does not run on meta
        found |= {"pooled_dim": width, "token_dim": width, "can": ["pooled", "tokens"]}
    return found


def _is_one(arch: str, modality: str) -> bool:
    """Whether a model type has a default configuration, of this modality alone."""
    if arch in NOT:
        return False
    try:
        config = _transformers().AutoConfig.for_model(arch)
    except Exception:  # a configuration that cannot be made without arguments, for any reason
        return False
    parts = ("vision_config", "audio_config")
    return modality != "text" or not any(hasattr(config, part) for part in parts)


def _facts(arch: str, modality: str, changes: dict[str, Any]) -> dict[str, Any]:
    config = _transformers().AutoConfig.for_model(arch, **changes)
    row: dict[str, Any] = {"provider": "transformers", "arch": arch, "family": arch, "modality": modality}
    if changes:
        row["config"] = json.dumps(changes, sort_keys=True, separators=(",", ":"))
    if modality in ("text", "image-text"):
        row["tokenizer"] = _tokenizer(arch)
        row["context"] = _context(arch, getattr(config, "text_config", config))
    if modality == "text":
        row["padding"] = transformers_text.padding_of(arch)
    if modality in ("vision", "image-text"):
        image = getattr(config, "vision_config", config)
        row |= _image(arch, image)
        row["stride"] = _patch(image)
    if modality == "speech":
        row["sample_rate"] = _sample_rate(arch)
        row["normalize_waveform"] = _normalizes(arch)
        row["padding"] = transformers_speech.padding_of(arch, adapter=bool(getattr(config, "add_adapter", False)))
        steps = getattr(config, "conv_stride", None)
        row["stride"] = math.prod(steps) if steps else None
    return row


def _context(arch: str, config: Any) -> int | None:
    """The most tokens; models that number positions from after the padding token lose those places."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"):
        most = getattr(config, name, None)
        if isinstance(most, int) and most > 0:
            roberta_like = any(
                word in arch for word in ("roberta", "camembert", "data2vec-text", "mpnet", "longformer")
            )
            return most - 2 if roberta_like else most
    return None


def _tokenizer(arch: str) -> str:
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    name = TOKENIZER_MAPPING_NAMES.get(arch)
    return next((one for one in name if one), "") if isinstance(name, tuple) else name or ""


def _image(arch: str, config: Any) -> dict[str, Any]:
    """Size by the configuration; statistics by the class of image processor that the model type uses."""
    image_processing_auto: Any = importlib.import_module("transformers.models.auto.image_processing_auto")
    side = getattr(config, "image_size", None) or 224
    sides = tuple(side) if isinstance(side, list | tuple) else (side, side)
    channels = getattr(config, "num_channels", None) or 3
    row: dict[str, Any] = {"input_size": (channels, *sides)}
    names = image_processing_auto.IMAGE_PROCESSOR_MAPPING_NAMES.get(arch) or {}
    name = names.get("torchvision") or names.get("pil")
    processor = image_processing_auto.get_image_processor_class_from_name(name) if name else None
    mean, std = getattr(processor, "image_mean", None), getattr(processor, "image_std", None)
    if mean and std and len(mean) == channels:
        row |= {"mean": tuple(mean), "std": tuple(std)}
    resample = getattr(getattr(processor, "resample", None), "name", "bicubic")
    return row | {"interpolation": resample.lower()}


def _patch(config: Any) -> int | None:
    patch = getattr(config, "patch_size", None)
    patch = max(patch) if isinstance(patch, list | tuple) and patch else patch
    return patch if isinstance(patch, int) else None


def _sample_rate(arch: str) -> int | None:
    rate = _default(arch, "sampling_rate")
    return rate if isinstance(rate, int) else None


def _normalizes(arch: str) -> bool:
    return _default(arch, "do_normalize") is True and _default(arch, "feature_size") == 1


def _default(arch: str, argument: str) -> Any:
    """The default of an argument of the feature extractor that the model type uses."""
    feature_extraction_auto: Any = importlib.import_module("transformers.models.auto.feature_extraction_auto")
    name = feature_extraction_auto.FEATURE_EXTRACTOR_MAPPING_NAMES.get(arch)
    extractor = getattr(_transformers(), name, None) if name else None
    if extractor is None:
        return None
    parameter = inspect.signature(extractor.__init__).parameters.get(argument)
    return parameter.default if parameter else None


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency("transformers", "transformers") from error
    return transformers
