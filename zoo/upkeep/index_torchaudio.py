"""What torchaudio says of itself: the architectures and bundles of the wav2vec 2.0, HuBERT and WavLM family."""

from __future__ import annotations

import math
import re
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingDependency
from zoo.upkeep.curated import names
from zoo.upkeep.measuring import measure as measure_network
from zoo.upkeep.measuring import on_meta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from zoo.catalog.rows import Row
    from zoo.contracts import Features

HUB = ""
FOLDER = "https://download.pytorch.org/torchaudio/models/"
ARCHITECTURES = (
    *("wav2vec2_base", "wav2vec2_large", "wav2vec2_large_lv60k"),
    *("wav2vec2_xlsr_300m", "wav2vec2_xlsr_1b", "wav2vec2_xlsr_2b"),
    *("hubert_base", "hubert_large", "hubert_xlarge", "wavlm_base", "wavlm_large"),
)
# Licences are only told in the docstrings, as prose.
LICENCES = {"MIT License": "mit", "CC BY-NC 4.0": "cc-by-nc-4.0", "CC-BY-NC 4.0": "cc-by-nc-4.0"}
COMMON = {"provider": "torchaudio", "modality": "speech", "sample_rate": 16000, "padding": "masked"}


def library() -> str:
    """The installed library and its version.

    Raises:
        MissingDependency: torchaudio is not installed.

    Example:
        >>> library().split()[0]
        'torchaudio'
    """
    return f"torchaudio {_torchaudio().__version__.partition('+')[0]}"


def rows() -> Iterator[Row]:
    """One row an architecture and one a bundle."""
    for arch in ARCHITECTURES:
        yield COMMON | {"name": f"torchaudio/{arch}", "arch": arch, "tag": "", "family": arch.partition("_")[0]}
    for tag, bundle in bundles().items():
        arch = _architecture(tag, bundle)
        told = " ".join(bundle.__doc__.split())
        licence = next((name for words, name in LICENCES.items() if words in told.replace("*", "")), "unknown")
        tuned = hasattr(bundle, "get_labels")
        yield COMMON | {
            "name": f"torchaudio/{arch}.{tag}",
            "arch": arch,
            "tag": tag,
            "family": arch.partition("_")[0],
            "sample_rate": int(bundle.sample_rate),
            "normalize_waveform": bool(bundle._normalize_waveform),
            "licence": licence,
            "source": bundle._path if "://" in bundle._path else FOLDER + bundle._path,
            "weights_format": "pickle",
            "objective": "self-supervised, then CTC" if tuned else "self-supervised",
            "pretrained_on": _data(told),
            "curated": f"{arch}.{tag}" in names("torchaudio"),
        }


def measure(row: Row) -> dict[str, Any]:
    """The measured columns of a row: of the network without the layer for speech recognition."""
    import torch

    from zoo.contracts import Features

    def features(module: Any) -> Features:
        tokens = module.extract_features(torch.zeros(1, row["sample_rate"]))[0][-1]
        return Features(tokens.mean(1), tokens=tokens)

    layers = _parameters_of(row)["extractor_conv_layer_config"] if row.get("tag") else None
    stride = math.prod(step for _, _, step in layers) if layers else 320
    return measure_network(lambda: build(row), features) | {"stride": stride}


def build(row: Row) -> nn.Module:
    """The network of a row, from scratch."""
    models = _torchaudio().models
    if not row.get("tag"):
        named: nn.Module = getattr(models, row["arch"])()
        return named
    make = models.wavlm_model if row["arch"].startswith("wavlm") else models.wav2vec2_model
    module: nn.Module = make(**_parameters_of(row) | {"aux_num_out": None})
    return module


@cache
def bundles() -> dict[str, Any]:
    """All bundles of the family by name.

    Example:
        >>> len(bundles())
        30
    """
    import importlib

    pipelines = importlib.import_module("torchaudio.pipelines")
    found = {name: getattr(pipelines, name) for name in sorted(dir(pipelines))}
    return {name: bundle for name, bundle in found.items() if isinstance(bundle, pipelines.Wav2Vec2Bundle)}


def _parameters_of(row: Row) -> dict[str, Any]:
    parameters: dict[str, Any] = bundles()[row["tag"]]._params
    return parameters


def _architecture(tag: str, bundle: Any) -> str:
    """The architecture with the weights' shapes; of several alike, the one whose name is most like the tag."""
    shapes = _shapes(_WAVLM if bundle._model_type == "WavLM" else _WAV2VEC2, bundle._params)
    alike = [arch for arch in ARCHITECTURES if _named_shapes(arch) == shapes]
    return max(alike, key=lambda arch: SequenceMatcher(None, arch, tag.lower()).ratio())


_WAVLM, _WAV2VEC2 = "wavlm_model", "wav2vec2_model"


@cache
def _named_shapes(arch: str) -> dict[str, Any]:
    with on_meta():
        return _shapes_of(getattr(_torchaudio().models, arch)())


def _shapes(maker: str, parameters: dict[str, Any]) -> dict[str, Any]:
    with on_meta():
        return _shapes_of(getattr(_torchaudio().models, maker)(**parameters | {"aux_num_out": None}))


def _shapes_of(module: nn.Module) -> dict[str, Any]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def _data(told: str) -> str:
    """What the docstring says of the pre-training data, without its references."""
    plain = re.sub(r":cite:`[^`]*`|\([^)]*\)|[*`]", "", told)
    found = re.search(r"[Pp]re-trained on (.*?)(?:,? *(?:not |and |then )*fine-tuned|\. )", plain)
    return re.sub(r"\s+([,.])|\s+", lambda gap: gap[1] or " ", found[1]).strip(" ,") if found else ""


def _torchaudio() -> Any:
    try:
        import torchaudio.models
        import torchaudio.pipelines
    except ImportError as error:
        raise MissingDependency("torchaudio", "torchaudio") from error
    return torchaudio
